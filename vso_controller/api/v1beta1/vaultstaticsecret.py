"""VaultStaticSecret: a Secret that follows an entry of Vault's key-value engine."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from vso_controller.api.model import AlwaysPresent, Int64
from vso_controller.api.v1beta1.shared import (
    Duration,
    RolloutRestartTarget,
    VaultClientMeta,
)
from vso_controller.api.v1beta1.syncing import (
    SyncableSpec,
    SyncableStatus,
    SyncConfig,
)


class KVType(StrEnum):
    """The versions of the key-value engine."""

    V1 = "kv-v1"
    V2 = "kv-v2"


class OnSourceDeleted(StrEnum):
    """What becomes of the Secret when its entry in Vault was deleted."""

    KEEP = "Keep"
    CLEAR = "Clear"


class VaultStaticSecretSpec(SyncableSpec):
    """Which entry of Vault to read, how often, and where to write it."""

    mount: str
    """Mount of the key-value engine."""
    path: str
    """Path of the entry, below the mount."""
    version: Annotated[int, Field(ge=0)] | None = None
    """Version of the entry to read; the latest if 0. For kv-v2 only."""
    type: KVType
    """Version of the key-value engine."""
    refresh_after: Duration | None = None
    """Time between two reads of Vault, for example 30s."""
    hmac_secret_data: bool = True
    """Keep a keyed digest (HMAC) of the data in the status.

    It tells whether the data in Vault or in the Secret changed.
    """
    rollout_restart_targets: tuple[RolloutRestartTarget, ...] = ()
    """Workloads to restart when the data changed. Needs hmacSecretData."""
    on_source_deleted: OnSourceDeleted | None = None
    """What becomes of the Secret when its entry in Vault was deleted.

    `Keep` leaves the last data in it, which is meant if this is empty; `Clear` takes
    them out.
    """
    sync_config: SyncConfig | None = None
    """When to read Vault besides the regular refresh."""


class VaultStaticSecretStatus(SyncableStatus):
    """What was last written, and how it went."""

    last_generation: AlwaysPresent[Int64] = 0
    """Generation of this object that was last reconciled."""
    secret_mac: str | None = Field(default=None, alias="secretMAC")
    """Keyed digest (HMAC) of the data that was last written, in base64."""
    transformation_mac: str | None = Field(default=None, alias="transformationMAC")
    """Keyed digest (HMAC) of the transformation that made that data, with all that it
    refers to, in base64.
    """
    input_mac: str | None = Field(default=None, alias="inputMAC")
    """Keyed digest (HMAC) of what that data was made from, in base64: the entry in
    Vault and the transformation. While it is the same, nothing is rendered again.
    """
    vault_client_meta: VaultClientMeta | None = None
    """Which client of Vault was used last."""
