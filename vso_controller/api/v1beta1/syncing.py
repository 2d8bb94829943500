"""What all kinds have in common that keep a Secret in step with Vault.

`suspend`, `rolloutRestart` and what `SyncableStatus` says besides the conditions are
not upstream's.
"""

from __future__ import annotations

from pydantic import Field

from vso_controller.api.model import ApiModel, Int64
from vso_controller.api.v1beta1.shared import (
    Destination,
    Duration,
    RolloutRestartKind,
    RolloutRestartTarget,
    Status,
)


class SyncConfig(ApiModel):
    """When to look at Vault besides the regular times."""

    instant_updates: bool | None = None
    """Look when Vault's event stream tells of a change (Vault Enterprise)."""


class RolloutRestart(ApiModel):
    """How restarts of the workloads are spread in time."""

    settle: Duration | None = None
    """Time for which the data must not have changed before workloads are restarted, so
    that several Secrets of one workload that change together restart it once.
    """
    min_interval: Duration | None = None
    """Shortest time between two restarts of one workload."""


class SyncableSpec(ApiModel):
    """What is said of every Secret that is kept in step."""

    vault_auth_ref: str | None = None
    """VaultAuth to use: `name` or `namespace/name`.

    If empty, it is `default` in the namespace of the controller.
    """
    namespace: str | None = None
    """Vault namespace of the mount; that of the VaultAuth if empty."""
    rollout_restart_targets: tuple[RolloutRestartTarget, ...] = ()
    """Workloads to restart when the data changed."""
    rollout_restart: RolloutRestart | None = None
    """How restarts of these workloads are spread in time."""
    destination: Destination
    """Secret to write to."""
    suspend: bool | None = None
    """Leave everything as it is until this is false again."""


class RestartStatus(ApiModel):
    """The last restart of one workload."""

    kind: RolloutRestartKind
    """Kind of the workload."""
    name: str
    """Name of the workload."""
    digest: str | None = None
    """Keyed digest of the data that it was restarted for."""
    time: str | None = Field(default=None, json_schema_extra={"format": "date-time"})
    """Time of the restart."""
    error: str | None = None
    """Why it could not be restarted; empty if it was."""


class SyncableStatus(Status):
    """What was last done, and how it went."""

    last_sync_time: str | None = Field(
        default=None, json_schema_extra={"format": "date-time"}
    )
    """Time of the last change of the Secret."""
    last_force_sync: str | None = None
    """Value of the annotation `secrets.hashicorp.com/force-sync` last followed."""
    source_version: Int64 | None = None
    """Version of what was read from Vault, where it has one."""
    destination_keys: tuple[str, ...] | None = None
    """Keys of the Secret that are ours, if the destination is merged into."""
    restarts: tuple[RestartStatus, ...] | None = None
    """The last restart of each workload."""
