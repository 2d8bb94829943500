"""VaultAuth: says whether its configuration can be used, and what came of its use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from vso_controller.api.model import parse_spec, parse_status
from vso_controller.api.v1beta1.vaultauth import VaultAuthSpec, VaultAuthStatus
from vso_controller.credentials.loginresults import LoginResult
from vso_controller.credentials.references import References
from vso_controller.domain.auth import (
    available,
    conditions_for,
    logged_in,
    login_failed,
    no_login_yet,
)
from vso_controller.domain.conditions import (
    Condition,
    ConditionType,
    is_true,
    merged,
)
from vso_controller.domain.reasons import EventReason, Failure, Reason, Refusal
from vso_controller.foundation.clock import Clock
from vso_controller.foundation.errors import Invalid
from vso_controller.foundation.objects import Envelope, ObjectKey
from vso_controller.reconcilers.failures import failure_of
from vso_controller.reconcilers.ports import Cache
from vso_controller.reconcilers.reporting import News, Report, Reporter
from vso_controller.reconcilers.statuses import conditions_of, stored
from vso_controller.runtime.ports import Outcome


class Logins(Protocol):
    """Knows what came of the logins of consumers."""

    def latest(self, auth: Envelope) -> LoginResult | None: ...


@dataclass(frozen=True, slots=True)
class _Found:
    """What there is to say of a VaultAuth."""

    failure: Failure | None = None
    parent: Envelope | Failure | None = None  # None: it inherits nothing


class VaultAuthReconciler:
    """Read, decide, report: there is nothing to act on, nobody logs in here."""

    def __init__(
        self,
        *,
        resources: Cache[Envelope],
        references: References,
        logins: Logins,
        reporter: Reporter,
        clock: Clock,
    ) -> None:
        self._resources = resources
        self._references = references
        self._logins = logins
        self._reporter = reporter
        self._clock = clock

    async def reconcile(self, key: ObjectKey, _woken_at: float) -> Outcome:
        """Bring the status of the VaultAuth in step with its spec and its logins."""
        envelope = self._resources.get(key)
        if envelope is None or envelope.deleting:
            self._reporter.gone(key)
            return Outcome()

        found = self._look(envelope)

        await self._reporter.report(envelope, lambda seen: self._report(seen, found))
        # What is missing wakes this key when it appears.
        return Outcome()

    def _look(self, envelope: Envelope) -> _Found:
        try:
            spec = parse_spec(VaultAuthSpec, envelope.spec)
        except Invalid as error:
            return _Found(Failure(Reason.INVALID_SPEC, str(error)))
        try:
            inherited = self._references.inherited(envelope.key, spec)
        except Refusal as refusal:
            return _Found(refusal.failure, refusal.failure)
        try:
            inherited.login()
            self._references.connection_of(envelope.key, inherited)
        except Refusal as refusal:
            return _Found(refusal.failure, inherited.parent)
        return _Found(parent=inherited.parent)

    def _report(self, envelope: Envelope, found: _Found) -> Report:
        before = parse_status(VaultAuthStatus, envelope.status)
        past, failure = conditions_of(before.conditions), found.failure
        conditions = merged(
            past,
            (
                *conditions_for(failure),
                *available(found.parent),
                *self._login(envelope, past),
            ),
            generation=envelope.generation,
            now=self._clock.now(),
            drop=(ConditionType.AVAILABLE,),
        )
        after = before.model_copy(
            update={
                "valid": failure is None,
                "error": None if failure is None else failure.message,
                "conditions": stored(conditions),
            }
        )
        news = None
        if failure is None and not is_true(past, ConditionType.READY):
            news = News(EventReason.ACCEPTED, "Successfully handled VaultAuth")
        return Report(before, after, failure or news)

    def _login(
        self, envelope: Envelope, past: tuple[Condition, ...]
    ) -> tuple[Condition, ...]:
        latest = self._logins.latest(envelope)
        if latest is None:
            told = no_login_yet(past, generation=envelope.generation)
            return () if told is None else (told,)
        if latest.failure is None:
            return (logged_in(),)
        return (login_failed(latest.namespace, failure_of(latest.failure)),)
