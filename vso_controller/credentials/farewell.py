"""The last words to Vault of a process that was asked to stop.

Tokens that something hangs on are renewed once more, those that end first before the
others: whoever takes over has the most time to find its way. Tokens that nothing hangs
on are given back, if that is wanted. No Vault keeps another waiting, and none for long.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import structlog

from vso_controller.credentials.connection import Connection
from vso_controller.credentials.identities import Entry
from vso_controller.foundation.errors import OperationFailed

AT_ONCE = 8
"""Calls that one Vault gets at the same time."""

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Step:
    what: str  # as it is counted when it is done
    take: Callable[[], Awaitable[None]]


async def say_farewell(
    entries: Iterable[Entry], *, within: float, revoke: bool
) -> None:
    """Take leave of Vault in `within` seconds. What fails, or comes too late, is told.

    With `revoke`, tokens of ours that nothing hangs on are given back.
    """
    lines = _lines(entries, revoke=revoke)
    if not lines:
        return
    done: Counter[str] = Counter()
    total = sum(map(len, lines.values()))
    workers = [
        _work_off(line, connection, done)
        for connection, line in lines.items()
        for _ in range(min(AT_ONCE, len(line)))
    ]
    with suppress(TimeoutError):
        async with asyncio.timeout(within), asyncio.TaskGroup() as group:
            for worker in workers:
                group.create_task(worker)
    log.info(
        "took_leave_of_vault",
        renewed=done["renewed"],
        revoked=done["revoked"],
        not_done=total - done["renewed"] - done["revoked"],
    )


def _lines(entries: Iterable[Entry], *, revoke: bool) -> dict[Connection, deque[_Step]]:
    """Return what there is to do over each connection, the most urgent first."""
    by_connection: defaultdict[Connection, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_connection[entry.connection].append(entry)
    lines = {
        connection: deque([*_renewals(several), *_revocations(several, revoke=revoke)])
        for connection, several in by_connection.items()
    }
    return {connection: line for connection, line in lines.items() if line}


def _renewals(entries: Iterable[Entry]) -> Iterator[_Step]:
    ends = [(each.session.held_end, each.session) for each in entries]
    held = [(end, session) for end, session in ends if end is not None]
    for _, session in sorted(held, key=lambda pair: pair[0]):
        yield _Step("renewed", session.prolong_held)


def _revocations(entries: Iterable[Entry], *, revoke: bool) -> Iterator[_Step]:
    for entry in entries:
        if revoke and entry.session.is_revocable:
            yield _Step("revoked", entry.session.revoke)


async def _work_off(
    line: deque[_Step], connection: Connection, done: Counter[str]
) -> None:
    while line:
        step = line.popleft()
        try:
            async with connection.in_use():
                await step.take()
        except OperationFailed as error:
            log.warning("farewell_failed", step=step.what, error=str(error))
        else:
            done[step.what] += 1
