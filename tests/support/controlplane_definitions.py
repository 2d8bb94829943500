"""Definitions as the control plane of the tests takes them.

Its source (1.20) is older than the Go it is built with, so it compares an empty string
with the zero value of its type and takes it for null. No released server does. Where
strings may be null, it stores empty ones.
"""

from __future__ import annotations

from typing import Any

Manifest = dict[str, Any]


def with_empty_strings(manifest: Manifest) -> Manifest:
    """Return a manifest; if it is a definition, one whose strings may be empty."""
    if manifest["kind"] != "CustomResourceDefinition":
        return manifest
    return {key: _adapted(value) for key, value in manifest.items()}


def _adapted(node: object) -> object:
    match node:
        case dict():
            changed = {key: _adapted(value) for key, value in node.items()}
            is_schema = node.get("type") == "string" and "jsonPath" not in node
            return changed | ({"nullable": True} if is_schema else {})
        case list():
            return [_adapted(each) for each in node]
        case _:
            return node
