"""Times by Go's layouts. The tables are of what Go's documentation promises."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.templating.functions.calling import call
from vso_controller.templating.errors import FunctionError
from vso_controller.templating.functions import days
from vso_controller.templating.functions.moments import UTC, Zone, formatted, moment
from vso_controller.templating.functions.timeparsing import parse
from vso_controller.templating.functions.times import Time

PRINTED = "2006-01-02 15:04:05.999999999 -0700 MST"
MOMENT = moment((2024, 2, 29), (15, 4, 5), 60_000_000, UTC)


@pytest.mark.parametrize(
    ("layout", "text", "printed"),
    [
        ("2006-01-02", "2024-02-29", "2024-02-29 00:00:00 +0000 UTC"),
        ("15:04", "10:20", "0000-01-01 10:20:00 +0000 UTC"),
        ("Jan _2 2006 3:04PM", "Feb  3 2024 12:30AM", "2024-02-03 00:30:00 +0000 UTC"),
        ("3:04 pm", "1:02 pm", "0000-01-01 13:02:00 +0000 UTC"),
        ("06-1-2", "69-3-4", "1969-03-04 00:00:00 +0000 UTC"),
        ("06-1-2", "68-3-4", "2068-03-04 00:00:00 +0000 UTC"),
        ("2006-002", "2024-060", "2024-02-29 00:00:00 +0000 UTC"),
        ("2006 __2", "2023  60", "2023-03-01 00:00:00 +0000 UTC"),
        ("15:04:05", "01:02:03.25", "0000-01-01 01:02:03.25 +0000 UTC"),
        ("15:04:05.000", "01:02:03.250", "0000-01-01 01:02:03.25 +0000 UTC"),
        ("15:04:05,999", "01:02:03,5", "0000-01-01 01:02:03.5 +0000 UTC"),
        ("15:04 MST", "10:20 CET", "0000-01-01 10:20:00 +0000 CET"),
        ("15:04 MST", "10:20 GMT+3", "0000-01-01 10:20:00 +0300 GMT+3"),
        ("15:04 -0700", "10:20 -0330", "0000-01-01 10:20:00 -0330 -0330"),
        ("15:04Z07:00", "10:20Z", "0000-01-01 10:20:00 +0000 UTC"),
        ("MONDAY", "MONDAY", "0000-01-01 00:00:00 +0000 UTC"),
        ("Monday Jan", "tUESDAY mar", "0000-03-01 00:00:00 +0000 UTC"),
    ],
)
def test_text_is_read_by_its_layout(layout: str, text: str, printed: str) -> None:
    assert formatted(parse(layout, text), PRINTED) == printed


@pytest.mark.parametrize(
    ("layout", "text"),
    [
        ("2006-01-02", "2023-02-29"),
        ("2006-01-02", "2024-1-02"),
        ("2006-01-02", "2024-01-02 "),
        ("2006", "secret"),
        ("15:04", "24:00"),
        ("03:04", "13:00"),
        ("15:04:05", "01:02:60"),
        ("PM", "pm"),
        ("Jan 2006-002", "Jan 2024-060"),
        ("2006-002", "2023-366"),
        ("15:04 MST", "10:20 utc"),
        ("15:04 -0700", "10:20 +2500"),
        ("15:04:05.000", "01:02:03.25"),
        ("a b", "ab"),
    ],
)
def test_text_that_does_not_fit_is_refused_and_not_shown(
    layout: str, text: str
) -> None:
    with pytest.raises(FunctionError) as refused:
        call("mustToDate", layout, text)

    assert text not in str(refused.value)


@pytest.mark.parametrize(
    ("layout", "written"),
    [
        ("Mon Jan _2 15:04:05 2006", "Thu Feb 29 15:04:05 2024"),
        ("Monday, 02-Jan-06 3:04:05PM", "Thursday, 29-Feb-24 3:04:05PM"),
        ("1/2/06 03:04 pm", "2/29/24 03:04 pm"),
        ("002 __2", "060  60"),
        ("05.000 05.999 05,9999", "05.060 05.06 05,06"),
        ("05.0005", "05.0005"),
        ("Month Mondayx Janx", "Month Thursdayx Janx"),
        ("_2006 January", "_2024 February"),
        ("Z07:00 -07:00:00 -07 Z070000", "Z +00:00:00 +00 Z"),
    ],
)
def test_time_is_written_by_its_layout(layout: str, written: str) -> None:
    assert formatted(MOMENT, layout) == written


def test_offset_is_written_in_all_its_forms() -> None:
    west = MOMENT.shown_in(Zone("", -12_645))

    assert formatted(west, "-0700 -07:00 -07 -070000 Z07:00:00 MST") == (
        "-0330 -03:30 -03 -033045 -03:30:45 -0330"
    )


@given(st.integers(-800_000, 4_000_000))
def test_days_are_counted_there_and_back(count: int) -> None:
    assert days.to_days(*days.to_date(count)) == count


@given(st.datetimes())
def test_time_that_is_written_reads_back(when: object) -> None:
    layout = "2006-01-02 15:04:05.999999"
    text = f"{when:%Y-%m-%d %H:%M:%S.%f}".zfill(26)

    assert formatted(parse(layout, text), "2006-01-02 15:04:05.000000") == text


def _method(value: object, name: str, *arguments: object) -> object:
    assert isinstance(value, Time)
    return value.METHODS[name](value, *arguments)


def test_date_beyond_the_end_of_a_month_is_of_the_next_one() -> None:
    leap = call("mustToDate", "2006-01-02", "2024-02-29")

    assert str(_method(_method(leap, "AddDate", 1, 0, 0), "Format", "01-02")) == "03-01"
    assert _method(leap, "Weekday") == 4
    assert _method(leap, "YearDay") == 60
    assert _method(leap, "Unix") == 1709164800


def test_method_with_wrong_arguments_fails_by_an_error_of_its_own() -> None:
    when = call("mustToDate", "2006", "2024")

    for arguments in ((), (1,), ("2006", "2006")):
        with pytest.raises(FunctionError):
            _method(when, "Format", *arguments)
