"""Who is let in to ask a Vault, and what its answers change about that."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.vault_transport import LoopClock
from vso_controller.foundation.errors import OperationFailed, Parked
from vso_controller.foundation.secret import Secret
from vso_controller.vault.bulkhead import (
    LONGEST_PAUSE,
    RENEWAL_PLACES,
    Admission,
    Guarded,
    Priority,
)
from vso_controller.vault.errors import (
    InvalidRequest,
    PathNotFound,
    PermissionDenied,
    RateLimited,
    ServerFailed,
    ServerUnreachable,
)
from vso_controller.vault.requests import Method, Operation, VaultReply, VaultRequest

pytestmark = pytest.mark.looptime

READ, RENEWAL = Priority.READ, Priority.RENEWAL
DOWN = ServerUnreachable("refused")
THROTTLED = RateLimited("429", retry_after=3)
ASK = VaultRequest(
    operation=Operation.READ, method=Method.GET, path=("secret", "a"), repeatable=True
)


def admission(maximum: int = 8) -> Admission:
    return Admission(maximum=maximum, probe_rest=5, clock=LoopClock())


def fill(asked: Admission, priority: Priority) -> int:
    """Let in as many as there is room for; return how many that were."""
    count = 0
    while asked.has_room(priority):
        asked.enter(priority)
        count += 1
    return count


def answer(asked: Admission, *errors: OperationFailed | None) -> None:
    """Have requests that are under way together end like this."""
    tickets = [asked.begin() for _ in errors]
    for ticket, error in zip(tickets, errors, strict=True):
        asked.end(ticket, error)


def grown(maximum: int = 8) -> Admission:
    """Return an admission whose window is as large as it gets."""
    asked = admission(maximum)
    while asked.limit < maximum:
        taken = fill(asked, READ)
        answer(asked, *[None] * taken)
        for _ in range(taken):
            asked.leave(READ)
    return asked


async def test_reads_leave_places_for_renewals() -> None:
    asked = grown(8)

    assert fill(asked, READ) == 8
    assert fill(asked, RENEWAL) == RENEWAL_PLACES
    asked.leave(READ)
    assert fill(asked, RENEWAL) == 1


async def test_nobody_enters_where_there_is_no_room() -> None:
    asked = admission()
    fill(asked, READ)

    with pytest.raises(RuntimeError):
        asked.enter(READ)


async def test_slow_start_after_an_outage() -> None:
    asked = grown(8)
    answer(asked, DOWN, DOWN, DOWN)
    assert fill(asked, READ) == fill(asked, RENEWAL) == 0

    with asked.probing():
        pass

    assert fill(asked, READ) == 2


async def test_requests_of_before_the_outage_tell_nothing_after_it() -> None:
    asked = grown(8)
    late = [asked.begin() for _ in range(8)]
    answer(asked, DOWN, DOWN, DOWN)
    with asked.probing():
        pass

    for ticket in late:
        asked.end(ticket, DOWN)

    assert not asked.breaker.is_suspect


async def test_turn_that_outlives_the_breaker_sends_nothing() -> None:
    asked = admission()
    answer(asked, DOWN, DOWN, DOWN)

    with pytest.raises(Parked) as parked:
        asked.begin()

    assert parked.value.failure is DOWN


@pytest.mark.parametrize("error", [THROTTLED, ServerFailed("503")], ids=["429", "503"])
async def test_congestion_halves_what_is_let_in_once(error: OperationFailed) -> None:
    asked = grown(8)

    answer(asked, *[error] * 8)

    assert asked.limit == 4


async def test_congestion_of_a_later_round_halves_it_again() -> None:
    asked = grown(8)

    answer(asked, THROTTLED)
    answer(asked, THROTTLED)

    assert asked.limit == 2


async def test_reads_pause_for_as_long_as_vault_asked() -> None:
    asked = grown(8)
    answer(asked, THROTTLED, THROTTLED)
    assert fill(asked, READ) == 0
    assert fill(asked, RENEWAL) > 0, "a quota is no reason to lose a token"

    await asyncio.sleep(2.9)
    assert not asked.has_room(READ)
    await asyncio.sleep(0.2)

    assert asked.paused_for == 0


async def test_quota_of_one_path_pauses_nobody_else() -> None:
    asked = grown(8)

    for _ in range(20):
        answer(asked, None, THROTTLED)

    assert asked.paused_for == 0
    assert asked.has_room(READ)


async def test_no_quota_stops_all_reads_for_long() -> None:
    asked = grown(8)

    answer(asked, *[RateLimited("429", retry_after=300)] * 2)

    assert asked.paused_for == LONGEST_PAUSE


@pytest.mark.parametrize(
    "error",
    [PermissionDenied("403"), PathNotFound("404"), None],
    ids=["denied", "gone", "succeeded"],
)
async def test_whoever_was_answered_shows_that_vault_serves(
    error: OperationFailed | None,
) -> None:
    asked = admission()

    for _ in range(10):
        answer(asked, DOWN, DOWN, error)

    assert not asked.breaker.is_open


async def test_request_that_may_not_have_been_sent_shows_nothing() -> None:
    asked = admission()

    answer(asked, DOWN, DOWN, InvalidRequest("a path that cannot be sent"), DOWN)

    assert asked.breaker.is_open


class Script:
    """A transport that answers with one error after the other, then well."""

    def __init__(self, *errors: OperationFailed) -> None:
        self.errors = list(errors)
        self.asked = 0

    async def request(self, request: VaultRequest) -> VaultReply:
        self.asked += 1
        if self.errors:
            raise self.errors.pop(0)
        return VaultReply(status=200, document=Secret({}))


async def ask(transport: Guarded) -> OperationFailed | None:
    try:
        await transport.request(ASK)
    except OperationFailed as error:
        return error
    return None


async def test_guarded_transport_raises_what_happened_and_then_sends_nothing() -> None:
    script = Script(DOWN, DOWN, DOWN)
    noted: list[bool] = []
    asked = admission()
    guarded = Guarded(
        transport=script,
        admission=asked,
        noted=lambda: noted.append(asked.breaker.is_open),
    )

    results = [await ask(guarded) for _ in range(10)]

    assert results[:3] == [DOWN] * 3
    assert {type(result) for result in results[3:]} == {Parked}
    assert script.asked == 3
    assert noted == [False, False, True]


async def test_guarded_transport_notes_what_was_answered() -> None:
    asked = admission()
    answer(asked, DOWN)
    guarded = Guarded(transport=Script(), admission=asked, noted=lambda: None)

    assert await ask(guarded) is None

    assert not asked.breaker.is_suspect
