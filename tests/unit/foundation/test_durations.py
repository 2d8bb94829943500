from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vso_controller.foundation.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("30s", 30),
        ("1h30m", 5400),
        ("1.5h", 5400),
        (".5s", 0.5),
        ("250ms", 0.25),
        ("-2m", -120),
        ("+2m", 120),
        ("10us", 1e-5),
        ("10\N{MICRO SIGN}s", 1e-5),
        ("10\N{GREEK SMALL LETTER MU}s", 1e-5),
        ("1500ns", 1.5e-6),
        ("1.s", 1),
        ("2562047h", 9223369200),
    ],
)
def test_go_notation_is_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    [
        *("", "5", "s", "5 s", "1d", "1h-5m", "1e3s", "abc", ".s", "-", "+-5s"),
        "\N{ARABIC-INDIC DIGIT THREE}s",
    ],
)
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="write for example 30s or 1h30m"):
        parse_duration(text)


@pytest.mark.parametrize(
    "text", ["2562048h", "-2562048h", "99999999999999h", f"{'9' * 400}s"]
)
def test_duration_that_go_could_not_count_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="too long"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (54.2, "54.2s"),
        (0.25, "250ms"),
        (0.0015, "1.5ms"),
        (0.00001, "10µs"),
        (0.000999, "999µs"),
        (0.001, "1ms"),
        (0.999999, "999.999ms"),
        (1, "1s"),
        (60, "1m0s"),
        (3600, "1h0m0s"),
        (5400.5, "1h30m0.5s"),
        (-1.5, "-1.5s"),
    ],
)
def test_durations_are_printed_as_go_does(seconds: float, text: str) -> None:
    assert format_duration(timedelta(seconds=seconds)) == text


@given(st.timedeltas(timedelta(days=-3650), timedelta(days=3650)))
def test_what_is_printed_reads_back(duration: timedelta) -> None:
    # Floats have 15 digits: a microsecond is lost beyond about 30 years.
    assert abs(parse_duration(format_duration(duration)) - duration) <= timedelta(
        microseconds=1
    )
