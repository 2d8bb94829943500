"""VaultConnection: asks the Vault it names how it is, from time to time.

It is the one prober: what it finds out opens and closes the breaker of the bulkhead.
While Vault does not serve it asks more often, and nobody else asks anything.
"""

from __future__ import annotations

from datetime import timedelta

from vso_controller.api.model import parse_spec, parse_status
from vso_controller.api.v1beta1.vaultconnection import (
    VaultConnectionSpec,
    VaultConnectionStatus,
)
from vso_controller.credentials.connection import Connection
from vso_controller.credentials.connections import Connections
from vso_controller.domain.conditions import (
    Condition,
    ConditionType,
    is_true,
    merged,
)
from vso_controller.domain.connection import after_answer, after_failure
from vso_controller.domain.reasons import EventReason, Failure, Retry
from vso_controller.domain.refresh import until_next_slot
from vso_controller.foundation.clock import Clock
from vso_controller.foundation.errors import OperationFailed
from vso_controller.foundation.objects import Envelope, ObjectKey
from vso_controller.reconcilers.failures import failure_of
from vso_controller.reconcilers.ports import Cache
from vso_controller.reconcilers.reporting import Decide, News, Report, Reporter
from vso_controller.reconcilers.statuses import conditions_of, stored
from vso_controller.runtime.ports import Outcome
from vso_controller.vault.errors import (
    ServerNotInitialized,
    ServerSealed,
    TlsVerificationFailed,
)
from vso_controller.vault.system import SealStatus, seal_status

_ACCEPTED = News(EventReason.ACCEPTED, "VaultConnection accepted")
_OF_ONE_ATTEMPT = (ConditionType.VAULT_CLIENT, ConditionType.VAULT_PING)


class VaultConnectionReconciler:
    """Read, decide, act, report; acting is one question to Vault."""

    def __init__(
        self,
        *,
        resources: Cache[Envelope],
        connections: Connections,
        reporter: Reporter,
        clock: Clock,
        probe_interval: timedelta,
    ) -> None:
        self._resources = resources
        self._connections = connections
        self._reporter = reporter
        self._clock = clock
        self._probe_interval = probe_interval

    async def reconcile(self, key: ObjectKey, _woken_at: float) -> Outcome:
        """Bring the status of the VaultConnection in step with the Vault it names.

        Raises what kept a client from being made, if a new try may help.
        """
        envelope = self._resources.get(key)
        if envelope is None or envelope.deleting:
            await self._connections.forget(key)
            self._reporter.gone(key)
            return Outcome()

        try:
            connection = await self._connections.open(envelope)
        except OperationFailed as error:
            return await self._handle_failure(envelope, error)
        bulkhead = connection.bulkhead
        if bulkhead.until_probe > 0:
            return Outcome(bulkhead.until_probe)  # whatever woke this key
        report = await self._probe(connection, envelope)

        await self._reporter.report(envelope, report)
        if bulkhead.is_suspect:
            return Outcome(bulkhead.until_probe)
        return Outcome(self._until_next_probe(envelope))

    async def _handle_failure(
        self, envelope: Envelope, error: OperationFailed
    ) -> Outcome:
        failure = failure_of(error)
        await self._reporter.report(envelope, lambda seen: self._failed(seen, failure))
        if failure.facts.retry is Retry.BACK_OFF:
            raise error
        return Outcome()

    async def _probe(self, connection: Connection, envelope: Envelope) -> Decide:
        """Ask Vault how it is; return how to report what was found out."""
        try:
            with connection.bulkhead.probing():
                async with connection.in_use() as client:
                    _check_serving(await seal_status(client), envelope)
        except (ServerSealed, ServerNotInitialized) as error:
            state = failure_of(error)
            return lambda seen: self._answered(seen, state)
        except OperationFailed as error:
            if isinstance(error, TlsVerificationFailed):
                connection.is_trusted = False
            failure = failure_of(error)
            return lambda seen: self._failed(seen, failure)
        return lambda seen: self._answered(seen, None)

    def _failed(self, envelope: Envelope, failure: Failure) -> Report:
        before = parse_status(VaultConnectionStatus, envelope.status)
        after = self._after(before, envelope, after_failure(failure), valid=False)
        return Report(before, after, failure)

    def _answered(self, envelope: Envelope, state: Failure | None) -> Report:
        before = parse_status(VaultConnectionStatus, envelope.status)
        spec = parse_spec(VaultConnectionSpec, envelope.spec)
        told = after_answer(state, is_verified=not spec.skip_tls_verify)
        after = self._after(before, envelope, told, valid=True)
        news = None if _is_ready(before) else _ACCEPTED
        return Report(before, after, state or news)

    def _after(
        self,
        before: VaultConnectionStatus,
        envelope: Envelope,
        updates: tuple[Condition, ...],
        *,
        valid: bool,
    ) -> VaultConnectionStatus:
        conditions = merged(
            conditions_of(before.conditions),
            updates,
            generation=envelope.generation,
            now=self._clock.now(),
            drop=_OF_ONE_ATTEMPT,
        )
        return before.model_copy(
            update={"valid": valid, "conditions": stored(conditions)}
        )

    def _until_next_probe(self, envelope: Envelope) -> float:
        return until_next_slot(
            envelope.uid, period=self._probe_interval, now=self._clock.now()
        )


def _is_ready(status: VaultConnectionStatus) -> bool:
    return is_true(conditions_of(status.conditions), ConditionType.READY)


def _check_serving(status: SealStatus, envelope: Envelope) -> None:
    where = f"the Vault of VaultConnection {envelope.key}"
    if not status.initialized:
        raise ServerNotInitialized(f"{where} is not initialized")
    if status.sealed:
        raise ServerSealed(f"{where} is sealed")
