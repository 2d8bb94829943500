"""Whether a Vault is worth asking: closed it is, open it is not, and a probe decides.

Requests that fail make a Vault suspect and, three in a row, open the breaker if they
speak of the server: one that was refused, or asked for what is not there, was answered.
A server error may be of one path alone, so it makes suspect and opens nothing. A probe
that fails opens the breaker of a Vault that was suspect before. Only a probe closes it.

No I/O and no timers: who owns a breaker asks it, and tells it what happened.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from vso_controller.foundation.clock import Clock
from vso_controller.foundation.errors import OperationFailed, Throttled
from vso_controller.vault.errors import (
    AnswerLost,
    ConnectionLost,
    NotVaultAnswer,
    RedirectRefused,
    RequestTimedOut,
    ServerFailed,
    ServerNotInitialized,
    ServerSealed,
    ServerUnreachable,
    StandbyAnswered,
    TlsVerificationFailed,
)

FAILURES_IN_A_ROW = 3
"""So many requests that speak of the server open the breaker."""

OF_THE_SERVER: tuple[type[OperationFailed], ...] = (
    ServerUnreachable,
    TlsVerificationFailed,
    ConnectionLost,
    RequestTimedOut,
    AnswerLost,
    ServerSealed,
    ServerNotInitialized,
    StandbyAnswered,
)
OF_THE_SERVER_OR_A_PATH: tuple[type[OperationFailed], ...] = (
    ServerFailed,
    NotVaultAnswer,
    RedirectRefused,
)
FAULTS = (*OF_THE_SERVER, *OF_THE_SERVER_OR_A_PATH)
"""What Vault, or the way to it, does wrong, and not who asks."""


class BreakerState(StrEnum):
    """What a breaker lets pass."""

    CLOSED = "closed"  # everything
    OPEN = "open"  # nothing
    HALF_OPEN = "half_open"  # nothing but the probe that is under way


class Breaker:
    """See the module docstring. `rest` is in seconds, from one probe to the next."""

    def __init__(self, *, rest: float, clock: Clock) -> None:
        self._rest = rest
        self._clock = clock
        # Failures since something was answered, as far as they count.
        self._failures = 0
        self._failure: OperationFailed | None = None  # what opened it; None: closed
        self._is_probing = False
        self._probed = float("-inf")  # when the last probe began, on the loop's clock

    @property
    def state(self) -> BreakerState:
        if self._failure is None:
            return BreakerState.CLOSED
        return BreakerState.HALF_OPEN if self._is_probing else BreakerState.OPEN

    @property
    def failure(self) -> OperationFailed | None:
        """What keeps Vault from being asked; None: nothing does."""
        return self._failure

    @property
    def is_open(self) -> bool:
        """Whether requests are held back, be there a probe or not."""
        return self._failure is not None

    @property
    def is_suspect(self) -> bool:
        """Whether the last thing that is known of Vault is that it failed."""
        return self._failures > 0

    @property
    def since_probe(self) -> float:
        """Seconds since the last probe began; infinite before the first one."""
        return self._clock.monotonic() - self._probed

    @property
    def until_probe(self) -> float:
        """Seconds until a suspect Vault may be probed again; 0 for any other."""
        if not self.is_suspect:
            return 0.0
        return max(0.0, self._rest - self.since_probe)

    def answered(self) -> None:
        """Take note of a request that Vault answered as one that serves."""
        if not self.is_open:
            self._failures = 0

    def failed(self, error: OperationFailed) -> None:
        """Take note of a request that failed like this."""
        if isinstance(error, OF_THE_SERVER):
            self._failures += 1
        elif isinstance(error, OF_THE_SERVER_OR_A_PATH):
            self._failures = max(self._failures, 1)
        if self._failures >= FAILURES_IN_A_ROW:
            self._open(error)

    def shut(self, error: OperationFailed) -> None:
        """Open it because Vault cannot be asked at all."""
        self._failures += 1
        self._open(error)

    @contextmanager
    def probing(self) -> Iterator[None]:
        """Have a probe under way for the length of the block.

        The block raises what keeps Vault from serving, and ends well if nothing does.
        One probe at a time: RuntimeError if there is one. One that is cancelled has
        found out nothing.
        """
        if self._is_probing:
            raise RuntimeError("a probe is under way")
        self._is_probing = True
        self._probed = self._clock.monotonic()
        try:
            yield
        except Throttled:
            raise  # it is there, and that is all that was found out
        except OperationFailed as error:
            self._probe_failed(error)
            raise
        else:
            self._failures = 0
            self._failure = None
        finally:
            self._is_probing = False

    def _probe_failed(self, error: OperationFailed) -> None:
        was_suspect = self.is_suspect
        self._failures += 1
        if was_suspect:
            self._open(error)

    def _open(self, error: OperationFailed) -> None:
        # The newest failure tells best what is the matter now.
        self._failure = error
