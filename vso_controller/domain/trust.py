"""Where a VaultConnection says that the CA of its Vault is to be found."""

from __future__ import annotations

from dataclasses import dataclass

from vso_controller.api.v1beta1.vaultconnection import VaultConnectionSpec
from vso_controller.domain.reasons import Failure, Reason
from vso_controller.domain.references import ReferenceMalformed, check_name


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
    if not spec.ca_cert_secret_ref:
        return Trust(file=spec.ca_cert_path or "")
    try:
        check_name(spec.ca_cert_secret_ref)
    except ReferenceMalformed as error:
        return Failure(
            Reason.VAULT_CONNECTION_INVALID, f"spec.caCertSecretRef: {error}"
        )
    return Trust(secret=spec.ca_cert_secret_ref)
