"""What crossed a proxy, in the order in which it came, and how to choose from it.

Nothing secret is in here: bodies are their size and hash, credentials a yes or no.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import overload
from urllib.parse import parse_qs

_READS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class BodySeen:
    """A body as it went over the wire, compressed where the sender did so."""

    size: int
    sha256: str  # in hex


@dataclass(frozen=True, slots=True)
class RequestHead:
    """A request before its body."""

    method: str
    path: str  # as sent, percent-encoding included
    query: str  # as sent, without its "?"
    user_agent: str
    is_authorized: bool  # whether it had an Authorization or X-Vault-Token header

    @property
    def query_version(self) -> str | None:
        """The resourceVersion of a list or watch; None: it names none."""
        return parse_qs(self.query).get("resourceVersion", [None])[-1]

    @property
    def is_write(self) -> bool:
        """Whether the method is one that changes things, and not for a dry run.

        Reviews and TokenRequests are among them: they are POSTs.
        """
        return self.method not in _READS and "dryRun" not in parse_qs(self.query)

    @property
    def is_watch(self) -> bool:
        """Whether it asks Kubernetes for a watch."""
        return parse_qs(self.query).get("watch", ["0"])[-1] in {"1", "true", "True"}


@dataclass(frozen=True, slots=True)
class Forward:
    """One time that a request went to the server."""

    started: float  # seconds on the event loop's clock
    status: int | None = None  # the server's; None: it has not answered


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer, as far as it came.

    `status` and `answer_body` are what the client got, `forwards` what the server
    did. The two differ where a fault rule had its hand in.
    """

    head: RequestHead
    started: float  # seconds on the event loop's clock
    duration: float | None  # seconds; None while it runs
    status: int | None  # None: no answer (yet)
    failure: str  # "" unless the connection was cut; then why
    request_body: BodySeen
    answer_body: BodySeen
    resource_version: str | None  # of the query, else of the body; None: in neither
    forwards: tuple[Forward, ...] = ()
    faults: tuple[str, ...] = ()  # names of the rules that meddled, outermost first

    @property
    def was_forwarded(self) -> bool:
        """Whether the server got to see the request, or the beginning of it."""
        return bool(self.forwards)

    def __str__(self) -> str:
        told = f"{self.head.method} {self.head.path} -> {self.status or self.failure}"
        return f"{told} [{', '.join(self.faults)}]" if self.faults else told


Choice = Callable[[Exchange], bool]
"""Says of an exchange whether it is meant."""


class RequestLog(Sequence[Exchange]):
    """Exchanges in the order in which their requests came. It does not change."""

    def __init__(self, exchanges: Sequence[Exchange] = ()) -> None:
        self._exchanges = tuple(exchanges)

    def where(self, chosen: Choice) -> RequestLog:
        """Return those that are `chosen`."""
        return RequestLog(tuple(filter(chosen, self._exchanges)))

    def excluding(self, chosen: Choice) -> RequestLog:
        """Return those that are not `chosen`."""
        return RequestLog([one for one in self._exchanges if not chosen(one)])

    def writes(self) -> RequestLog:
        """Return the requests whose method changes things."""
        return self.where(lambda exchange: exchange.head.is_write)

    def watches(self) -> RequestLog:
        """Return the watches."""
        return self.where(lambda exchange: exchange.head.is_watch)

    def __len__(self) -> int:
        return len(self._exchanges)

    def __iter__(self) -> Iterator[Exchange]:
        return iter(self._exchanges)

    @overload
    def __getitem__(self, index: int) -> Exchange: ...
    @overload
    def __getitem__(self, index: slice) -> RequestLog: ...
    def __getitem__(self, index: int | slice) -> Exchange | RequestLog:
        if isinstance(index, slice):
            return RequestLog(self._exchanges[index])
        return self._exchanges[index]

    def __repr__(self) -> str:
        return "\n".join(["RequestLog:", *map(str, self._exchanges)])


def to_resource(*plurals: str) -> Choice:
    """Choose requests that name one of these Kubernetes resources in their path."""
    return lambda exchange: not set(plurals).isdisjoint(exchange.head.path.split("/"))


def from_agent(prefix: str) -> Choice:
    """Choose requests whose User-Agent starts with `prefix`."""
    return lambda exchange: exchange.head.user_agent.startswith(prefix)


def faulted(exchange: Exchange) -> bool:
    """Choose requests that a fault rule meddled with."""
    return bool(exchange.faults)
