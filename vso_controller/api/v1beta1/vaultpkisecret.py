"""VaultPKISecret: a Secret with a certificate that Vault's PKI engine issues."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from vso_controller.api.model import AlwaysPresent, Int64
from vso_controller.api.v1beta1.shared import Duration
from vso_controller.api.v1beta1.syncing import SyncableSpec, SyncableStatus


class VaultPKISecretSpec(SyncableSpec):
    """Which certificate to have issued, and where to write it."""

    mount: str
    """Mount of the PKI engine."""
    role: str
    """Role to have the certificate issued by."""
    issuer_ref: str | None = None
    """Issuer to use, by its name or ID; that of the role if empty."""
    common_name: str | None = None
    """Common name to ask for."""
    alt_names: tuple[str, ...] = ()
    """Subject alternative names to ask for: DNS names and email addresses."""
    ip_sans: tuple[str, ...] = ()
    """IP addresses to ask for."""
    uri_sans: tuple[str, ...] = ()
    """URIs to ask for."""
    other_sans: tuple[str, ...] = ()
    """Other names to ask for, each as `<oid>;UTF8:<value>`."""
    user_ids: tuple[str, ...] = Field(default=(), alias="userIDs")
    """User IDs to ask for."""
    ttl: Annotated[str, Field(pattern=r"^([0-9]+(\.[0-9]+)?(s|m|h|d))$")] | None = None
    """Life to ask for; that of the role if empty."""
    not_after: str | None = None
    """End of life to ask for, as `YYYY-MM-ddTHH:MM:SSZ`."""
    exclude_cn_from_sans: bool | None = Field(default=None, alias="excludeCNFromSans")
    """Keep the common name out of the subject alternative names."""
    format: str | None = None
    """Format of the certificate: `pem`, `der` or `pem_bundle`; Vault's if empty."""
    private_key_format: str | None = None
    """Format of the private key: `der`, `pem` or `pkcs8`; Vault's if empty."""
    expiry_offset: Duration | None = None
    """Time before its end at which the certificate is replaced."""
    revoke: bool | None = None
    """Revoke a certificate when it is replaced and when this object is deleted."""
    clear: bool | None = None
    """Empty the Secret when this object is deleted, if it was not created by it."""


class VaultPKISecretStatus(SyncableStatus):
    """What was last issued, and how it went."""

    serial_number: str | None = None
    """Serial number of the certificate."""
    expiration: Int64 | None = None
    """End of its life, in seconds since the epoch."""
    last_generation: AlwaysPresent[Int64] = 0
    """Generation of this object that was last reconciled."""
    last_rotation: AlwaysPresent[Int64] = 0
    """Time at which it was issued, in seconds since the epoch."""
    secret_mac: str | None = Field(default=None, alias="secretMAC")
    """Keyed digest (HMAC) of the data that was last written, in base64."""
    valid: AlwaysPresent[bool] = False
    """Whether the certificate could be issued with this configuration."""
    error: AlwaysPresent[str] = ""
    """Why it could not; empty if it could."""
