"""VaultConnection: asks the Vault it names how it is, from time to time."""

from __future__ import annotations

from datetime import timedelta

from vso_controller.api.model import parse_spec, parse_status
from vso_controller.api.v1beta1.vaultconnection import (
    VaultConnectionSpec,
    VaultConnectionStatus,
)
from vso_controller.credentials.connections import Connections
from vso_controller.domain.conditions import (
    Condition,
    ConditionType,
    is_true,
    merged,
)
from vso_controller.domain.connection import after_answer, after_failure
from vso_controller.domain.reasons import EventReason, Failure, Reason, Refusal, Retry
from vso_controller.domain.refresh import until_next_slot
from vso_controller.foundation.clock import Clock
from vso_controller.foundation.errors import OperationFailed
from vso_controller.foundation.objects import Envelope, ObjectKey
from vso_controller.reconcilers.failures import failure_of
from vso_controller.reconcilers.ports import Cache, Dependents
from vso_controller.reconcilers.reporting import News, Report, Reporter
from vso_controller.reconcilers.statuses import conditions_of, stored
from vso_controller.runtime.gate import NotLeading
from vso_controller.runtime.ports import Outcome
from vso_controller.vault.errors import TlsVerificationFailed
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
        dependents: Dependents,
        reporter: Reporter,
        clock: Clock,
        probe_interval: timedelta,
    ) -> None:
        self._resources = resources
        self._connections = connections
        self._dependents = dependents
        self._reporter = reporter
        self._clock = clock
        self._probe_interval = probe_interval

    async def reconcile(self, key: ObjectKey, _woken_at: float) -> Outcome:
        """Bring the status of the VaultConnection in step with the Vault it names.

        Raises what kept Vault from serving, so that it is asked again after a rest.
        """
        envelope = self._resources.get(key)
        if envelope is None or envelope.deleting:
            await self._connections.forget(key)
            self._reporter.gone(key)
            return Outcome()

        try:
            serving = await self._ask(envelope)
        except NotLeading:
            raise
        except OperationFailed as error:
            failure = failure_of(error)
            await self._reporter.report(
                envelope, lambda seen: self._failed(seen, failure)
            )
            if failure.facts.retry is Retry.BACK_OFF:
                raise
            return Outcome()
        await self._report_answer(envelope, _failure_of_state(serving, envelope))
        return Outcome(requeue_after=self._until_next_probe(envelope))

    async def _ask(self, envelope: Envelope) -> SealStatus:
        connection = await self._connections.open(envelope)
        try:
            async with connection.in_use() as client:
                return await seal_status(client)
        except TlsVerificationFailed:
            connection.is_trusted = False
            raise

    async def _report_answer(self, envelope: Envelope, state: Failure | None) -> None:
        was_ready = _is_ready(parse_status(VaultConnectionStatus, envelope.status))
        is_stored = await self._reporter.report(
            envelope, lambda seen: self._answered(seen, state)
        )
        if state is not None:
            raise Refusal.of(state)
        if is_stored and not was_ready:
            self._dependents.wake(envelope.key)

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


def _failure_of_state(status: SealStatus, envelope: Envelope) -> Failure | None:
    where = f"the Vault of VaultConnection {envelope.key}"
    if not status.initialized:
        return Failure(Reason.VAULT_NOT_INITIALIZED, f"{where} is not initialized")
    if status.sealed:
        return Failure(Reason.VAULT_SEALED, f"{where} is sealed")
    return None
