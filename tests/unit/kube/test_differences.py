"""What a write changes, told by the names of parts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vso_controller.foundation.intentions import Differences
from vso_controller.kube.differences import differences, patched

SECRET: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {
        "name": "app",
        "resourceVersion": "7",
        "labels": {"app": "web", "team": "db"},
        "annotations": {"note": "kept"},
        "ownerReferences": [{"name": "app"}],
    },
    "type": "Opaque",
    "data": {"password": "b2xk", "user": "YXBw"},
}
READY = {
    "type": "Ready",
    "status": "True",
    "reason": "Ready",
    "message": "",
    "observedGeneration": 1,
    "lastTransitionTime": "2026-01-01T00:00:00Z",
}

names = st.sampled_from(["a", "b", "c"])
json = st.recursive(
    st.none() | st.integers(0, 2) | st.text("xy", max_size=1),
    lambda inner: st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)
documents = st.dictionaries(names, json, max_size=3)


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ({"data": {"password": "bmV3"}}, Differences(changed=("data/password",))),
        ({"data": {"token": "bmV3"}}, Differences(added=("data/token",))),
        ({"data": {"user": None}}, Differences(removed=("data/user",))),
        (
            {"type": "kubernetes.io/tls"},
            Differences(changed=("type=kubernetes.io/tls",)),
        ),
        ({"metadata": {"labels": {"app": "x"}}}, Differences(changed=("labels/app",))),
        (
            {"metadata": {"labels": {"team": None}, "annotations": {"new": ""}}},
            Differences(added=("annotations/new",), removed=("labels/team",)),
        ),
        (
            {"metadata": {"ownerReferences": []}},
            Differences(removed=("ownerReferences",)),
        ),
        ({"metadata": {"resourceVersion": "9"}, "data": {}}, Differences()),
    ],
    ids=["value", "key", "no key", "type", "label", "names", "owners", "nothing"],
)
def test_parts_that_a_patch_changes(
    patch: dict[str, Any], expected: Differences
) -> None:
    assert differences(SECRET, patched(SECRET, patch)) == expected


def test_condition_says_what_it_would_be() -> None:
    sealed = {**READY, "status": "False", "reason": "VaultSealed"}
    before = {"status": {"conditions": [READY], "valid": True}}
    after = {"status": {"conditions": [sealed, {**READY, "type": "Healthy"}]}}

    assert differences(before, after) == Differences(
        added=("conditions/Healthy=True(Ready)",),
        changed=("conditions/Ready=False(VaultSealed)",),
        removed=("status/valid",),
    )


def test_time_of_a_condition_is_no_difference() -> None:
    later = {**READY, "lastTransitionTime": "2027-01-01T00:00:00Z"}

    told = differences(
        {"status": {"conditions": [READY]}}, {"status": {"conditions": [later]}}
    )

    assert told == Differences()


@given(before=documents, after=documents)
def test_no_value_is_told(before: dict[str, Any], after: dict[str, Any]) -> None:
    told = differences({"data": before}, {"data": after})

    parts = {*told.added, *told.changed, *told.removed}
    assert parts == {
        f"data/{name}"
        for name in {*before, *after}
        if (name in before) != (name in after) or before[name] != after[name]
    }


@given(document=documents, patch=documents)
def test_patch_is_merged_once_and_for_all(
    document: dict[str, Any], patch: dict[str, Any]
) -> None:
    once = patched(document, patch)

    assert patched(once, patch) == once
    assert all((name in once) == (patch[name] is not None) for name in patch)
    assert all(once[name] == document[name] for name in document.keys() - patch.keys())


@pytest.mark.parametrize(
    ("document", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_examples_of_the_standard(
    document: dict[str, Any], patch: dict[str, Any], result: dict[str, Any]
) -> None:
    assert patched(document, patch) == result
