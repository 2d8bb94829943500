"""Patches of three kinds: what they make of a document, and when they fail."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devcluster.objects.patches import (
    JSON_PATCH,
    MERGE_KEYS,
    PatchRefused,
    merge,
    patched,
)

DOCUMENT = {"a": {"b": [1, 2, 3]}, "c~d": 1, "e/f": 2}
SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(max_size=2), VALUES, max_size=4)


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ({"op": "add", "path": "/a/b/1", "value": 9}, {"b": [1, 9, 2, 3]}),
        ({"op": "add", "path": "/a/b/-", "value": 9}, {"b": [1, 2, 3, 9]}),
        ({"op": "add", "path": "/a/x", "value": 9}, {"b": [1, 2, 3], "x": 9}),
        ({"op": "remove", "path": "/a/b/0"}, {"b": [2, 3]}),
        ({"op": "replace", "path": "/a/b", "value": 9}, {"b": 9}),
        ({"op": "move", "from": "/a/b/0", "path": "/a/x"}, {"b": [2, 3], "x": 1}),
        ({"op": "copy", "from": "/a/b/0", "path": "/a/x"}, {"b": [1, 2, 3], "x": 1}),
        ({"op": "test", "path": "/a/b/2", "value": 3}, {"b": [1, 2, 3]}),
    ],
    ids=lambda value: value.get("op") if isinstance(value, dict) else None,
)
def test_json_patch_changes_what_it_points_at(
    operation: dict[str, Any], expected: object
) -> None:
    assert patched(DOCUMENT, JSON_PATCH, [operation])["a"] == expected


def test_json_patch_unescapes_its_pointers() -> None:
    patch = [
        {"op": "replace", "path": "/c~0d", "value": "x"},
        {"op": "replace", "path": "/e~1f", "value": "y"},
    ]

    changed = patched(DOCUMENT, JSON_PATCH, patch)

    assert (changed["c~d"], changed["e/f"]) == ("x", "y")


def test_json_patch_can_replace_the_whole() -> None:
    patch = [{"op": "replace", "path": "", "value": {"x": 1}}]

    assert patched(DOCUMENT, JSON_PATCH, patch) == {"x": 1}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "/x"},
        {"op": "remove", "path": "/a/b/3"},
        {"op": "remove", "path": "/a/b/-"},
        {"op": "remove", "path": "/a/b/01"},
        {"op": "replace", "path": "/x/y", "value": 1},
        {"op": "add", "path": "/c~0d/x", "value": 1},
        {"op": "add", "path": "/a/b/5", "value": 1},
        {"op": "test", "path": "/a/b/0", "value": True},
        {"op": "test", "path": "/a", "value": {}},
        {"op": "move", "from": "/a", "path": "/a/b"},
    ],
    ids=str,
)
def test_json_patch_that_does_not_fit_is_refused(operation: dict[str, Any]) -> None:
    with pytest.raises(PatchRefused):
        patched(DOCUMENT, JSON_PATCH, [operation])


@pytest.mark.parametrize(
    "patch",
    [
        {},
        [1],
        [{"op": "add", "path": "/x"}],
        [{"op": "move", "path": "/x"}],
        [{"op": "invent", "path": "/x"}],
        [{"op": "remove"}],
    ],
    ids=str,
)
def test_what_is_no_json_patch_is_refused(patch: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        patched(DOCUMENT, JSON_PATCH, patch)


@given(OBJECTS, OBJECTS)
def test_patches_leave_their_inputs_alone(
    document: dict[str, Any], patch: dict[str, Any]
) -> None:
    before = deepcopy((document, patch))

    merge(document, patch)
    patched(document, JSON_PATCH, [{"op": "add", "path": "", "value": patch}])

    assert (document, patch) == before


@given(OBJECTS, OBJECTS)
def test_merge_patch_applied_twice_is_applied_once(
    document: dict[str, Any], patch: dict[str, Any]
) -> None:
    once = merge(document, patch)

    assert merge(once, patch) == once


def test_merge_patch_merges_objects_and_replaces_the_rest() -> None:
    document = {"a": {"keep": 1, "drop": 2}, "list": [1, 2]}
    patch = {"a": {"drop": None, "new": {"x": None, "y": 1}}, "list": [3]}

    assert merge(document, patch) == {
        "a": {"keep": 1, "new": {"y": 1}},
        "list": [3],
    }


CONTAINERS = {"containers": [{"name": "a", "image": "1"}, {"name": "b"}]}


@pytest.mark.parametrize(
    ("document", "patch", "expected"),
    [
        (
            CONTAINERS,
            {"containers": [{"name": "a", "image": "2"}, {"name": "c"}]},
            {"containers": [{"name": "a", "image": "2"}, {"name": "b"}, {"name": "c"}]},
        ),
        (
            CONTAINERS,
            {
                "$setElementOrder/containers": [{"name": "b"}, {"name": "a"}],
                "containers": [{"name": "b", "image": "3"}],
            },
            {"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "3"}]},
        ),
        ({"args": ["a"]}, {"args": ["b"]}, {"args": ["b"]}),
        ({"a": 1, "b": 2}, {"a": None}, {"b": 2}),
        ({"x": 1, "y": 2}, {"$retainKeys": ["y"], "x": None, "y": 3}, {"y": 3}),
    ],
    ids=[
        "by key",
        "order",
        "plain list",
        "null",
        "retain keys",
    ],
)
def test_strategic_merge_patch(
    document: dict[str, Any], patch: dict[str, Any], expected: object
) -> None:
    assert merge(document, patch, MERGE_KEYS) == expected


@pytest.mark.parametrize("directive", ["$patch", "$deleteFromPrimitiveList/x"])
def test_directive_that_would_be_lost_is_refused(directive: str) -> None:
    with pytest.raises(ValueError, match="not known"):
        merge({}, {directive: "replace"}, MERGE_KEYS)
