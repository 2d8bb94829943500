from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from vso_controller.foundation.logs import LogFormat, LogLevel, configure_logs
from vso_controller.foundation.secret import Secret

CANARY = "canary-77"


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Put back what `configure_logs` changes for the whole process."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    config = structlog.get_config()
    # Emptied, since `force` closes the handlers it finds.
    root.handlers.clear()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**config)


def stumble(words: str) -> None:
    raise RuntimeError(words)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    captured = capsys.readouterr()
    assert captured.out == "", "logs go to standard error"
    return [json.loads(line) for line in captured.err.splitlines()]


def test_line_is_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(level=LogLevel.INFO, form=LogFormat.JSON)

    with structlog.contextvars.bound_contextvars(key="apps/database"):
        structlog.get_logger().info("secret_synced", token=Secret(CANARY))

    [line] = lines(capsys)
    assert line.pop("time")
    assert line == {
        "event": "secret_synced",
        "key": "apps/database",
        "level": "info",
        "token": "***",
    }


@pytest.mark.parametrize(
    ("level", "printed"),
    [
        (LogLevel.DEBUG, ["debug", "info", "warning", "error"]),
        (LogLevel.INFO, ["info", "warning", "error"]),
        (LogLevel.WARNING, ["warning", "error"]),
        (LogLevel.ERROR, ["error"]),
    ],
)
def test_what_is_less_severe_than_the_level_is_not_printed(
    capsys: pytest.CaptureFixture[str], level: LogLevel, printed: list[str]
) -> None:
    configure_logs(level=level, form=LogFormat.JSON)
    log = structlog.get_logger()

    for severity in LogLevel:
        getattr(log, severity.value)(f"a {severity} line")

    assert [line["level"] for line in lines(capsys)] == printed


@pytest.mark.parametrize(
    ("level", "printed"),
    [
        pytest.param(LogLevel.DEBUG, ["warning", "error"], id="bodies stay out"),
        pytest.param(LogLevel.ERROR, ["error"], id="as asked for"),
    ],
)
def test_libraries_speak_up_from_warnings_on(
    capsys: pytest.CaptureFixture[str], level: LogLevel, printed: list[str]
) -> None:
    configure_logs(level=level, form=LogFormat.JSON)
    library = logging.getLogger("a.library")

    library.debug("body: %s", CANARY)
    library.info("body: %s", CANARY)
    library.warning("slow")
    library.error("broken")

    told = lines(capsys)
    assert [line["level"] for line in told] == printed
    assert told[-1]["event"] == "broken"


def test_traceback_is_part_of_the_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(level=LogLevel.INFO, form=LogFormat.JSON)

    try:
        stumble("a bug")
    except RuntimeError:
        structlog.get_logger().exception("crashed")
        logging.getLogger("a.library").exception("crashed too")

    told = lines(capsys)
    assert ["RuntimeError: a bug" in str(line["exception"]) for line in told] == [
        True,
        True,
    ]


def test_people_get_text_without_the_values_of_variables(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logs(level=LogLevel.INFO, form=LogFormat.CONSOLE)
    password = CANARY

    try:
        stumble(f"a bug of {len(password)} letters")
    except RuntimeError:
        structlog.get_logger().exception("crashed", key="apps/database")

    text = capsys.readouterr().err
    assert "crashed" in text
    assert "key=apps/database" in text
    assert "RuntimeError: a bug of 9 letters" in text
    assert CANARY not in text
    assert "\x1b" not in text, "colours are for terminals"
