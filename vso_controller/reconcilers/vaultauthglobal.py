"""VaultAuthGlobal: says whether it can be inherited from."""

from __future__ import annotations

from vso_controller.api.model import parse_spec, parse_status
from vso_controller.api.v1beta1.vaultauthglobal import (
    VaultAuthGlobalSpec,
    VaultAuthGlobalStatus,
)
from vso_controller.credentials.references import References
from vso_controller.domain.auth import conditions_for
from vso_controller.domain.conditions import ConditionType, is_true, merged
from vso_controller.domain.reasons import EventReason, Failure, Reason, Refusal
from vso_controller.foundation.clock import Clock
from vso_controller.foundation.errors import Invalid
from vso_controller.foundation.objects import Envelope, ObjectKey
from vso_controller.reconcilers.ports import Cache
from vso_controller.reconcilers.reporting import News, Report, Reporter
from vso_controller.reconcilers.statuses import conditions_of, stored
from vso_controller.runtime.ports import Outcome

KIND = "VaultAuthGlobal"


class VaultAuthGlobalReconciler:
    """Read, decide, report: what it lacks is for each VaultAuth to say or to miss."""

    def __init__(
        self,
        *,
        resources: Cache[Envelope],
        references: References,
        reporter: Reporter,
        clock: Clock,
    ) -> None:
        self._resources = resources
        self._references = references
        self._reporter = reporter
        self._clock = clock

    async def reconcile(self, key: ObjectKey, _woken_at: float) -> Outcome:
        """Bring the status of the VaultAuthGlobal in step with its spec."""
        envelope = self._resources.get(key)
        if envelope is None or envelope.deleting:
            self._reporter.gone(key)
            return Outcome()

        failure = self._failure(envelope)

        await self._reporter.report(envelope, lambda seen: self._report(seen, failure))
        return Outcome()

    def _failure(self, envelope: Envelope) -> Failure | None:
        try:
            spec = parse_spec(VaultAuthGlobalSpec, envelope.spec)
            self._references.check_connection(
                spec.vault_connection_ref, written_in=envelope.key
            )
        except Invalid as error:
            return Failure(Reason.INVALID_SPEC, str(error))
        except Refusal as refusal:
            return refusal.failure
        return None

    def _report(self, envelope: Envelope, failure: Failure | None) -> Report:
        before = parse_status(VaultAuthGlobalStatus, envelope.status)
        past = conditions_of(before.conditions)
        conditions = merged(
            past,
            conditions_for(failure, kind=KIND),
            generation=envelope.generation,
            now=self._clock.now(),
        )
        after = before.model_copy(
            update={
                "valid": failure is None,
                "error": "" if failure is None else failure.message,
                "conditions": stored(conditions),
            }
        )
        news = None
        if failure is None and not is_true(past, ConditionType.READY):
            news = News(EventReason.ACCEPTED, "VaultAuthGlobal accepted")
        return Report(before, after, failure or news)
