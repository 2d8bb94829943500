"""Which parts of an object a write changes.

Pure. An object is taken apart into named parts: each label, annotation, key of the
data and field of spec and status is one, each condition too. What the server keeps
by itself is none, and neither is the time of a condition.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from vso_controller.foundation.intentions import Differences

Document = Mapping[str, Any]
"""An object as JSON: its shape is the server's business."""

_OF_THE_SERVER = frozenset({"apiVersion", "kind", "metadata"})
_NAMED = ("labels", "annotations")
_WHOLE = ("ownerReferences", "finalizers")
_OF_A_CONDITION = ("status", "reason", "message", "observedGeneration")


def patched(document: Document, patch: Document) -> dict[str, Any]:
    """Return the document after a JSON merge patch (RFC 7396)."""
    result = dict(document)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            before = result.get(name)
            result[name] = patched(before if isinstance(before, dict) else {}, value)
        else:
            result[name] = value
    return result


def differences(before: Document, after: Document) -> Differences:
    """Return which parts a write from `before` to `after` changes, sorted."""
    old, new = parts(before), parts(after)
    kept = new.keys() & old.keys()
    return Differences(
        added=_told(new, new.keys() - kept),
        changed=_told(new, {name for name in kept if new[name] != old[name]}),
        removed=tuple(sorted(old.keys() - kept)),
    )


def parts(document: Document) -> dict[str, Any]:
    """Take a document apart."""
    return dict([*_of_metadata(document.get("metadata") or {}), *_of_content(document)])


def _of_metadata(metadata: Document) -> Iterator[tuple[str, Any]]:
    for field in _NAMED:
        for name, value in (metadata.get(field) or {}).items():
            yield f"{field}/{name}", value
    for field in _WHOLE:
        if metadata.get(field):
            yield field, metadata[field]


def _of_content(document: Document) -> Iterator[tuple[str, Any]]:
    for field, value in document.items():
        if field in _OF_THE_SERVER:
            continue
        if not isinstance(value, dict):
            yield field, value
            continue
        for name, inner in value.items():
            if field == "status" and name == "conditions":
                yield from _of_conditions(inner or [])
            else:
                yield f"{field}/{name}", inner


def _of_conditions(conditions: list[Document]) -> Iterator[tuple[str, Any]]:
    for each in conditions:
        name = f"conditions/{each.get('type')}"
        yield name, {field: each.get(field) for field in _OF_A_CONDITION}


def _told(document: Document, names: set[str]) -> tuple[str, ...]:
    return tuple(sorted(_shown(name, document[name]) for name in names))


def _shown(name: str, value: Any) -> str:  # noqa: ANN401 - any JSON
    if name.startswith("conditions/"):
        return f"{name}={value['status']}({value['reason']})"
    return f"{name}={value}" if name == "type" else name
