"""The Lease object in which leader election is written down."""

from __future__ import annotations

import math

import msgspec

from vso_controller.foundation.clock import from_rfc3339, rfc3339_micro
from vso_controller.foundation.leases import LeaseChanged, LeaseRecord
from vso_controller.foundation.objects import ObjectKey, ResourceType
from vso_controller.kube.calls import MERGE_PATCH, Call, Target, Verb, object_target
from vso_controller.kube.errors import Conflict, NotFound, UnreadableAnswer
from vso_controller.kube.session import ApiSession

LEASES = ResourceType(
    group="coordination.k8s.io", version="v1", plural="leases", kind="Lease"
)
# Seconds. Shorter than any renew deadline: a slow answer is one to ask again for.
LEASE_TIMEOUT = 5.0


class _Spec(msgspec.Struct, rename="camel"):
    holder_identity: str | None = None
    lease_duration_seconds: int | None = None
    acquire_time: str | None = None
    renew_time: str | None = None
    lease_transitions: int | None = None


class _Metadata(msgspec.Struct, rename="camel"):
    resource_version: str


class _Lease(msgspec.Struct):
    metadata: _Metadata
    spec: _Spec = msgspec.field(default_factory=_Spec)


class Lease:
    """One Lease. Each method raises the errors of `errors.py`."""

    def __init__(
        self, *, session: ApiSession, key: ObjectKey, timeout: float = LEASE_TIMEOUT
    ) -> None:
        self._session = session
        self._key = key
        self._timeout = timeout

    async def read(self) -> LeaseRecord | None:
        """Return what the Lease says, None when there is none."""
        call = Call(
            verb=Verb.GET,
            target=object_target(LEASES, self._key),
            repeatable=True,
            timeout=self._timeout,
        )
        try:
            return _record(await self._session.request(call))
        except NotFound:
            return None

    async def create(self, record: LeaseRecord) -> LeaseRecord:
        """Create the Lease. Raises AlreadyExists when somebody was faster."""
        document = {
            "apiVersion": LEASES.api_version,
            "kind": LEASES.kind,
            "metadata": {"name": self._key.name, "namespace": self._key.namespace},
            "spec": _spec_document(record),
        }
        call = Call(
            verb=Verb.CREATE,
            target=Target(LEASES, self._key.namespace),
            repeatable=False,
            body=msgspec.json.encode(document),
            timeout=self._timeout,
        )
        return _record(await self._session.request(call))

    async def update(self, record: LeaseRecord) -> LeaseRecord:
        """Write `record` over the version it was made from, else raise LeaseChanged.

        A patch, not a replacement: labels and owners that others gave stay.
        """
        document = {
            "metadata": {"resourceVersion": record.resource_version},
            "spec": _spec_document(record),
        }
        call = Call(
            verb=Verb.PATCH,
            target=object_target(LEASES, self._key),
            repeatable=False,
            body=msgspec.json.encode(document),
            content_type=MERGE_PATCH,
            timeout=self._timeout,
        )
        try:
            return _record(await self._session.request(call))
        except (Conflict, NotFound) as error:
            raise LeaseChanged(str(error)) from error


def _spec_document(record: LeaseRecord) -> dict[str, object]:
    return {
        "holderIdentity": record.holder,
        "leaseDurationSeconds": max(1, math.ceil(record.duration)),
        "acquireTime": rfc3339_micro(record.acquired),
        "renewTime": rfc3339_micro(record.renewed),
        "leaseTransitions": record.transitions,
    }


def _record(document: bytes) -> LeaseRecord:
    try:
        lease = msgspec.json.decode(document, type=_Lease)
        spec = lease.spec
        return LeaseRecord(
            holder=spec.holder_identity or "",
            duration=float(spec.lease_duration_seconds or 0),
            acquired=_epoch(spec.acquire_time),
            renewed=_epoch(spec.renew_time),
            transitions=spec.lease_transitions or 0,
            resource_version=lease.metadata.resource_version,
        )
    except ValueError as error:  # msgspec's, and that of a time that is none
        raise UnreadableAnswer(f"lease: {error}") from error


def _epoch(text: str | None) -> float:
    return from_rfc3339(text) if text else 0.0
