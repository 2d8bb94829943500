"""What functions must not do to the process: build without bound, or recurse."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import pytest

from tests.unit.templating.functions.calling import QUICK, call, environment
from vso_controller.templating.errors import FunctionError, LimitReached
from vso_controller.templating.limits import Limits

MEBIBYTE = 2**20
BILLION = 10**9
LONG = "x" * 300_000
DIGITS = "1" * 300_000


@pytest.fixture
def traced() -> Iterator[None]:
    """Have Python count the memory that it takes."""
    tracemalloc.start()
    yield
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("repeat", (BILLION, "x")),
        ("indent", (BILLION, "x")),
        ("nindent", (BILLION, "\n")),
        ("replace", ("", LONG, LONG)),
        ("until", (BILLION,)),
        ("until", (-(2**63),)),
        ("untilStep", (0, 2**63 - 1, 1)),
        ("seq", (BILLION,)),
        ("splitList", ("", LONG)),
        ("wrapWith", (1, LONG, LONG)),
        ("join", (LONG, ["x"] * 100)),
        ("fromJson", (f"[{'1,' * 300_000}1]",)),
        ("regexReplaceAll", ("x", LONG, LONG)),
        ("regexReplaceAll", ("x*", LONG, "$0" * 60)),
        ("regexFindAll", ("x.*y|x", LONG, -1)),
        ("regexMatch", ("(?:x|y)*x(?:x|y){900}z", LONG)),
        ("mustRegexMatch", ("xy" * 100_000, LONG)),
        ("chunk", (1, [1] * 200_000)),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
@pytest.mark.usefixtures("traced")
def test_what_would_be_too_much_is_not_begun(
    name: str, arguments: tuple[object, ...]
) -> None:
    before, _ = tracemalloc.get_traced_memory()

    with pytest.raises(LimitReached):
        call(name, *arguments)

    _, most = tracemalloc.get_traced_memory()
    assert most - before < 8 * MEBIBYTE


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("durationRound", (DIGITS,)),
        ("int", (DIGITS,)),
        ("float64", (DIGITS,)),
        ("atoi", (DIGITS,)),
        ("toDecimal", (DIGITS,)),
        ("semverCompare", (f">={DIGITS[:10_000]}", "1.2.3")),
        ("snakecase", ("aB" * 2_000,)),
        ("urlParse", (f"https://{'%41' * 10_000}",)),
        ("mustToDate", ("2006 " * 1_000, "2006 " * 1_000)),
        ("regexMatch", ("(x+x+)+y", LONG)),
        ("b32dec", (LONG,)),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_what_is_read_is_paid_for_by_its_length(
    name: str, arguments: tuple[object, ...]
) -> None:
    length = max(len(each) for each in arguments if isinstance(each, str))
    run = environment(Limits(work=length - 1))

    with pytest.raises(LimitReached, match="work"):
        call(name, *arguments, run=run)


def _nested(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = {"in": [value]}
    return value


def _in_itself() -> dict[str, object]:
    value: dict[str, object] = {}
    value["again"] = value
    return value


@pytest.mark.parametrize(
    "name", ["toJson", "mustToJson", "toPrettyJson", "toRawJson", "deepCopy", "quote"]
)
def test_value_that_is_nested_too_deeply_meets_a_limit(name: str) -> None:
    with pytest.raises(LimitReached, match="depth"):
        call(name, _nested(200))


def test_comparison_and_merging_meet_the_limit_as_well() -> None:
    with pytest.raises(LimitReached, match="depth"):
        call("deepEqual", _nested(200), _nested(200))
    with pytest.raises(LimitReached, match="depth"):
        call("has", _nested(200), [_nested(200)])
    with pytest.raises(LimitReached, match="depth"):
        call("merge", _in_itself(), _in_itself())


def test_json_that_is_nested_too_deeply_meets_a_limit() -> None:
    with pytest.raises(LimitReached, match="depth"):
        call("fromJson", "[" * 200 + "]" * 200)
    assert call("fromJson", '"' + "[" * 200 + '"') == "[" * 200


def test_value_that_contains_itself_has_no_json_as_in_go() -> None:
    assert call("toJson", _in_itself()) == ""
    with pytest.raises(FunctionError, match="contains itself"):
        call("mustToJson", _in_itself())


def test_value_within_itself_is_equal_to_itself() -> None:
    value = _in_itself()

    assert call("deepEqual", value, value) is True


def test_value_that_doubles_with_each_level_is_paid_for() -> None:
    value: list[object] = []
    for _ in range(40):
        value = [value, value]

    for name in ("toJson", "deepCopy", "toString"):
        with pytest.raises(LimitReached):
            call(name, value)


def test_long_numbers_are_read_without_the_limits_of_python() -> None:
    assert call("int", "0" * 5_000 + "7") == 7
    assert call("atoi", "9" * 5_000) == 2**63 - 1
    assert call("fromJson", "9" * 5_000) == pytest.approx(1.7976931348623157e308)


def test_password_hashes_are_few_in_one_rendering() -> None:
    run = environment()

    for _ in range(QUICK.hashes):
        call("bcrypt", "secret", run=run)
    with pytest.raises(LimitReached, match="hashes"):
        call("htpasswd", "user", "secret", run=run)
