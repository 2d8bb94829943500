"""Structural schemas: what the contract does not ask about them."""

from __future__ import annotations

from typing import Any

import pytest

from devcluster.objects.schemas import StructuralSchema

TEXT = {"type": "string"}


def faults(value: object, schema: dict[str, Any]) -> list[str]:
    return [str(cause) for cause in StructuralSchema(schema).problems(value, "spec")]


def test_pruning_names_what_it_removed() -> None:
    schema = {
        "properties": {
            "list": {"items": {"properties": {"a": TEXT}}},
            "map": {"additionalProperties": {"properties": {"a": TEXT}}},
        }
    }
    value = {"list": [{"a": "1", "b": "2"}], "map": {"k": {"b": "2"}}, "c": 1}

    removed = StructuralSchema(schema).prune(value)

    assert sorted(removed) == ["c", "list[0].b", "map.k.b"]
    assert value == {"list": [{"a": "1"}], "map": {"k": {}}}


def test_pruning_goes_on_below_what_is_preserved() -> None:
    schema = {
        "x-kubernetes-preserve-unknown-fields": True,
        "properties": {"known": {"type": "object", "properties": {}}},
    }
    value = {"unknown": {"a": 1}, "known": {"a": 1}}

    StructuralSchema(schema).prune(value)

    assert value == {"unknown": {"a": 1}, "known": {}}


def test_defaults_are_copies() -> None:
    schema: dict[str, Any] = {"properties": {"list": {"default": []}}}
    first: dict[str, Any] = {}
    second: dict[str, Any] = {}
    StructuralSchema(schema).default(first)
    first["list"].append(1)

    StructuralSchema(schema).default(second)

    assert second == {"list": []}


def test_defaults_reach_items_of_lists_and_maps() -> None:
    item = {"properties": {"a": {"default": 1}}}
    schema = {
        "properties": {
            "list": {"items": item},
            "map": {"additionalProperties": item},
        }
    }
    value = {"list": [{}], "map": {"k": {}}}

    StructuralSchema(schema).default(value)

    assert value == {"list": [{"a": 1}], "map": {"k": {"a": 1}}}


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        (None, {"type": "string", "nullable": True}),
        (1.0, {"type": "integer"}),
        (1, {"type": "number"}),
        ("", {"type": "string"}),
        ("http", {"x-kubernetes-int-or-string": True}),
        ([{"k": 1}, {"k": 2}], {"x-kubernetes-list-type": "map"}),
    ],
    ids=str,
)
def test_value_that_fits_has_no_faults(value: object, schema: dict[str, Any]) -> None:
    assert faults(value, schema) == []


@pytest.mark.parametrize(
    ("value", "schema", "fault"),
    [
        (None, TEXT, 'spec in body must be of type string: "null"'),
        ([], {"minItems": 1}, "should be of at least 1 items"),
        ([1, 2], {"maxItems": 1}, "should be of at most 1 items"),
        ({"a": 1}, {"maxProperties": 0}, "should be of at most 0 properties"),
        ({}, {"minProperties": 1}, "should be of at least 1 properties"),
        (
            [{"k": 1, "v": 1}, {"k": 1, "v": 2}],
            {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"]},
            'spec[1]: Duplicate value: {"k":1}',
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_value_that_does_not_fit_is_explained(
    value: object, schema: dict[str, Any], fault: str
) -> None:
    (told,) = faults(value, schema)

    assert fault in told
