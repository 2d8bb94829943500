"""The tap between a proxy and its server, with a server made by hand."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager

import pytest

from tests.support.canaries import Canaries
from tests.support.oracle.acts import KubeAct
from tests.support.oracle.fingerprints import Fingerprints
from tests.support.oracle.kubefacts import KubeFacts
from tests.support.oracle.tap import Tap
from tests.support.requestlog import RequestHead
from tests.support.upstream import Answer, ConnectionCut, Question, in_one_piece
from tests.unit.support.oracle.runs import SECRETS, head

PATCH = head("PATCH", f"{SECRETS}/app")
WATCH = head("GET", SECRETS, query="watch=1")
STORED = json.dumps({"metadata": {"name": "app", "resourceVersion": "42"}}).encode()
TOKEN = "token-4f1c9a"


class Server:
    """Answers with `text`, in two pieces, or breaks off between them."""

    def __init__(self, text: bytes = STORED, *, breaks: bool = False) -> None:
        self.bodies: list[bytes] = []
        self._text = text
        self._breaks = breaks

    @asynccontextmanager
    async def ask(self, question: Question) -> AsyncIterator[Answer]:
        self.bodies.append(await question.read())
        yield Answer(status=200, reason="OK", headers={}, body=self._body())

    async def _body(self) -> AsyncGenerator[bytes, None]:
        middle = len(self._text) // 2
        yield self._text[:middle]
        if self._breaks:
            raise ConnectionCut("the server is gone")
        yield self._text[middle:]


class NoNotes:
    """Takes nothing down."""

    def forwarded(self) -> None: ...
    def answered(self, status: int) -> None: ...
    def faulted(self, rule: str) -> None: ...


@pytest.fixture
def canaries() -> Canaries:
    return Canaries()


@pytest.fixture
def tap(canaries: Canaries) -> Tap[KubeAct]:
    fingerprints = Fingerprints()
    return Tap(
        facts=KubeFacts(fingerprints),
        clock=lambda: 7.0,
        fingerprints=fingerprints,
        canaries=canaries,
    )


def question(about: RequestHead, *, body: bytes | None = b"{}") -> Question:
    headers: Mapping[str, str] = {"Authorization": f"Bearer {TOKEN}"}
    content = None if body is None else in_one_piece(body)
    return Question(about, about.path, headers, content, NoNotes())


async def asked(tap: Tap[KubeAct], server: Server, question: Question) -> bytes:
    async with tap.around(server).ask(question) as answer, aclosing(answer.body):
        return await answer.read()


async def test_tap_changes_nothing(tap: Tap[KubeAct]) -> None:
    server = Server()

    answer = await asked(tap, server, question(PATCH, body=b'{"data":{}}'))

    assert answer == STORED
    assert server.bodies == [b'{"data":{}}']


async def test_act_has_the_very_head_of_the_exchange(tap: Tap[KubeAct]) -> None:
    await asked(tap, Server(), question(PATCH))

    (act,) = tap.acts
    assert act.head is PATCH
    assert (act.status, act.version, act.at) == (200, 42, 7.0)


async def test_act_is_noted_before_its_answer(tap: Tap[KubeAct]) -> None:
    class Curious(Server):
        @asynccontextmanager
        async def ask(self, question: Question) -> AsyncIterator[Answer]:
            assert [act.in_doubt for act in tap.acts] == [True]
            async with super().ask(question) as answer:
                yield answer

    await asked(tap, Curious(), question(PATCH))

    assert [act.landed for act in tap.acts] == [True]


async def test_what_nobody_waited_for_has_happened_all_the_same(
    tap: Tap[KubeAct],
) -> None:
    """As when a fault rule in front swallows the answer."""
    async with tap.around(Server()).ask(question(PATCH)):
        pass

    assert [act.version for act in tap.acts] == [42]


async def test_answer_that_breaks_off_breaks_off_in_front(tap: Tap[KubeAct]) -> None:
    server = Server(breaks=True)

    with pytest.raises(ConnectionCut):
        await asked(tap, server, question(PATCH))

    assert [act.landed for act in tap.acts] == [True]


async def test_reads_are_let_through_as_they_are(tap: Tap[KubeAct]) -> None:
    answer = await asked(tap, Server(b"an endless watch"), question(WATCH, body=None))

    assert answer == b"an endless watch"
    assert tap.acts == ()


async def test_token_of_every_request_becomes_a_canary(
    tap: Tap[KubeAct], canaries: Canaries
) -> None:
    await asked(tap, Server(), question(WATCH, body=None))

    assert canaries.find(f"a log with {TOKEN}", "a log")


async def test_one_token_is_one_process(tap: Tap[KubeAct]) -> None:
    for _ in range(2):
        await asked(tap, Server(), question(PATCH))

    first, second = tap.acts
    assert first.who == second.who != ""
    assert TOKEN not in repr(tap.acts)
