"""JSONPath as printer columns use it."""

from __future__ import annotations

import pytest

from devcluster.objects.jsonpath import compile_path

WIDGET = {
    "metadata": {"labels": {"example.com/team": "red"}},
    "status": {
        "conditions": [
            {"type": "Synced", "status": "False", "age": 3},
            {"type": "Ready", "status": "True", "age": 5},
        ],
        "empty": None,
    },
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ('.status.conditions[?(@.type == "Ready")].status', ["True"]),
        (".status.conditions[?(@.type=='Ready')].status", ["True"]),
        (".status.conditions[?(@.age > 3)].type", ["Ready"]),
        (".status.conditions[?(@.type > 3)].type", []),
        (".status.conditions[?(@.type!='Ready')].status", ["False"]),
        (".status.conditions[*].type", ["Synced", "Ready"]),
        (".status.conditions[0].type", ["Synced"]),
        (".status.conditions[-1].type", ["Ready"]),
        (".status.conditions[7].type", []),
        (r".metadata.labels.example\.com/team", ["red"]),
        (".metadata.labels['example.com/team']", ["red"]),
        (".status.empty", []),
        (".spec.nothing", []),
        (".status.conditions.type", []),
    ],
)
def test_path_finds(path: str, expected: list[object]) -> None:
    assert compile_path(path)(WIDGET) == expected


@pytest.mark.parametrize("path", ["spec", ".a[", ".a[?(@.b)]", ".a[1:2]", ".."])
def test_path_that_is_not_supported_says_so(path: str) -> None:
    with pytest.raises(ValueError, match="not supported"):
        compile_path(path)
