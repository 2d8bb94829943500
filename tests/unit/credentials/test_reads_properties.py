"""Shared reads, whoever asks, waits, fails and gives up, in whatever order."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass
from enum import Enum, auto
from random import Random

import looptime
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.vault_transport import LoopClock, VaultInMemory
from tests.unit.credentials.questions import (
    ReadCount,
    question_of,
    reply,
    session_of,
    until,
)
from tests.unit.runtime.virtual import seeded
from vso_controller.credentials.answers import Answers, Question
from vso_controller.credentials.reads import SharedReads
from vso_controller.foundation.errors import OperationFailed
from vso_controller.vault.errors import ConnectionLost, PermissionDenied
from vso_controller.vault.requests import Operation, VaultReply, VaultRequest

WINDOW = 5
LONGEST_READ = 4
SESSIONS, PATHS = 2, 2


class Fate(Enum):
    """What becomes of a request."""

    ANSWERED = auto()
    DENIED = auto()
    LOST = auto()
    CRASHED = auto()


@dataclass(frozen=True)
class Reader:
    """Who reads what and when, and the fate of the request if it has to ask."""

    session: int
    path: int
    woken_at: int
    queued: int  # from being woken to reading
    patience: int  # from reading to being cancelled
    takes: int
    fate: Fate


READERS = st.lists(
    st.builds(
        Reader,
        session=st.integers(0, SESSIONS - 1),
        path=st.integers(0, PATHS - 1),
        woken_at=st.integers(0, 12),
        queued=st.integers(0, 6),
        patience=st.sampled_from((1, 2, 100)),
        takes=st.integers(0, LONGEST_READ),
        fate=st.sampled_from(Fate),
    ),
    min_size=1,
    max_size=25,
)


@dataclass(frozen=True)
class Told:
    """What an answer of this Vault says of itself."""

    question: Question
    asked_at: float


class World:
    """A Vault that knows what is under way, and those who read."""

    def __init__(self) -> None:
        self.answers = Answers(window=WINDOW, clock=LoopClock(), most=3)
        self.count = ReadCount()
        self.reads = SharedReads(
            answers=self.answers, observer=self.count, clock=LoopClock()
        )
        sessions = [session_of() for _ in range(SESSIONS)]
        self.questions = [
            [question_of(session, str(path)) for path in range(PATHS)]
            for session in sessions
        ]
        self.under_way: list[Told] = []
        self.newest: dict[Question, Told] = {}
        self.asked = 0

    async def ask(self, reader: Reader, question: Question) -> VaultReply:
        told = Told(question, asyncio.get_running_loop().time())
        # An older one than the newest is not known any more, though it may go on.
        newest = self.newest.get(question)
        if newest in self.under_way and newest is not None:
            assert newest.asked_at < reader.woken_at, "asked in vain"
        self.newest[question] = told
        self.asked += 1
        self.under_way.append(told)
        try:
            await asyncio.sleep(reader.takes)
        finally:
            self.under_way.remove(told)
        match reader.fate:
            case Fate.ANSWERED:
                return reply(told)
            case Fate.DENIED:
                raise PermissionDenied(told)
            case Fate.LOST:
                raise ConnectionLost(told)
            case Fate.CRASHED:
                raise ZeroDivisionError

    async def read(self, reader: Reader) -> Told | None:
        """Return what the reader was told; None: that of a crash is its own."""
        question = self.questions[reader.session][reader.path]
        try:
            answered = await self.reads.read(
                question,
                since=reader.woken_at,
                ask=lambda: self.ask(reader, question),
            )
        except OperationFailed as error:
            told = error.args[0]
        except ZeroDivisionError:
            assert reader.fate is Fate.CRASHED, "a bug is nobody else's"
            return None
        else:
            told = answered.document.reveal()["data"]
        assert isinstance(told, Told)
        return told

    async def go_through(self, reader: Reader) -> bool:
        """Read as `reader` does; return whether it got an answer."""
        await until(reader.woken_at + reader.queued)
        began = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(reader.patience):
                told = await self.read(reader)
        except TimeoutError:
            assert reader.patience < 100, "waited for ever"
            return False
        if told is not None:
            assert told.question == self.questions[reader.session][reader.path]
            assert told.asked_at >= reader.woken_at, "older than what woke it"
            waited = asyncio.get_running_loop().time() - began
            assert waited <= 25 * LONGEST_READ
        return told is not None


def virtually(story: Coroutine[object, object, None]) -> None:
    loop = looptime.new_event_loop()
    try:
        loop.run_until_complete(story)
    finally:
        loop.close()


@given(readers=READERS)
def test_nobody_is_told_what_is_too_old_or_another_s_or_asks_in_vain(
    readers: list[Reader],
) -> None:
    async def story() -> None:
        world = World()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(world.go_through(each)) for each in readers]

        answered = world.count.answered
        shared = answered["joined"] + answered["kept"]
        assert answered["sent"] == world.asked
        assert shared <= sum(task.result() for task in tasks) <= answered.total()
        assert not world.reads._flights
        await asyncio.sleep(WINDOW)
        await asyncio.sleep(0.1)
        assert len(world.answers) == 0

    virtually(story())


class TwoPolicies(VaultInMemory):
    """A Vault that tells each token its own, and one of them nothing."""

    def _read(self, request: VaultRequest) -> dict[str, object]:
        token = request.token.reveal() if request.token is not None else ""
        if token == "canary-token-2":
            raise PermissionDenied("no policy")
        return {"data": token}


class Tenant:
    """Reads with an identity of its own, and counts what it is told."""

    def __init__(self, vault: VaultInMemory, reads: SharedReads) -> None:
        self.told: Counter[object] = Counter()
        self._session = session_of(vault)
        self._reads = reads

    async def read(self, since: float) -> None:
        try:
            told = await self._reads.read(
                question_of(self._session, "shared"),
                since=since,
                ask=lambda: self._session.read(("shared",)),
            )
        except PermissionDenied:
            self.told["denied"] += 1
        else:
            self.told[told.document.reveal()["data"]] += 1

    async def race(self, times: int, random: Random) -> None:
        for _ in range(times):
            now = asyncio.get_running_loop().time()
            await self.read(now - random.choice((0, 0.01, 0.5)))


@pytest.mark.looptime
async def test_hundred_thousand_races_of_two_tenants_cross_no_answer() -> None:
    vault = TwoPolicies(delays={Operation.READ: 0.01})
    answers = Answers(window=WINDOW, clock=LoopClock())
    reads = SharedReads(answers=answers, observer=ReadCount(), clock=LoopClock())
    mine, theirs = Tenant(vault, reads), Tenant(vault, reads)
    await mine.read(0)
    await theirs.read(0)

    async with asyncio.TaskGroup() as group:
        for number in range(50):
            for tenant in (mine, theirs):
                group.create_task(tenant.race(1000, seeded(number)))

    assert mine.told == {"canary-token-1": 50_001}
    assert theirs.told == {"denied": 50_001}
    assert vault.logins == 2
