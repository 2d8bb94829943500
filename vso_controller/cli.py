"""The command line: `vso-controller [run] [--flag ...]`.

`vso-controller render` is `app.rendering`.

Exit codes: 0 after a request to stop (SIGTERM, SIGINT), be it that work was cut short;
1 when the program could not go on; 2 for wrong arguments; 130 when a second SIGINT
did not want to wait for the first. `--help` says so, too (`settings.flags`).
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import version

import structlog

from vso_controller.app.process import run
from vso_controller.app.rendering import render
from vso_controller.foundation.errors import Invalid
from vso_controller.foundation.logs import configure_logs
from vso_controller.foundation.logstream import LossyFile
from vso_controller.foundation.threads import AbandonedThreads
from vso_controller.settings.flags import load_settings
from vso_controller.settings.model import Settings

FAILED = 1
USAGE = 2
INTERRUPTED = 128 + signal.SIGINT
BLOCKING_CALLS = 64
"""How many names are looked up and files read at once. What hangs takes a place each,
until the resolver or the file system gives up."""

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code. Wrong flags raise SystemExit(2)."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given == ["--version"]:
        sys.stdout.write(f"vso-controller {version('vso-controller')}\n")
        return 0
    command = given.pop(0) if given and not given[0].startswith("-") else "run"
    match command:
        case "run":
            return _run(given)
        case "render":
            return render(given)
    sys.stderr.write(
        f"vso-controller: error: unknown command {command!r}; it is `run` or `render`"
        " (see --help)\n"
    )
    return USAGE


def _run(given: Sequence[str]) -> int:
    settings = load_settings(given, os.environ)
    lines = configure_logs(level=settings.log_level, form=settings.log_format)
    try:
        asyncio.run(_run_until_signal(settings, lines))
    except Invalid as error:
        # What is wrong is outside of the program: a traceback would not help.
        log.error("cannot_start", error=str(error))  # noqa: TRY400
        return FAILED
    except KeyboardInterrupt:
        log.warning("interrupted")
        return INTERRUPTED
    return 0


async def _run_until_signal(settings: Settings, lines: LossyFile) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_default_executor(AbandonedThreads(BLOCKING_CALLS))
    # That of asyncio.run: it cancels the main task, so all ends from the outside in.
    interrupt = signal.getsignal(signal.SIGINT)

    def request_stop() -> None:
        stop.set()
        # A second Ctrl-C does what it does to any program.
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, interrupt)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, request_stop)
    await run(settings, stop, lost_lines=lambda: lines.dropped)
