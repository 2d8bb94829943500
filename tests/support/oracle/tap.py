"""Hears the content of what crosses a proxy, for the facts that a log has not.

A log of requests has hashes where the bodies were. Which lease was issued, whose
election a write belongs to and which fields it set is in the bodies; a tap reads
them as they pass and keeps facts and fingerprints.

It belongs next to the server, behind all fault rules: what is swallowed on its way
back has happened all the same.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Generic, Protocol, TypeVar

from tests.support.canaries import Canaries
from tests.support.oracle.acts import Act
from tests.support.oracle.fingerprints import Fingerprints
from tests.support.oracle.heard import Heard
from tests.support.requestlog import RequestHead
from tests.support.upstream import Answer, ConnectionCut, Question, Upstream

A = TypeVar("A", bound=Act)
A_co = TypeVar("A_co", bound=Act, covariant=True)


class Facts(Protocol[A_co]):
    """Knows what the requests to one sort of server mean."""

    def listens_to(self, head: RequestHead) -> bool: ...
    def read(self, heard: Heard) -> A_co: ...
    def tokens(self, heard: Heard) -> list[str]: ...


class Tap(Generic[A]):
    """The acts of one proxy. `clock` is that of its recorder."""

    def __init__(
        self,
        *,
        facts: Facts[A],
        clock: Callable[[], float],
        fingerprints: Fingerprints,
        canaries: Canaries,
    ) -> None:
        self._facts = facts
        self._clock = clock
        self._fingerprints = fingerprints
        self._canaries = canaries
        self._acts: list[A] = []

    @property
    def acts(self) -> tuple[A, ...]:
        """The acts so far, in the order in which they came."""
        return tuple(self._acts)

    def around(self, upstream: Upstream) -> Upstream:
        """Return what answers as `upstream` does, and is heard."""
        return _Tapped(upstream=upstream, tap=self)

    def listens_to(self, head: RequestHead) -> bool:
        """Whether the content of a request is wanted."""
        return self._facts.listens_to(head)

    def notice(self, headers: Mapping[str, str]) -> str:
        """Make the token of a request a canary; return its fingerprint."""
        token = _token_in(headers)
        self._canaries.add(token, "a token in flight")
        return self._fingerprints.of(token.encode()) if token else ""

    def begin(self, question: Question, who: str, request: bytes) -> Hearing[A]:
        """Note a request that is about to reach the server."""
        heard = Heard(head=question.head, who=who, at=self._clock(), request=request)
        self._acts.append(self._facts.read(heard))
        return Hearing(tap=self, heard=heard, place=len(self._acts) - 1)

    def complete(self, heard: Heard, place: int, status: int, answer: bytes) -> None:
        """Note how a request ended."""
        whole = heard.with_answer(status=status, answer=answer, at=self._clock())
        for token in self._facts.tokens(whole):
            self._canaries.add(token, "a token that was given out")
        self._acts[place] = self._facts.read(whole)


class Hearing(Generic[A]):
    """One exchange that is under way."""

    def __init__(self, *, tap: Tap[A], heard: Heard, place: int) -> None:
        self._tap = tap
        self._heard = heard
        self._place = place

    def end(self, status: int, answer: bytes) -> None:
        """Note the answer."""
        self._tap.complete(self._heard, self._place, status, answer)


class _Tapped(Generic[A]):
    """An upstream that is heard."""

    def __init__(self, *, upstream: Upstream, tap: Tap[A]) -> None:
        self._upstream = upstream
        self._tap = tap

    @asynccontextmanager
    async def ask(self, question: Question) -> AsyncIterator[Answer]:
        who = self._tap.notice(question.headers)
        if not self._tap.listens_to(question.head):
            async with self._upstream.ask(question) as answer:
                yield answer
            return

        request = await question.read()
        hearing = self._tap.begin(question, who, request)
        async with self._upstream.ask(question.again(request)) as answer:
            # Whole before anybody in front can cut it: it has happened by now.
            text, cut = await _read(answer.body)
            hearing.end(answer.status, text)
            yield replace(answer, body=_pieces(text, cut))


async def _read(
    body: AsyncGenerator[bytes, None],
) -> tuple[bytes, ConnectionCut | None]:
    chunks: list[bytes] = []
    try:
        async with aclosing(body):
            async for chunk in body:
                chunks.append(chunk)  # noqa: PERF401 - what came before a cut counts
    except ConnectionCut as cut:
        return b"".join(chunks), cut
    return b"".join(chunks), None


async def _pieces(
    text: bytes, cut: ConnectionCut | None = None
) -> AsyncGenerator[bytes, None]:
    if text:
        yield text
    if cut is not None:
        raise cut


def _token_in(headers: Mapping[str, str]) -> str:
    bearer = headers.get("Authorization", "").removeprefix("Bearer ")
    return headers.get("X-Vault-Token") or bearer
