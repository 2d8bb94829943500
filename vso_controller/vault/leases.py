"""Leases: what Vault gives time to, and how it is asked about them.

Source: the HTTP API documentation of `sys/leases`. All of it may be repeated: a lease
is renewed from the moment of the call, and one that is gone stays so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictBool, ValidationError

from vso_controller.foundation.secret import Secret
from vso_controller.vault.errors import NotVaultAnswer
from vso_controller.vault.requests import Method, Operation, VaultReply, VaultRequest

_LONGEST = 10**10  # seconds; what is longer is no duration but an attack


@dataclass(frozen=True, slots=True)
class GrantedLease:
    """What an answer says of its lease."""

    id: str  # "": it has none
    duration: int  # seconds
    renewable: bool
    request_id: str  # of the answer, as Vault's audit log has it


def read_lease(reply: VaultReply) -> GrantedLease:
    """Return the lease of an answer. Raises NotVaultAnswer for what is none."""
    try:
        found = _Lease.model_validate(reply.document.reveal())
    except ValidationError as error:
        raise NotVaultAnswer("the answer does not tell of its lease") from error
    return GrantedLease(
        id=found.lease_id,
        duration=found.lease_duration,
        renewable=found.renewable,
        request_id=reply.request_id,
    )


def renewal_of(lease_id: str, *, increment: int, namespace: str) -> VaultRequest:
    """Return the call that asks for `increment` seconds more, counted from now."""
    body = {"lease_id": lease_id, "increment": increment}
    return _call(Operation.RENEW_LEASE, "renew", body, namespace)


def revocation_of(lease_id: str, *, namespace: str) -> VaultRequest:
    """Return the call that ends a lease, and is answered when it has ended."""
    body = {"lease_id": lease_id, "sync": True}
    return _call(Operation.REVOKE_LEASE, "revoke", body, namespace)


def lookup_of(lease_id: str, *, namespace: str) -> VaultRequest:
    """Return the call that asks how long a lease has."""
    return _call(Operation.LOOK_UP_LEASE, "lookup", {"lease_id": lease_id}, namespace)


class _Lease(BaseModel):
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    lease_id: str = ""
    lease_duration: Annotated[int, Field(ge=0, le=_LONGEST)] = 0
    renewable: StrictBool = False


def _call(
    operation: Operation, action: str, body: dict[str, object], namespace: str
) -> VaultRequest:
    return VaultRequest(
        operation=operation,
        method=Method.PUT,
        path=("sys", "leases", action),
        body=Secret(body),
        namespace=namespace,
        repeatable=True,
    )
