"""What a VaultAuth says about logging in, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from vso_controller.api.v1beta1.vaultauth import VaultAuthSpec
from vso_controller.domain.features import unsupported_in_auth
from vso_controller.domain.reasons import Failure, Reason


@dataclass(frozen=True, slots=True)
class KubernetesLogin:
    """A login with a ServiceAccount's token."""

    mount: str
    role: str
    service_account: str
    audiences: tuple[str, ...]
    expiration_seconds: int
    namespace: str  # of Vault; "" for the root namespace
    headers: Mapping[str, str] = field(default_factory=dict)  # of every call
    params: Mapping[str, str] = field(default_factory=dict)  # the login's query


def login_of(spec: VaultAuthSpec) -> KubernetesLogin | Failure:
    """Return the login that the spec describes, or what is wrong with it.

    Each missing field is named, not just the last one.
    """
    refusal = unsupported_in_auth(spec)
    if refusal is not None:
        return refusal
    kubernetes = spec.kubernetes
    needed = {
        "spec.method": spec.method,
        "spec.mount": spec.mount,
        "spec.kubernetes.role": kubernetes and kubernetes.role,
        "spec.kubernetes.serviceAccount": kubernetes and kubernetes.service_account,
    }
    missing = [name for name, value in needed.items() if not value]
    if missing or kubernetes is None:
        return Failure(Reason.INVALID_SPEC, f"not set: {', '.join(missing)}")
    return KubernetesLogin(
        mount=spec.mount or "",
        role=kubernetes.role or "",
        service_account=kubernetes.service_account or "",
        audiences=kubernetes.audiences,
        expiration_seconds=kubernetes.token_expiration_seconds,
        namespace=spec.namespace or "",
        headers=spec.headers,
        params=spec.params,
    )
