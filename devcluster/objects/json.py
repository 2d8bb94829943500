"""JSON as it lies on the wire and in the store."""

from __future__ import annotations

from typing import Any

import msgspec

JSONValue = Any
"""A decoded JSON value: None, bool, int, float, str, list or dict."""

Object = dict[str, JSONValue]
"""A decoded JSON object. Who holds one owns it: the store gives out fresh ones."""

encode = msgspec.json.encode
"""Encodes a JSON value without spaces, keys in their order."""


def decode(document: bytes) -> JSONValue:
    """Decode one JSON document. Raises ValueError with the place of the error."""
    try:
        return msgspec.json.decode(document)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"json parse error: {error}") from error


def dig(value: JSONValue, path: str) -> JSONValue:
    """Follow the fields of a path like `metadata.name`; None where one is missing."""
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value
