"""A failure is told once, and a bug's words never."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from tests.fakes.listwatch import key_of
from vso_controller.foundation.errors import Denied, Transient
from vso_controller.runtime.failurelog import FailureLog

A, B = key_of("a"), key_of("b")


def test_failure_is_news_once_for_each_key() -> None:
    failures = FailureLog()

    with capture_logs() as lines:
        for key in (A, A, B, A):
            failures.failed(key, Transient("Vault at https://v is sealed"))

    assert [line["log_level"] for line in lines] == [
        *("warning", "debug", "warning", "debug"),
    ]
    assert {line["event"] for line in lines} == {"reconcile_failed"}
    assert {line["error"] for line in lines} == {"Vault at https://v is sealed"}


def test_another_way_to_fail_is_news_and_the_old_one_still_is_not() -> None:
    failures = FailureLog()

    with capture_logs() as lines:
        for error in (Transient("1"), Denied("2"), Transient("3"), Denied("4")):
            failures.failed(A, error)

    assert [line["log_level"] for line in lines] == [
        *("warning", "warning", "debug", "debug"),
    ]


def test_success_is_news_after_a_failure_only() -> None:
    failures = FailureLog()

    with capture_logs() as lines:
        failures.succeeded(A)
        failures.failed(A, Transient("down"))
        failures.succeeded(A)
        failures.succeeded(A)
        failures.failed(A, Transient("down"))

    assert [(line["event"], line["log_level"]) for line in lines] == [
        ("reconcile_failed", "warning"),
        ("reconcile_recovered", "info"),
        ("reconcile_failed", "warning"),
    ]
    assert len(failures) == 1


def look_up(secret: str, table: dict[str, str]) -> str:
    return table[secret]


def test_bug_shows_its_lines_and_keeps_its_words() -> None:
    failures = FailureLog()
    secret = "hunter2"
    with pytest.raises(KeyError) as bug:
        look_up(secret, {})

    with capture_logs() as lines:
        failures.failed(A, bug.value)
        failures.failed(A, bug.value)

    assert [line["log_level"] for line in lines] == ["error", "debug"]
    for line in lines:
        assert (line["event"], line["error_type"]) == ("reconcile_crashed", "KeyError")
        assert "in look_up" in line["traceback"]
        assert secret not in str(line)
