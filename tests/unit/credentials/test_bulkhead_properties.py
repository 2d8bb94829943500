"""The promises of a bulkhead, whatever happens in whatever order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass

import looptime
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.unit.runtime.virtual import VirtualClock
from vso_controller.credentials.bulkhead import (
    RESERVED_FOR,
    Bulkhead,
    BulkheadTiming,
    Wakes,
)
from vso_controller.credentials.workers import Workers
from vso_controller.foundation.errors import OperationFailed, Parked
from vso_controller.foundation.objects import ObjectKey
from vso_controller.foundation.secret import Secret
from vso_controller.runtime.lanes import Lane
from vso_controller.vault.bulkhead import RENEWAL_PLACES, Priority
from vso_controller.vault.errors import (
    PathNotFound,
    RateLimited,
    RequestTimedOut,
    ServerFailed,
    ServerUnreachable,
)
from vso_controller.vault.ports import Transport
from vso_controller.vault.requests import Method, Operation, VaultReply, VaultRequest

MOST_READS = 4
WORKERS = 6
VAULT = ObjectKey("vault", "main")
Party = tuple[Priority, ObjectKey]
PARTIES = st.tuples(
    st.sampled_from(Priority),
    st.builds(ObjectKey, st.sampled_from(("x", "y")), st.sampled_from("abcde")),
)
ENDINGS = st.sampled_from(
    (
        None,
        PathNotFound("nothing"),
        ServerUnreachable("refused"),
        ServerUnreachable("refused"),
        RequestTimedOut("late"),
        ServerFailed("503"),
        RateLimited("429", retry_after=2),
    )
)
ASK = VaultRequest(
    operation=Operation.READ, method=Method.GET, path=("a",), repeatable=True
)


class ClockOf(VirtualClock):
    """Tells the time of a loop, also to who is not on it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._loop = loop

    def monotonic(self) -> float:
        return self._loop.time()


@dataclass
class Ends:
    """A transport whose requests all end in the same way."""

    how: OperationFailed | None = None

    async def request(self, request: VaultRequest) -> VaultReply:
        if self.how is not None:
            raise self.how
        return VaultReply(status=200, document=Secret({}))


class BulkheadMachine(RuleBasedStateMachine):
    """Parties that come, are parked, hold turns and come back when they are woken."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = looptime.new_event_loop()
        self.vault = Ends()
        self.holding: dict[Party, ExitStack] = {}
        self.parked: set[Party] = set()  # and not woken since
        self.probe: ExitStack | None = None
        self.workers = Workers(number=WORKERS)
        self.bulkhead = Bulkhead(
            about=VAULT,
            timing=BulkheadTiming(most_reads=MOST_READS, probe_rest=5),
            workers=self.workers,
            wakes=Wakes(
                connection=lambda *_: None,
                session=lambda key, _: self.woken(Priority.RENEWAL, key, Lane.CHANGED),
                consumer=lambda key, lane: self.woken(Priority.READ, key, lane),
            ),
            clock=ClockOf(self.loop),
        )
        self.transport: Transport = self.bulkhead.guard(self.vault)

    def woken(self, priority: Priority, key: ObjectKey, lane: Lane) -> None:
        party = (priority, key)
        if lane is Lane.CHANGED:
            assert party in self.parked, "somebody is woken who does not wait"
            self.parked.remove(party)

    def run(self, act: Callable[[], None], seconds: float = 0) -> None:
        async def act_and_wait() -> None:
            act()
            await asyncio.sleep(seconds)

        self.loop.run_until_complete(act_and_wait())

    @precondition(lambda self: len(self.holding) < 20)
    @rule(party=PARTIES)
    def come(self, party: Party) -> None:
        if party not in self.holding:
            self.run(lambda: self.take_or_park(party))

    def take_or_park(self, party: Party) -> None:
        priority, key = party
        stack = ExitStack()
        try:
            stack.enter_context(self.bulkhead.turn(key, priority))
        except Parked:
            self.parked.add(party)
            return
        assert not self.bulkhead.is_open, "somebody is let in during an outage"
        self.parked.discard(party)
        self.holding[party] = stack

    @precondition(lambda self: self.holding)
    @rule(data=st.data(), ending=ENDINGS)
    def ask_and_leave(
        self, data: st.DataObject, ending: OperationFailed | None
    ) -> None:
        party = data.draw(st.sampled_from(sorted(self.holding)))
        self.vault.how = ending
        self.loop.run_until_complete(self.end(party))

    async def end(self, party: Party) -> None:
        stack = self.holding.pop(party)
        # Who fails with an outage is in line before its turn is given to another.
        self.parked.add(party)
        try:
            async with asyncio.timeout(1):
                with stack:
                    await self.transport.request(ASK)
        except Parked:
            return
        except OperationFailed:
            pass
        self.parked.discard(party)

    @precondition(lambda self: self.probe is None)
    @rule()
    def begin_probe(self) -> None:
        def begin() -> None:
            self.probe = ExitStack()
            self.probe.enter_context(self.bulkhead.probing())

        self.run(begin)

    @precondition(lambda self: self.probe is not None)
    @rule(ending=ENDINGS)
    def end_probe(self, ending: OperationFailed | None) -> None:
        probe, self.probe = self.probe, None
        assert probe is not None

        def end() -> None:
            with suppress(OperationFailed), probe:
                if ending is not None:
                    raise ending

        self.run(end)

    @rule(party=PARTIES)
    def forget(self, party: Party) -> None:
        if party not in self.holding:
            self.run(lambda: self.bulkhead.forget(party[1], party[0]))
            self.parked.discard(party)

    @rule()
    def another_client(self) -> None:
        def replace() -> None:
            self.transport = self.bulkhead.guard(self.vault)

        self.run(replace)

    @rule(seconds=st.sampled_from((1.0, 3.0, RESERVED_FOR)))
    def wait(self, seconds: float) -> None:
        self.run(lambda: None, seconds)

    @invariant()
    def no_more_are_inside_than_may_be(self) -> None:
        assert self.bulkhead.inside <= MOST_READS + RENEWAL_PLACES

    @invariant()
    def each_parked_key_is_in_line_once(self) -> None:
        waits, lines = self.bulkhead._waits, self.bulkhead._lines
        assert {(party.priority, party.key) for party in waits} == self.parked
        assert sum(len(line) for line in lines.values()) == len(waits)
        assert all(party in lines[party.priority] for party in waits)
        assert not waits.keys() & self.bulkhead._kept.keys()

    @invariant()
    def nobody_waits_while_there_is_room(self) -> None:
        bulkhead = self.bulkhead
        for priority, _ in self.parked:
            assert not bulkhead._has_room(priority) or bulkhead._timer is not None

    def teardown(self) -> None:
        self.vault.how = None
        if self.probe is not None:
            self.end_probe(None)
        self.begin_probe()
        self.end_probe(None)
        for _ in range(50):
            for party in sorted(self.holding):
                self.loop.run_until_complete(self.end(party))
            self.run(lambda: None, RESERVED_FOR)
        assert self.parked == set(), "somebody waits for ever"
        assert self.bulkhead.inside == 0, "a turn was not given back"
        assert self.workers.free == WORKERS, "nor was a worker"
        self.run(self.bulkhead.close)
        self.loop.close()


TestBulkhead = BulkheadMachine.TestCase
