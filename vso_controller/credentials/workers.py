"""How the bulkheads share the workers that read, however many Vaults are slow.

A Vault may hold one worker more as long as it holds fewer than are free. One that is
slow so gets half of them at most, and `n` that are slow leave one part of `n + 1`
free: the last worker is never held by a Vault that has another.
"""

from __future__ import annotations

from collections.abc import Callable

Told = Callable[[], None]
"""Learns that a worker has become free. Must neither block nor raise."""


class Workers:
    """Counts who is with a Vault. Lives on one event loop, and never waits."""

    def __init__(self, *, number: int) -> None:
        self._free = number
        # Each once, in the order in which they found no worker.
        self._passed_over: dict[Told, None] = {}

    @property
    def free(self) -> int:
        """How many are with no Vault."""
        return self._free

    def allow(self, *, held: int, told: Told) -> bool:
        """Whether a Vault that holds so many may hold one more.

        If not, `told` is called when one becomes free, once.
        """
        if held < self._free:
            return True
        self._passed_over[told] = None
        return False

    def take(self) -> None:
        """Have one more with a Vault. It has to be given back."""
        self._free -= 1

    def give_back(self) -> None:
        """Have one free, and tell those who were passed over."""
        self._free += 1
        passed_over, self._passed_over = self._passed_over, {}
        for told in passed_over:
            told()
