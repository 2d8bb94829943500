"""Schemas of built-in kinds: known fields and their types, not every field within.

A real server decodes built-in objects into full Go structs. Here the top level is
typed, and below it only what a client can rely on being refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from devcluster.errors import Cause
from devcluster.objects.json import Object

JSON_OBJECT = dict[str, Any]
JSON_OBJECTS = list[dict[str, Any]]
TEXTS = dict[str, str]

_META_FIELDS = frozenset({"apiVersion", "kind", "metadata"})

Validator = Callable[[Object, Object | None], Iterable[Cause]]


def _leave(_: Object) -> None:
    """Change nothing."""


def _accept(_new: Object, _old: Object | None) -> Iterable[Cause]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltinSchema:
    """The schema of a built-in kind (a `Schema`)."""

    fields: Mapping[str, Any]  # field to type, as msgspec converts
    check: Callable[[Object], None] = _leave  # raises ValueError: not decodable
    defaults: Callable[[Object], None] = _leave
    validator: Validator = _accept

    def prune(self, value: Object) -> list[str]:
        unknown = [key for key in value if key not in self.fields.keys() | _META_FIELDS]
        nulls = [key for key, each in value.items() if each is None]
        for key in {*unknown, *nulls}:
            del value[key]
        for key in self.fields.keys() & value.keys():
            try:
                msgspec.convert(value[key], self.fields[key])
            except msgspec.ValidationError as error:
                raise ValueError(f"{key}: {error}") from error
        self.check(value)
        return unknown

    def default(self, value: Object) -> None:
        self.defaults(value)

    def validate(self, new: Object, old: Object | None) -> list[Cause]:
        return list(self.validator(new, old))
