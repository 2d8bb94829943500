"""What opens a breaker, and what closes it."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from tests.fakes.vault_transport import LoopClock
from vso_controller.foundation.errors import OperationFailed, Throttled
from vso_controller.vault.breaker import FAILURES_IN_A_ROW, Breaker, BreakerState
from vso_controller.vault.errors import (
    InvalidRequest,
    PathNotFound,
    PermissionDenied,
    ServerFailed,
    ServerSealed,
    ServerUnreachable,
)

pytestmark = pytest.mark.looptime

REST = 5.0
DOWN = ServerUnreachable("refused")


def breaker() -> Breaker:
    return Breaker(rest=REST, clock=LoopClock())


def open_breaker() -> Breaker:
    opened = breaker()
    for _ in range(FAILURES_IN_A_ROW):
        opened.failed(DOWN)
    return opened


def probe(asked: Breaker, failure: OperationFailed | None = None) -> None:
    """Have a probe that finds this out."""
    with suppress(OperationFailed), asked.probing():
        if failure is not None:
            raise failure


async def test_failures_in_a_row_open_it() -> None:
    asked = breaker()

    states = []
    for _ in range(FAILURES_IN_A_ROW):
        asked.failed(DOWN)
        states.append(asked.state)

    assert states == [*[BreakerState.CLOSED] * 2, BreakerState.OPEN]
    assert asked.failure is DOWN


async def test_answer_between_failures_keeps_it_closed() -> None:
    asked = breaker()

    for _ in range(100):
        asked.failed(DOWN)
        asked.failed(DOWN)
        asked.answered()

    assert not asked.is_open


@pytest.mark.parametrize(
    "error",
    [
        PermissionDenied("no"),
        PathNotFound("nothing"),
        InvalidRequest("wrong"),
        ServerFailed("of one path, perhaps"),
        Throttled("later", retry_after=1),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_what_may_be_of_one_caller_never_opens_it(error: OperationFailed) -> None:
    asked = breaker()

    for _ in range(100):
        asked.failed(error)

    assert not asked.is_open


async def test_probe_that_fails_too_opens_it_for_a_suspect_vault() -> None:
    asked = breaker()
    asked.failed(ServerFailed("bad gateway"))
    assert asked.is_suspect

    probe(asked, DOWN)

    assert asked.failure is DOWN


async def test_one_probe_that_fails_makes_suspect_no_more() -> None:
    asked = breaker()

    probe(asked, DOWN)
    assert (asked.is_open, asked.is_suspect) == (False, True)
    probe(asked, DOWN)

    assert asked.is_open


async def test_probe_that_ends_well_closes_it() -> None:
    asked = open_breaker()

    states = [asked.state]
    with asked.probing():
        states.append(asked.state)
    states.append(asked.state)

    assert states == [BreakerState.OPEN, BreakerState.HALF_OPEN, BreakerState.CLOSED]
    assert not asked.is_suspect


async def test_probe_that_fails_again_tells_the_newest_failure() -> None:
    asked = open_breaker()
    sealed = ServerSealed("sealed")

    probe(asked, sealed)

    assert asked.state is BreakerState.OPEN
    assert asked.failure is sealed


async def test_answer_to_an_earlier_request_does_not_close_it() -> None:
    asked = open_breaker()

    asked.answered()

    assert asked.is_open


async def test_probe_that_is_cancelled_has_found_out_nothing() -> None:
    asked = open_breaker()

    with pytest.raises(asyncio.CancelledError), asked.probing():
        raise asyncio.CancelledError

    assert asked.state is BreakerState.OPEN


async def test_throttled_probe_has_found_out_nothing() -> None:
    asked = open_breaker()

    probe(asked, Throttled("later", retry_after=1))

    assert asked.failure is DOWN


async def test_one_probe_at_a_time() -> None:
    asked = open_breaker()

    with asked.probing(), pytest.raises(RuntimeError), asked.probing():
        raise AssertionError("a second one")


async def test_suspect_vault_is_not_probed_more_often_than_that() -> None:
    asked = breaker()
    assert asked.until_probe == 0
    probe(asked)
    assert asked.until_probe == 0, "nothing is held against it"

    asked.failed(DOWN)
    await asyncio.sleep(2)

    assert asked.until_probe == REST - 2
    assert asked.since_probe == 2
