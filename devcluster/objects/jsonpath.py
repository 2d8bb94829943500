r"""The JSONPath that printer columns use.

Fields (`.a.b`, `.a\.b`) and filters (`[?(@.type=="Ready")]`) are understood, nothing
else; `compile_path` says so. Source: the Kubernetes documentation, "JSONPath Support".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from devcluster.objects.json import JSONValue

Path = Callable[[JSONValue], JSONValue]
"""Finds the first value that a path leads to, None where there is none."""

_STEP = re.compile(
    r"""\[\?\(\s*@\.(?P<key>\w+)\s*==\s*(?P<quote>['"])(?P<wanted>[^'"]*)(?P=quote)\s*\)\]
    | \.(?P<field>(?:\\.|[^.\[\\])+)""",
    re.VERBOSE,
)
_PATH = re.compile(f"(?:{_STEP.pattern})*", re.VERBOSE)


@lru_cache
def compile_path(text: str) -> Path:
    """Compile a path. Raises ValueError for what is not understood."""
    if _PATH.fullmatch(text) is None:
        raise ValueError(f"JSONPath {text!r} is not supported")
    # The field of each step, and the value that a filter wants there.
    steps = [
        (re.sub(r"\\(.)", r"\1", found["field"] or found["key"]), found["wanted"])
        for found in _STEP.finditer(text)
    ]

    def first(value: JSONValue) -> JSONValue:
        for key, wanted in steps:
            if wanted is not None and isinstance(value, list):
                value = next((item for item in value if item.get(key) == wanted), None)
            else:
                value = value.get(key) if isinstance(value, dict) else None
        return value

    return first
