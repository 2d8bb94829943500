"""What the status of a VaultDynamicSecret keeps, in the words of `domain`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vso_controller.api.kinds import VAULT_DYNAMIC_SECRET
from vso_controller.api.model import parse_spec, parse_status
from vso_controller.api.v1beta1.vaultdynamicsecret import (
    PendingRevocation,
    VaultDynamicSecretSpec,
    VaultDynamicSecretStatus,
    VaultSecretLease,
)
from vso_controller.domain.issuing import Question
from vso_controller.domain.renewal import Lease
from vso_controller.domain.revocation import Owed
from vso_controller.foundation.clock import from_rfc3339, rfc3339
from vso_controller.foundation.durations import parse_duration
from vso_controller.foundation.errors import Invalid
from vso_controller.foundation.objects import Envelope, ObjectKey
from vso_controller.reconcilers.consumers import consumer_of
from vso_controller.vault.engines.dynamic import DynamicQuestion, question


@dataclass(frozen=True, slots=True)
class DynamicResource:
    """One VaultDynamicSecret, parsed as far as it can be."""

    envelope: Envelope
    status: VaultDynamicSecretStatus
    spec: VaultDynamicSecretSpec | Invalid

    @property
    def key(self) -> ObjectKey:
        return self.envelope.key

    @property
    def consumer(self) -> ObjectKey:
        """What it is called among those who use sessions."""
        return consumer_of(VAULT_DYNAMIC_SECRET, self.key)

    @property
    def lease(self) -> Lease:
        """The lease in use as the status has it."""
        stored = self.status.secret_lease
        return Lease(
            id=stored.id,
            since=float(self.status.last_renewal_time),
            duration=float(stored.duration),
            renewable=stored.renewable,
        )

    @property
    def client_id(self) -> str:
        """The client of Vault whose token the lease hangs on, "" if none is known."""
        meta = self.status.vault_client_meta
        return (meta and meta.id) or ""

    @property
    def owed(self) -> tuple[Owed, ...]:
        """The leases that are not in use any more."""
        return tuple(map(_owed, self.status.pending_revocations or ()))

    @property
    def namespace(self) -> str | None:
        """The Vault namespace that it names; None: that of the VaultAuth."""
        return None if isinstance(self.spec, Invalid) else self.spec.namespace or None

    @property
    def revokes(self) -> bool:
        """Whether its leases are revoked when it is deleted, as they are if unset."""
        return isinstance(self.spec, Invalid) or self.spec.revoke is not False

    @property
    def refresh_after(self) -> float:
        """Seconds after which answers without a lease are asked for again; 0: never."""
        asked = None if isinstance(self.spec, Invalid) else self.spec.refresh_after
        return parse_duration(asked).total_seconds() if asked else 0.0


def parse_dynamic(envelope: Envelope) -> DynamicResource:
    """Parse a VaultDynamicSecret."""
    status = parse_status(VaultDynamicSecretStatus, envelope.status)
    try:
        spec = parse_spec(VaultDynamicSecretSpec, envelope.spec)
    except Invalid as error:
        return DynamicResource(envelope, status, error)
    return DynamicResource(envelope, status, spec)


def question_of(spec: VaultDynamicSecretSpec) -> DynamicQuestion:
    """Return what to ask of Vault."""
    return question(
        mount=spec.mount,
        path=spec.path,
        method=spec.request_http_method or "",
        params=spec.params,
    )


def question_on_record(spec: VaultDynamicSecretSpec) -> Question:
    """Return what identifies the question, to be digested."""
    return Question(
        auth=spec.vault_auth_ref or "",
        namespace=spec.namespace or "",
        mount=spec.mount,
        path=spec.path,
        method=question_of(spec).method,
        params=spec.params,
    )


def lease_fields(lease: Lease, *, request_id: str) -> dict[str, object]:
    """Return the fields of a status that keep the lease in use."""
    return {
        "secret_lease": VaultSecretLease(
            id=lease.id,
            duration=int(lease.duration),
            renewable=lease.renewable,
            request_id=request_id,
        ),
        "last_renewal_time": int(lease.since),
        "lease_expiry": rfc3339(lease.since + lease.duration) if lease.id else None,
    }


def owed_fields(owed: Sequence[Owed]) -> dict[str, object]:
    """Return the field of a status that lists what is owed."""
    return {"pending_revocations": tuple(map(_pending, owed)) or None}


def _pending(owed: Owed) -> PendingRevocation:
    return PendingRevocation(
        lease_id=owed.lease_id,
        due_time=rfc3339(owed.due),
        expiry_time=rfc3339(owed.end),
        namespace=owed.namespace or None,
        attempts=owed.attempts or None,
        error=owed.error or None,
    )


def _owed(stored: PendingRevocation) -> Owed:
    return Owed(
        lease_id=stored.lease_id,
        due=_epoch(stored.due_time),
        end=_epoch(stored.expiry_time),
        namespace=stored.namespace or "",
        attempts=stored.attempts or 0,
        error=stored.error or "",
    )


def _epoch(text: str) -> float:
    """Read a time; one that nobody can read is long ago."""
    try:
        return from_rfc3339(text)
    except ValueError:
        return 0.0
