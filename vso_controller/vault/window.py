"""How many requests a Vault takes at once, found out by asking.

It is found as TCP finds its window: one more for each answer until the first sign of
congestion, which doubles it with every round, and from then on one more a round; a
sign of congestion halves it.
"""

from __future__ import annotations

FIRST = 2
"""Requests at once to a Vault of which nothing is known."""


class Window:
    """Between 1 and `maximum`."""

    def __init__(self, *, maximum: int) -> None:
        self._maximum = float(maximum)
        self._size = min(float(FIRST), self._maximum)
        self._doubles_up_to = self._maximum

    @property
    def size(self) -> int:
        return int(self._size)

    def answered(self, *, inside: int) -> None:
        """Grow by an answer that came while `inside` requests were under way.

        Not if the window was less than half used: then it was not put to the test.
        """
        if 2 * inside < self.size:
            return
        more = 1.0 if self._size < self._doubles_up_to else 1.0 / self._size
        self._size = min(self._size + more, self._maximum)

    def congested(self) -> None:
        """Shrink to the half."""
        self._size = self._doubles_up_to = max(1.0, self._size / 2)

    def restart(self) -> None:
        """Begin as with a Vault of which nothing is known."""
        self._size = min(float(FIRST), self._maximum)
        self._doubles_up_to = self._maximum
