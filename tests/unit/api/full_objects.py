"""One object of a kind with every field there is, made from the tables."""

from __future__ import annotations

import re
from typing import Any

from tests.unit.api.our_tables import OURS
from tests.unit.api.schema_tables import TABLES, Row

Object = dict[str, Any]

_OF_PATTERNS = ("30s", "Ready", "a")
"""What one pattern or another is tried with."""


def full_object(kind: str, namespace: str) -> Object:
    """Return an object of this kind that leaves no field of spec and status out."""
    return {
        "apiVersion": "secrets.hashicorp.com/v1beta1",
        "kind": kind,
        "metadata": {"name": "full", "namespace": namespace},
        "spec": full_part(kind, "spec"),
        "status": full_part(kind, "status"),
    }


def full_part(kind: str, part: str) -> Object:
    """Return a spec or a status with every field."""
    made: Object = {}
    fields = {**TABLES[kind, part], **OURS.get((kind, part), {})}
    for path, row in fields.items():
        *parents, name = path.replace("[]", ".[]").split(".")
        _place(made, parents)[name] = _value(row)
    return made


def _place(root: Object, parents: list[str]) -> Object:
    """Return the object that the field lies in; the objects around it are there."""
    place: Any = root
    for step in parents:
        if step == "[]":
            place = place[0]
        elif step == "*":
            place = place["any"]
        else:
            place = place[step]
    found: Object = place
    return found


def _value(row: Row) -> object:
    if row.type.startswith("[]"):
        return [_plain(row.type.removeprefix("[]"), row)]
    if row.type.startswith("map of "):
        return {"any": _plain(row.type.removeprefix("map of "), row)}
    return _plain(row.type, row)


def _plain(type_name: str, row: Row) -> object:
    match type_name:
        case "object":
            return {}
        case "boolean":
            return True
        case "integer":
            return row.minimum or 7
        case _:
            return _text(row)


def _text(row: Row) -> str:
    if row.enum:
        return row.enum[-1]
    if row.format == "date-time":
        return "2026-11-24T04:00:00Z"
    if row.pattern:
        return next(each for each in _OF_PATTERNS if re.search(row.pattern, each))
    return "some"
