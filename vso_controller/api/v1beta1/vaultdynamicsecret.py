"""VaultDynamicSecret: a Secret with credentials that Vault issues and ends."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from vso_controller.api.model import AlwaysPresent, ApiModel, Int64
from vso_controller.api.v1beta1.shared import Duration, VaultClientMeta
from vso_controller.api.v1beta1.syncing import (
    SyncableSpec,
    SyncableStatus,
    SyncConfig,
)


class RequestMethod(StrEnum):
    """The HTTP methods that credentials can be asked for with."""

    GET = "GET"
    POST = "POST"
    PUT = "PUT"


class VaultDynamicSecretSpec(SyncableSpec):
    """Which credentials to have issued, and where to write them."""

    mount: str
    """Mount of the secrets engine."""
    path: str
    """Path to ask for credentials, below the mount."""
    request_http_method: RequestMethod | None = Field(
        default=None, alias="requestHTTPMethod"
    )
    """HTTP method to ask with; PUT if there are params, else GET."""
    params: dict[str, str] = Field(default_factory=dict)
    """What to send in the body of the request."""
    renewal_percent: int = Field(default=67, ge=0, le=90)
    """Share of the life of a lease, in percent, after which it is renewed."""
    revoke: bool | None = None
    """Revoke the lease when this object is deleted."""
    allow_static_creds: bool | None = None
    """The credentials are those of a static role, which Vault rotates."""
    refresh_after: Duration | None = None
    """Time between two requests, where the answers have no lease."""
    sync_config: SyncConfig | None = None
    """When to look at Vault besides the times that the lease tells."""


class VaultSecretLease(ApiModel):
    """The lease of credentials."""

    id: AlwaysPresent[str] = ""
    """ID of the lease."""
    duration: AlwaysPresent[int] = 0
    """Life of the lease in seconds."""
    renewable: AlwaysPresent[bool] = False
    """Whether a renewal would prolong it."""
    request_id: AlwaysPresent[str] = Field(default="", alias="requestID")
    """ID of the request that it was issued for."""


class StaticCredsMetaData(ApiModel):
    """What Vault says of credentials that it rotates."""

    last_vault_rotation: AlwaysPresent[Int64] = 0
    """Time of the last rotation, in seconds since the epoch."""
    rotation_period: AlwaysPresent[Int64] = 0
    """Seconds between two rotations."""
    rotation_schedule: str | None = None
    """Schedule of rotations, as cron has it."""
    ttl: AlwaysPresent[Int64] = 0
    """Seconds until the next rotation, when Vault was asked."""


class PendingRevocation(ApiModel):
    """A lease that is not in use any more."""

    lease_id: str = Field(alias="leaseID")
    """ID of the lease."""
    due_time: str = Field(json_schema_extra={"format": "date-time"})
    """When it is revoked; when it ends if nobody is to revoke it."""
    expiry_time: str = Field(json_schema_extra={"format": "date-time"})
    """When it ends by itself at the latest."""
    namespace: str | None = None
    """Vault namespace that it was issued in."""
    attempts: int | None = None
    """Revocations that failed."""
    error: str | None = None
    """Why the last one failed."""


class VaultDynamicSecretStatus(SyncableStatus):
    """What was last issued, and how it went."""

    last_renewal_time: AlwaysPresent[Int64] = 0
    """Time of the last renewal or issue, in seconds since the epoch."""
    last_generation: AlwaysPresent[Int64] = 0
    """Generation of this object that was last reconciled."""
    secret_lease: AlwaysPresent[VaultSecretLease] = VaultSecretLease()
    """Lease of the credentials in the Secret."""
    static_creds_meta_data: StaticCredsMetaData | None = None
    """What Vault says of credentials that it rotates."""
    last_runtime_pod_uid: str | None = Field(default=None, alias="lastRuntimePodUID")
    """UID of the controller's pod that wrote this."""
    secret_mac: str | None = Field(default=None, alias="secretMAC")
    """Keyed digest (HMAC) of the data that the Secret has to have, in base64."""
    request_mac: str | None = Field(default=None, alias="requestMAC")
    """Keyed digest of what was asked of Vault, in base64."""
    transformation_mac: str | None = Field(default=None, alias="transformationMAC")
    """Keyed digest of the transformation that made the data, in base64."""
    lease_expiry: str | None = Field(
        default=None, json_schema_extra={"format": "date-time"}
    )
    """When the lease ends if it is not renewed."""
    session_expiry: str | None = Field(
        default=None, json_schema_extra={"format": "date-time"}
    )
    """When the token ends that the lease hangs on, if no renewal prolongs it."""
    pending_revocations: tuple[PendingRevocation, ...] | None = None
    """Leases that are not in use any more and have not ended."""
    vault_client_meta: VaultClientMeta | None = None
    """Which client of Vault was used last."""
