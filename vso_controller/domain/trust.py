"""Where a VaultConnection says that the CA of its Vault is to be found."""

from __future__ import annotations

from dataclasses import dataclass

from vso_controller.api.v1beta1.vaultconnection import VaultConnectionSpec
from vso_controller.domain.reasons import Failure, Reason


@dataclass(frozen=True, slots=True)
class Trust:
    """One of them at most; neither means the CAs of the system."""

    secret: str = ""  # the name of a Secret beside the VaultConnection
    file: str = ""  # a path in the controller's container


def trust_of(spec: VaultConnectionSpec) -> Trust | Failure:
    """Return where the spec has its CA, or what is wrong with it."""
    if spec.ca_cert_secret_ref and spec.ca_cert_path:
        return Failure(
            Reason.VAULT_CONNECTION_INVALID,
            "spec.caCertSecretRef and spec.caCertPath exclude each other: remove one",
        )
    return Trust(secret=spec.ca_cert_secret_ref or "", file=spec.ca_cert_path or "")
