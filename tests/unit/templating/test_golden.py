from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import bcrypt
import pytest

from tests.unit.templating.golden import Case, cases

CASES = list(cases())


@pytest.mark.parametrize(
    "case", [each for each in CASES if each.check is None], ids=str
)
def test_template_prints_what_go_prints(case: Case) -> None:
    result, expected = case.run(), case.expected

    assert (result.error, result.output) == (expected.error, expected.output), result


@pytest.mark.parametrize(
    "case", [each for each in CASES if each.check is not None], ids=str
)
def test_random_result_has_the_property_that_it_has_in_go(case: Case) -> None:
    check = case.check
    assert check is not None

    result = case.run()

    assert not result.error, result.why
    CHECKS[check["type"]](result.output.decode(), check)


def is_bcrypt(output: str, check: dict[str, Any]) -> None:
    assert re.fullmatch(check["regex"], output)
    digest = output.removeprefix(f"{check.get('user', '')}:")
    assert bcrypt.checkpw(check["password"].encode(), digest.encode())


def is_in_range(output: str, check: dict[str, Any]) -> None:
    assert int(check["min"]) <= int(output) < int(check["max_exclusive"])


def is_permutation(output: str, check: dict[str, Any]) -> None:
    assert Counter(output) == Counter(check["of"])


def matches(output: str, check: dict[str, Any]) -> None:
    assert re.search(check["regex"], output)


def is_set(output: str, check: dict[str, Any]) -> None:
    assert Counter(output.split(check["sep"])) == Counter(check["items"])


CHECKS: dict[str, Callable[[str, dict[str, Any]], None]] = {
    "bcrypt": is_bcrypt,
    "htpasswd": is_bcrypt,
    "int-range": is_in_range,
    "permutation": is_permutation,
    "regex": matches,
    "set": is_set,
}
