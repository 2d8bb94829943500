"""How log lines look: one JSON object a line, or text for people.

Lines are events in the past tense plus keys; the worker binds kind, key and
reconcile id once (`structlog.contextvars`). Logs go to standard error, and a log that
cannot be written stops nobody.
"""

from __future__ import annotations

import logging
import sys
from enum import StrEnum
from typing import TextIO

import structlog

from vso_controller.foundation.logstream import LossyFile


class LogFormat(StrEnum):
    """The form of a log line."""

    JSON = "json"
    CONSOLE = "console"


class LogLevel(StrEnum):
    """The least severity that is printed."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def configure_logs(*, level: LogLevel, form: LogFormat) -> LossyFile:
    """Set up structlog, and route what libraries log through the same form.

    Returns where the lines go to, which counts those that got lost.
    """
    file = LossyFile(sys.stderr)
    stream = file.as_text()
    threshold = logging.getLevelNamesMapping()[level.upper()]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if form is LogFormat.JSON
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            # Local variables may hold secrets: a traceback shows lines, no values.
            exception_formatter=structlog.dev.plain_traceback,
        )
    )
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    ]
    if form is LogFormat.JSON:
        shared.append(structlog.processors.format_exc_info)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    # Libraries may log request bodies at lower levels, and ours are secrets.
    _route_standard_library(stream, shared, renderer, max(threshold, logging.WARNING))
    return file


def _route_standard_library(
    stream: TextIO,
    shared: list[structlog.typing.Processor],
    renderer: structlog.typing.Processor,
    threshold: int,
) -> None:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                renderer,
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=threshold, force=True)
