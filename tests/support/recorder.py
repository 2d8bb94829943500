"""Writes down what crosses a proxy while it crosses.

A request is in the log from the moment its head has arrived, so that the log of an
open watch can be read while it runs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

from tests.support.requestlog import (
    BodySeen,
    Exchange,
    Forward,
    RequestHead,
    RequestLog,
)
from tests.support.resourceversions import version_in_body

_LONGEST_PARSED = 2 * 1024 * 1024  # bytes; an API server takes no longer object


class Recorder:
    """The log of one proxy. `clock` tells seconds, as the event loop does."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._recordings: list[Recording] = []

    @property
    def requests(self) -> RequestLog:
        """All requests so far, as far as they have come."""
        return self.since(0)

    def mark(self) -> int:
        """Return a mark: `since` of it are the requests that come from now on."""
        return len(self._recordings)

    def since(self, mark: int) -> RequestLog:
        """Return the requests that came after `mark` was made."""
        return RequestLog([one.exchange() for one in self._recordings[mark:]])

    def begin(self, head: RequestHead) -> Recording:
        """Log a request whose head has arrived; the caller tells what follows."""
        recording = Recording(head=head, clock=self._clock)
        self._recordings.append(recording)
        return recording


class Recording:
    """One exchange while it happens."""

    def __init__(self, *, head: RequestHead, clock: Callable[[], float]) -> None:
        self._head = head
        self._clock = clock
        self._started = clock()
        self._duration: float | None = None
        self._status: int | None = None
        self._failure = ""
        self._request_body = _BodyCount()
        self._answer_body = _BodyCount()
        self._resource_version = head.query_version
        self._request_text = b""  # kept until the body is whole and can be parsed
        self._forwards: list[Forward] = []
        self._faults: list[str] = []

    def add_to_request(self, chunk: bytes) -> None:
        """Count a piece of the request's body."""
        self._request_body.add(chunk)
        if self._request_body.size <= _LONGEST_PARSED:
            self._request_text += chunk

    def end_request(self) -> None:
        """Note that the body of the request is whole."""
        if self._resource_version is None:
            self._resource_version = version_in_body(self._request_text)
        self._request_text = b""

    def forwarded(self) -> None:
        """Note that the request goes to the server."""
        self._forwards.append(Forward(started=self._clock()))

    def answered(self, status: int) -> None:
        """Note what the server says to what was forwarded last."""
        self._forwards[-1] = replace(self._forwards[-1], status=status)

    def faulted(self, rule: str) -> None:
        """Note that a fault rule meddles with this exchange."""
        self._faults.append(rule)

    def begin_answer(self, status: int) -> None:
        """Note the status of the answer that the client gets."""
        self._status = status

    def add_to_answer(self, chunk: bytes) -> None:
        """Count a piece of the answer's body."""
        self._answer_body.add(chunk)

    def end(self, *, failure: str = "") -> None:
        """Note that the exchange is over, cut by `failure` or complete."""
        self._duration = self._clock() - self._started
        self._failure = failure
        self._request_text = b""

    def exchange(self) -> Exchange:
        """Return what has been seen so far."""
        return Exchange(
            head=self._head,
            started=self._started,
            duration=self._duration,
            status=self._status,
            failure=self._failure,
            request_body=self._request_body.seen(),
            answer_body=self._answer_body.seen(),
            resource_version=self._resource_version,
            forwards=tuple(self._forwards),
            faults=tuple(self._faults),
        )


class _BodyCount:
    def __init__(self) -> None:
        self.size = 0
        self._hash = hashlib.sha256()

    def add(self, chunk: bytes) -> None:
        self.size += len(chunk)
        self._hash.update(chunk)

    def seen(self) -> BodySeen:
        return BodySeen(size=self.size, sha256=self._hash.hexdigest())
