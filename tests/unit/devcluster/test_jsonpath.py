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
        ('.status.conditions[?(@.type == "Ready")].status', "True"),
        (".status.conditions[?(@.type=='Ready')].status", "True"),
        (".status.conditions[?(@.type=='Missing')].status", None),
        (r".metadata.labels.example\.com/team", "red"),
        (".status.empty", None),
        (".spec.nothing", None),
        (".status.conditions.type", None),
        (".status[?(@.type=='Ready')]", None),
    ],
)
def test_path_finds(path: str, expected: object) -> None:
    assert compile_path(path)(WIDGET) == expected


@pytest.mark.parametrize("path", ["spec", ".a[", ".a[0]", ".a[?(@.b)]", ".."])
def test_path_that_is_not_supported_says_so(path: str) -> None:
    with pytest.raises(ValueError, match="not supported"):
        compile_path(path)
