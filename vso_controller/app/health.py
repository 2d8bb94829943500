"""What the process says to its probes: gathers what `runtime.readiness` judges."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from vso_controller.app.engine import Engine
from vso_controller.foundation.clock import Clock
from vso_controller.runtime.readiness import Limits, WatchSeen, problems

VAULT_CALLS = 8
"""More calls of Vault than one reconcile makes in a row: to wait for the login of
another, to log in, to read, to look up a token that was denied, to log in anew, to
read again."""
KUBE_SECONDS = 300.0
"""More than its calls of the API server take, each of which may take 30 s: tokens and
a CA for two logins, the Secret read, deleted and created, and the status twice."""


class Watch(Protocol):
    """What there is to see of a reflector."""

    @property
    def name(self) -> str: ...
    @property
    def has_synced(self) -> bool: ...
    @property
    def last_contact(self) -> float | None: ...


class Vaults(Protocol):
    """Knows how long a call of Vault may take."""

    @property
    def longest_vault_timeout(self) -> float: ...


class Health:
    """Names what is not ready. Standbys are ready, too: they watch, and wait.

    Watches of single namespaces, which have a fallback, are left out.
    """

    def __init__(
        self,
        *,
        watches: Sequence[Watch],
        longest_silence: float,
        engine: Engine,
        vaults: Vaults,
        clock: Clock,
    ) -> None:
        self._watches = watches
        self._longest_silence = longest_silence
        self._engine = engine
        self._vaults = vaults
        self._clock = clock
        self._started = clock.monotonic()

    def not_ready(self) -> Iterator[str]:
        """Yield a sentence for each thing that is not as it should be, as of now."""
        now = self._clock.monotonic()
        return problems(
            watches=[self._seen(watch, now) for watch in self._watches],
            queues=self._engine.queues(),
            overdue=self._engine.overdue,
            running_for=now - self._started,
            limits=Limits(
                silence=self._longest_silence,
                reconcile=(
                    VAULT_CALLS * self._vaults.longest_vault_timeout + KUBE_SECONDS
                ),
            ),
        )

    def _seen(self, watch: Watch, now: float) -> WatchSeen:
        heard = watch.last_contact
        return WatchSeen(
            name=watch.name,
            has_synced=watch.has_synced,
            silent_for=now - (self._started if heard is None else heard),
        )
