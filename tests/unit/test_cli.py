from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterator

import pytest
import structlog

from vso_controller import cli
from vso_controller.foundation.errors import Invalid, Transient
from vso_controller.foundation.logstream import LossyFile
from vso_controller.settings.model import Settings


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """Have a program that notes its settings and ends at once."""
    seen: list[Settings] = []

    async def program(settings: Settings, stop: asyncio.Event, **_: object) -> None:
        seen.append(settings)
        assert not stop.is_set()

    monkeypatch.setattr(cli, "run", program)
    return seen


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave the logs of this process, and what is set around it, as they are."""
    monkeypatch.setattr(cli, "configure_logs", lambda **_: LossyFile(sys.stderr))
    for name in tuple(os.environ):
        if name.startswith("VSO_"):
            monkeypatch.delenv(name)
    with structlog.testing.capture_logs():
        yield


@pytest.mark.parametrize("arguments", [[], ["run"]], ids=["nothing", "run"])
def test_program_runs_and_ends_with_0(
    started: list[Settings], arguments: list[str]
) -> None:
    assert cli.main(arguments) == 0

    assert len(started) == 1


def test_flags_alone_mean_run(started: list[Settings]) -> None:
    assert cli.main(["--namespace=vault", "--max-concurrent-reconciles=7"]) == 0

    assert [each.namespace for each in started] == ["vault"]
    assert [each.max_concurrent_reconciles for each in started] == [7]


def test_arguments_are_those_of_the_process(
    started: list[Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["vso-controller", "run", "--namespace=vault"])

    assert cli.main() == 0

    assert [each.namespace for each in started] == ["vault"]


def test_variables_count(
    started: list[Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VSO_NAMESPACE", "from-outside")

    cli.main([])

    assert [each.namespace for each in started] == ["from-outside"]


def test_version_is_printed(
    started: list[Settings], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["--version"]) == 0

    assert capsys.readouterr().out.startswith("vso-controller 0.")
    assert started == []


@pytest.mark.parametrize("arguments", [["dance"], ["dance", "--help"], ["Run"]])
def test_unknown_command_ends_with_2(
    started: list[Settings],
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
) -> None:
    assert cli.main(arguments) == 2

    assert f"unknown command {arguments[0]!r}" in capsys.readouterr().err
    assert started == []


@pytest.mark.parametrize("flag", ["--no-such-flag", "--backoff-multiplier=much"])
def test_wrong_flag_ends_with_2(
    started: list[Settings], capsys: pytest.CaptureFixture[str], flag: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([flag])

    assert ended.value.code == 2
    assert flag.partition("=")[0] in capsys.readouterr().err
    assert started == []


def test_help_tells_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])

    assert ended.value.code == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "Exit codes: 0 after a request to stop" in told
    assert "130 after a second SIGINT" in told


def test_what_is_wrong_outside_of_the_program_ends_with_1_and_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def program(settings: Settings, stop: asyncio.Event, **_: object) -> None:
        raise Invalid(f"no kubeconfig at /nowhere, {settings.namespace} {stop}")

    monkeypatch.setattr(cli, "run", program)

    with structlog.testing.capture_logs() as lines:
        assert cli.main([]) == 1

    [line] = lines
    assert (line["event"], line["log_level"]) == ("cannot_start", "error")
    assert line["error"].startswith("no kubeconfig at /nowhere")


def test_bug_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    async def program(settings: Settings, stop: asyncio.Event, **_: object) -> None:
        raise Transient(f"nobody caught this: {settings.namespace} {stop}")

    monkeypatch.setattr(cli, "run", program)

    with pytest.raises(Transient):
        cli.main([])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_asks_the_program_to_stop(
    monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    async def program(_: Settings, stop: asyncio.Event, **__: object) -> None:
        os.kill(os.getpid(), number)
        async with asyncio.timeout(30):
            await stop.wait()

    monkeypatch.setattr(cli, "run", program)

    assert cli.main([]) == 0


def test_second_interrupt_does_not_wait_for_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def program(_: Settings, stop: asyncio.Event, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        async with asyncio.timeout(30):
            await stop.wait()
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.Event().wait()

    monkeypatch.setattr(cli, "run", program)

    assert cli.main([]) == 130
