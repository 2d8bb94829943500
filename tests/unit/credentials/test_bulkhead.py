"""Who gets a turn to ask a Vault, who waits in line, and who is woken when."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

import pytest

from tests.fakes.vault_transport import LoopClock
from tests.unit.reconcilers.world import FakeVault
from vso_controller.credentials.bulkhead import (
    RESERVED_FOR,
    Bulkhead,
    BulkheadTiming,
    Wakes,
)
from vso_controller.credentials.workers import Workers
from vso_controller.foundation.errors import LOST_WAKE, OperationFailed, Parked
from vso_controller.foundation.objects import ObjectKey
from vso_controller.runtime.lanes import Lane
from vso_controller.vault.bulkhead import Priority
from vso_controller.vault.errors import (
    AnswerLost,
    PermissionDenied,
    RateLimited,
    ServerBusy,
    ServerSealed,
    ServerUnreachable,
)
from vso_controller.vault.requests import Method, Operation, VaultRequest

pytestmark = pytest.mark.looptime

READ, RENEWAL = Priority.READ, Priority.RENEWAL
VAULT = ObjectKey("vault", "main")
DOWN = ServerUnreachable("refused")
SEALED = ServerSealed("sealed")
ASK = VaultRequest(
    operation=Operation.SEAL_STATUS, method=Method.GET, path=("sys",), repeatable=True
)


def key_of(name: str, namespace: str = "apps") -> ObjectKey:
    return ObjectKey(namespace, name)


A, B, C, D, E = (key_of(name) for name in "abcde")


@dataclass
class World:
    """A bulkhead of two places at first, and whom it wakes."""

    most_reads: int = 2
    workers: Workers = field(default_factory=lambda: Workers(number=100))
    vault: FakeVault = field(default_factory=FakeVault)
    woken: list[tuple[ObjectKey, Lane]] = field(default_factory=list)
    sessions: list[ObjectKey] = field(default_factory=list)
    probes_wanted: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.bulkhead = Bulkhead(
            about=VAULT,
            timing=BulkheadTiming(most_reads=self.most_reads, probe_rest=5),
            workers=self.workers,
            wakes=Wakes(
                connection=lambda *_: self.probes_wanted.append(now()),
                session=lambda key, _: self.sessions.append(key),
                consumer=lambda *woken: self.woken.append(woken),
            ),
            clock=LoopClock(),
        )
        self.transport = self.bulkhead.guard(self.vault)

    async def ask(self, key: ObjectKey, failure: OperationFailed | None = None) -> None:
        """Take a turn with one request in it, which succeeds or fails like this."""
        with self.bulkhead.turn(key, READ):
            self.vault.failures.clear()
            if failure is not None:
                self.vault.failures[ASK.operation] = failure
            await self.transport.request(ASK)

    async def fail(self, failure: OperationFailed, times: int = 3) -> None:
        """Have requests fail like this."""
        for number in range(times):
            with pytest.raises(OperationFailed):
                await self.ask(key_of(f"failing-{number}"), failure)

    def park(self, *keys: ObjectKey, priority: Priority = READ) -> list[Parked]:
        """Have keys come in vain."""
        told = []
        for key in keys:
            with pytest.raises(Parked) as parked, self.bulkhead.turn(key, priority):
                raise AssertionError(f"there was room for {key}")
            told.append(parked.value)
        return told

    def probe(self, failure: OperationFailed | None = None) -> None:
        """Have a probe that finds this out."""
        with suppress(OperationFailed), self.bulkhead.probing():
            if failure is not None:
                raise failure

    def waking(self) -> list[ObjectKey]:
        """Return the resources woken since this was last asked."""
        keys = [key for key, _ in self.woken]
        self.woken.clear()
        return keys


def grow(bulkhead: Bulkhead) -> None:
    """Have Vault answer until it is asked as much at once as it may be."""
    admission = bulkhead._admission
    for _ in range(200):
        admission.end(admission.begin(), None)


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_turns_are_given_while_there_are_some() -> None:
    world = World()

    with world.bulkhead.turn(A, READ), world.bulkhead.turn(B, READ):
        (told,) = world.park(C)
        assert (world.bulkhead.inside, world.bulkhead.waiting) == (2, 1)

    assert told.failure is None, "to wait for a turn is no failure"
    assert told.look_again == LOST_WAKE


async def test_who_waits_is_woken_when_a_turn_is_given_back() -> None:
    world = World()
    with world.bulkhead.turn(A, READ):
        with world.bulkhead.turn(B, READ):
            world.park(C, D)
            assert world.waking() == []
        assert world.waking() == [C]

        with world.bulkhead.turn(C, READ):
            assert world.waking() == []
        assert world.waking() == [D]


async def test_newcomer_does_not_take_the_turn_of_who_was_woken() -> None:
    world = World()
    with world.bulkhead.turn(A, READ):
        with world.bulkhead.turn(B, READ):
            world.park(C)
        world.park(D)

        with world.bulkhead.turn(C, READ):
            assert world.bulkhead.inside == 2


async def test_turn_that_nobody_takes_lapses() -> None:
    world = World()
    with world.bulkhead.turn(A, READ):
        with world.bulkhead.turn(B, READ):
            world.park(C, D)
        assert world.waking() == [C]

        await asyncio.sleep(RESERVED_FOR + 0.1)

        assert world.waking() == [D]
        world.park(C)


async def test_key_that_comes_unasked_stays_in_line_once() -> None:
    world = World()
    with ExitStack() as turns:
        turns.enter_context(world.bulkhead.turn(A, READ))
        turns.enter_context(world.bulkhead.turn(B, READ))
        for _ in range(3):
            world.park(C)
        assert world.bulkhead.waiting == 1
        turns.close()
        await asyncio.sleep(2 * RESERVED_FOR)

    assert world.waking() == [C]


async def test_namespaces_take_turns() -> None:
    world = World(most_reads=1)
    theirs = [key_of(f"t{number}", "crowded") for number in range(5)]
    mine = key_of("mine", "small")
    with world.bulkhead.turn(A, READ):
        world.park(*theirs, mine)

    with world.bulkhead.turn(theirs[0], READ):
        pass

    assert world.waking() == [theirs[0], mine]


async def test_renewals_go_before_reads_and_have_places_of_their_own() -> None:
    world = World(most_reads=1)
    first, second, third = (key_of(f"session-{number}") for number in range(3))
    with ExitStack() as renewals:
        with world.bulkhead.turn(A, READ):
            for key in (first, second):
                renewals.enter_context(world.bulkhead.turn(key, RENEWAL))
            world.park(B)
            world.park(third, priority=RENEWAL)
        assert (world.sessions, world.waking()) == ([third], [])

    assert world.waking() == [B]


async def test_forgotten_key_is_not_woken_and_holds_up_nobody() -> None:
    world = World()
    with world.bulkhead.turn(A, READ):
        with world.bulkhead.turn(B, READ):
            world.park(C, D, E)
            world.bulkhead.forget(C, READ)
        assert world.waking() == [D]

        world.bulkhead.forget(D, READ)

        assert world.waking() == [E]
        world.bulkhead.forget(key_of("never heard of"), READ)


async def test_first_failure_asks_for_a_probe_and_an_outage_asks_again() -> None:
    world = World()

    await world.fail(DOWN, times=1)
    assert world.probes_wanted == [0]
    world.probe(None)
    await world.fail(DOWN, times=2)
    assert world.probes_wanted == [0], "it was probed a moment ago"
    await world.fail(DOWN, times=1)

    assert world.probes_wanted == [0, 0]
    assert world.bulkhead.is_open


async def test_vault_that_cannot_be_asked_at_all_has_its_prober_woken_once() -> None:
    world = World()

    world.bulkhead.shut(DOWN)
    world.probe(DOWN)
    world.bulkhead.shut(DOWN)

    assert world.probes_wanted == [0]


async def test_who_comes_during_an_outage_is_parked_with_what_happened() -> None:
    world = World()
    await world.fail(SEALED)
    asked = world.vault.calls.total()

    (told,) = world.park(A)

    assert told.failure is SEALED
    assert "vault/main" in str(told)
    assert world.vault.calls.total() == asked


async def test_failure_that_opens_the_breaker_parks_its_key() -> None:
    world = World()
    await world.fail(DOWN, times=2)

    with pytest.raises(Parked) as parked:
        await world.ask(A, DOWN)

    assert parked.value.failure is DOWN
    assert world.bulkhead.waiting == 1


async def test_who_was_under_way_when_the_breaker_opened_is_parked_too() -> None:
    world = World()

    async def ask_late() -> None:
        with world.bulkhead.turn(A, READ):
            await world.fail(DOWN)
            await world.transport.request(ASK)

    with pytest.raises(Parked):
        await ask_late()

    assert world.bulkhead.waiting == 2


@pytest.mark.parametrize(
    "error", [PermissionDenied("no"), AnswerLost("lost")], ids=["denied", "unknown"]
)
async def test_fate_of_a_call_is_told_also_during_an_outage(
    error: OperationFailed,
) -> None:
    world = World()

    async def be_answered_late() -> None:
        with world.bulkhead.turn(A, READ):
            await world.fail(DOWN)
            raise error

    with pytest.raises(type(error)):
        await be_answered_late()


async def test_those_in_line_are_told_of_an_outage_once_and_behind_what_changed() -> (
    None
):
    world = World()
    with world.bulkhead.turn(A, READ), world.bulkhead.turn(B, READ):
        world.park(C, D)
        world.bulkhead.shut(DOWN)
        assert world.woken == [(C, Lane.DUE), (D, Lane.DUE)]
        world.woken.clear()
        assert [told.failure for told in world.park(C, D)] == [DOWN, DOWN]

        world.probe(SEALED)

    assert world.waking() == []


async def test_vault_that_serves_again_is_met_with_a_slow_start() -> None:
    world = World(most_reads=8)
    keys = [key_of(f"r{number}") for number in range(20)]
    await world.fail(DOWN)
    world.park(*keys)

    world.probe(None)
    waves = [world.waking()]
    while waves[-1]:
        for key in waves[-1]:
            await world.ask(key)
        waves.append(world.waking())

    woken = [key for wave in waves for key in wave if key in keys]
    assert len(waves[0]) == 2
    assert woken == keys


async def test_pause_that_vault_asked_for_ends_by_the_clock() -> None:
    world = World(most_reads=8)
    for key in (A, B):
        with pytest.raises(RateLimited):
            await world.ask(key, RateLimited("429", retry_after=3))
    world.park(C)

    await asyncio.sleep(2.9)
    assert world.waking() == []
    await asyncio.sleep(0.2)

    assert world.waking() == [C]


async def test_long_wait_for_a_turn_is_told_in_the_end() -> None:
    world = World()
    with world.bulkhead.turn(A, READ), world.bulkhead.turn(B, READ):
        (at_first,) = world.park(C)
        await asyncio.sleep(LOST_WAKE)
        (in_the_end,) = world.park(C)

    assert at_first.failure is None
    assert isinstance(in_the_end.failure, ServerBusy)


async def test_another_client_begins_anew_with_those_in_line() -> None:
    world = World()
    await world.fail(DOWN)
    world.park(A)
    before = world.transport

    world.bulkhead.guard(FakeVault())

    assert not world.bulkhead.is_open
    assert world.waking() == [key_of("failing-2"), A]
    with pytest.raises(Parked):
        await before.request(ASK)
    assert not world.bulkhead.is_open


async def test_failures_over_an_old_client_say_nothing_of_the_new_one() -> None:
    world = World()
    before = world.transport
    world.bulkhead.guard(FakeVault())
    world.vault.failures[ASK.operation] = DOWN

    for _ in range(5):
        with pytest.raises(OperationFailed):
            await before.request(ASK)

    assert not world.bulkhead.is_suspect
    assert world.probes_wanted == []


async def test_turn_kept_under_an_old_client_is_not_given_back_twice() -> None:
    world = World()
    with world.bulkhead.turn(A, READ):
        with world.bulkhead.turn(B, READ):
            world.park(C)
        assert world.waking() == [C]
        world.bulkhead.guard(FakeVault())

        with world.bulkhead.turn(C, READ):
            assert world.bulkhead.inside == 1

    assert world.bulkhead.inside == 0


async def test_slow_vaults_leave_workers_to_one_that_is_not() -> None:
    workers = Workers(number=6)
    slow = [World(most_reads=50, workers=workers) for _ in range(3)]
    with ExitStack() as turns:
        for world in slow:
            grow(world.bulkhead)
        for number, world in enumerate(slow * 3):
            with suppress(Parked):
                key = key_of(f"r{number}")
                turns.enter_context(world.bulkhead.turn(key, READ))
        assert workers.free == 1

        swift = World(workers=workers)
        with swift.bulkhead.turn(A, READ):
            swift.park(B)
        assert swift.waking() == [B]


async def test_worker_that_one_vault_lets_go_of_is_given_to_another() -> None:
    workers = Workers(number=2)
    slow, swift = World(workers=workers), World(workers=workers)
    with ExitStack() as turns:
        turns.enter_context(slow.bulkhead.turn(A, READ))
        with swift.bulkhead.turn(B, READ):
            swift.park(C)
            slow.park(D)
        assert (swift.waking(), slow.waking()) == ([C], [])
        turns.close()

    assert slow.waking() == [D]


async def test_renewals_need_no_worker_of_those_who_read() -> None:
    workers = Workers(number=1)
    first, second = World(workers=workers), World(workers=workers)

    with first.bulkhead.turn(A, READ):
        second.park(B)
        with second.bulkhead.turn(key_of("session"), RENEWAL):
            assert second.bulkhead.inside == 1


async def test_closed_bulkhead_lets_go_of_the_workers_it_has_kept() -> None:
    workers = Workers(number=2)
    world = World(workers=workers)
    with world.bulkhead.turn(A, READ):
        world.park(B)
    assert world.waking() == [B]

    world.bulkhead.close()

    assert workers.free == 2


async def test_closed_bulkhead_wakes_nobody() -> None:
    world = World()
    with world.bulkhead.turn(A, READ):
        with world.bulkhead.turn(B, READ):
            world.park(C, D)
        world.waking()
        world.bulkhead.close()
        world.bulkhead.close()

    await asyncio.sleep(2 * RESERVED_FOR)

    assert world.waking() == []
    assert world.bulkhead.waiting == 0
