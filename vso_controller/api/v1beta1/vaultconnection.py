"""VaultConnection: how to reach a Vault server."""

from __future__ import annotations

from pydantic import Field

from vso_controller.api.model import AlwaysPresent, ApiModel
from vso_controller.api.v1beta1.shared import Duration, Status


class VaultConnectionSpec(ApiModel):
    """How to reach a Vault server."""

    address: str
    """URL of the Vault server, for example https://vault.example.com:8200."""
    headers: dict[str, str] = Field(default_factory=dict)
    """HTTP headers to send with every request."""
    tls_server_name: str | None = None
    """Name to ask for (SNI) and to verify the server's certificate against."""
    ca_cert_secret_ref: str | None = None
    """Name of a Secret in the namespace of this object.

    Its key `ca.crt` holds the PEM certificates to trust.
    """
    ca_cert_path: str | None = None
    """Path of a file in the controller's container with PEM certificates to trust.

    It lies below a directory that the controller allows. Not together with
    caCertSecretRef.
    """
    skip_tls_verify: AlwaysPresent[bool] = Field(default=False, alias="skipTLSVerify")
    """Do not verify the server's certificate. Never in production."""
    timeout: Duration | None = None
    """Longest time that one request may take."""


class VaultConnectionStatus(Status):
    """What was last seen of the Vault server."""

    valid: AlwaysPresent[bool] = False
    """Whether the Vault server was reached with this configuration."""
