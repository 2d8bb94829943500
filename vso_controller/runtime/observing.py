"""The gate of a process that only observes: nothing passes, and all is noted.

A write that comes to the gate is withheld: its caller is stopped by an exception,
and the write itself is noted for who observes the reconcile (`noting`). So each
reconcile ends where it would have changed the world, and whoever made the write need
not know that it was observed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NoReturn

from vso_controller.foundation.intentions import Write

_noted: ContextVar[list[Write] | None] = ContextVar("_noted", default=None)


class Withheld(Exception):
    """A write was withheld, as it is from an observer.

    That is no failure, so it is no OperationFailed: who handles those must not take
    it for one, report it, or try again.
    """


class ObserverGate:
    """Shut for good. Whatever changes the world outside may ask it."""

    def check(self, write: Write) -> NoReturn:
        """Note the write and raise Withheld."""
        noted = _noted.get()
        if noted is not None:
            noted.append(write)
        raise Withheld(f"{write}: this process only observes")


@contextmanager
def noting() -> Iterator[list[Write]]:
    """Yield the list of what is withheld in the block, in tasks it starts as well."""
    noted: list[Write] = []
    token = _noted.set(noted)
    try:
        yield noted
    finally:
        _noted.reset(token)
