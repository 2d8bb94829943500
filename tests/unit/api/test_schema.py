"""The schema of each kind is the published one, and structural."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.api.our_tables import OURS
from tests.unit.api.schema_tables import TABLES, Row
from vso_controller.api.crd import custom_resource_definition
from vso_controller.api.kinds import KINDS, kind_named

Schema = dict[str, Any]

# What a structural schema may hold, of which no more than this is used here.
KEYWORDS = {
    "additionalProperties",
    "default",
    "description",
    "enum",
    "format",
    "items",
    "maxLength",
    "maximum",
    "minLength",
    "minimum",
    "pattern",
    "properties",
    "required",
    "type",
}
PYTHON_TYPES = {
    "boolean": bool,
    "integer": int,
    "string": str,
    "array": list,
    "object": dict,
}


@pytest.mark.parametrize(("kind_name", "part"), TABLES)
def test_fields_are_those_of_the_published_schema_and_ours(
    kind_name: str, part: str
) -> None:
    schema = object_schema(kind_name)["properties"][part]
    ours = OURS.get((kind_name, part), {})

    assert dict(rows(schema)) == {**TABLES[kind_name, part], **ours}


@pytest.mark.parametrize(("kind_name", "part"), TABLES)
def test_nothing_is_stricter_than_the_published_schema(
    kind_name: str, part: str
) -> None:
    found = dict(rows(object_schema(kind_name)["properties"][part]))
    published = TABLES[kind_name, part]

    stricter = [path for path, row in published.items() if refuses(found[path], row)]
    assert stricter == []


@pytest.mark.parametrize(("kind_name", "part"), OURS)
def test_what_is_ours_may_be_left_out_and_is_then_neutral(
    kind_name: str, part: str
) -> None:
    published = TABLES[kind_name, part]
    ours = {
        path: row
        for path, row in OURS[kind_name, part].items()
        if path not in published and "[]" not in path
    }
    # What lies within an object of ours says nothing where that is left out.
    ours = {
        path: row for path, row in ours.items() if path.rpartition(".")[0] not in ours
    }

    assert [path for path, row in ours.items() if row.required] == []
    assert [path for path, row in ours.items() if row.default is not None] == []


def test_every_kind_has_its_tables() -> None:
    assert {kind.name for kind in KINDS} == {name for name, _ in TABLES}


@pytest.mark.parametrize("kind_name", [kind.name for kind in KINDS])
def test_schema_is_structural(kind_name: str) -> None:
    for path, node in nodes(object_schema(kind_name)):
        assert node["type"] in PYTHON_TYPES, path
        assert node.keys() <= KEYWORDS, path
        assert not {"properties", "additionalProperties"} <= node.keys(), path
        assert set(node.get("required", ())) <= set(node.get("properties", ())), path
        assert ("items" in node) == (node["type"] == "array"), path


@pytest.mark.parametrize("kind_name", [kind.name for kind in KINDS])
def test_defaults_obey_their_own_schema(kind_name: str) -> None:
    with_default = [
        (path, node)
        for path, node in nodes(object_schema(kind_name))
        if "default" in node
    ]

    for path, node in with_default:
        default = node["default"]
        assert type(default) is PYTHON_TYPES[node["type"]], path
        assert default in node.get("enum", [default]), path
        assert node.get("minimum", default) <= default, path
        assert node.get("maximum", default) >= default, path


@pytest.mark.parametrize("kind_name", [kind.name for kind in KINDS])
def test_every_field_is_described(kind_name: str) -> None:
    properties = object_schema(kind_name)["properties"]

    for part in ("spec", "status"):
        for path, node in fields(properties[part], part):
            assert node.get("description", "").endswith("."), path


def test_fields_are_objects_of_their_own() -> None:
    schema = object_schema("VaultAuth")
    seen: set[int] = set()

    for path, node in nodes(schema):
        for value in node.values():
            if isinstance(value, list | dict):
                assert id(value) not in seen, f"{path} would become a YAML alias"
                seen.add(id(value))


def object_schema(kind_name: str) -> Schema:
    kind = kind_named(kind_name)
    assert kind is not None
    (version,) = custom_resource_definition(kind)["spec"]["versions"]
    schema: Schema = version["schema"]["openAPIV3Schema"]
    return schema


def nodes(node: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Walk every schema node, the root included."""
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}".lstrip("."))
    if "items" in node:
        yield from nodes(node["items"], f"{path}[]")
    if "additionalProperties" in node:
        yield from nodes(node["additionalProperties"], f"{path}.*")


def fields(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Walk the nodes that are fields: not the root, not the items of a collection."""
    for found, node in nodes(schema, path):
        if found != path and not found.endswith(("[]", ".*")):
            yield found, node


def rows(schema: Schema) -> Iterator[tuple[str, Row]]:
    """Say a schema in the words of the tables."""
    required = required_paths(schema)
    for path, node in fields(schema):
        yield (
            path,
            Row(
                type_of(node),
                required=path in required,
                default=node.get("default"),
                enum=tuple(node.get("enum", ())),
                pattern=node.get("pattern", ""),
                minimum=node.get("minimum"),
                maximum=node.get("maximum"),
                format=node.get("format", ""),
                min_length=node.get("minLength"),
                max_length=node.get("maxLength"),
            ),
        )


def refuses(ours: Row, published: Row) -> bool:
    """Tell whether there may be values that `published` takes and `ours` does not."""
    return (
        ours.type != published.type
        or (ours.required and not published.required)
        or (bool(ours.enum) and not {*published.enum} <= {*ours.enum})
        or (bool(ours.enum) and not published.enum)
        or ours.pattern not in {"", published.pattern}
        or ours.format not in {"", published.format}
        or is_higher(ours.minimum, published.minimum)
        or is_higher(ours.min_length, published.min_length)
        or is_lower(ours.maximum, published.maximum)
        or is_lower(ours.max_length, published.max_length)
    )


def is_higher(bound: int | None, than: int | None) -> bool:
    """Tell whether a lower bound leaves less room than another; None is no bound."""
    return bound is not None and (than is None or bound > than)


def is_lower(bound: int | None, than: int | None) -> bool:
    """Tell whether an upper bound leaves less room than another; None is no bound."""
    return bound is not None and (than is None or bound < than)


def required_paths(schema: Schema) -> set[str]:
    return {
        f"{path}.{name}".lstrip(".")
        for path, node in nodes(schema)
        for name in node.get("required", ())
    }


def type_of(node: Schema) -> str:
    if node["type"] == "array":
        return f"[]{node['items']['type']}"
    if "additionalProperties" in node:
        return f"map of {node['additionalProperties']['type']}"
    return str(node["type"])
