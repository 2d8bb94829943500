"""Every setting of the controller, in one model.

A field `leader_elect` is the flag `--leader-elect` and the variable
`VSO_LEADER_ELECT`; the docstring below it is its help and its line in the manual.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from vso_controller.domain.clientcache import PersistenceModel
from vso_controller.domain.references import Tenancy, VaultAuthOption
from vso_controller.domain.transformation import TransformationOption
from vso_controller.foundation.logs import LogFormat, LogLevel
from vso_controller.settings.values import (
    AddressRules,
    BindAddress,
    Duration,
    Folders,
    Listener,
    Namespaces,
    OptionalText,
    Period,
    ResourceNamespace,
    SharedNamespaces,
    TransformationOptions,
    VaultAuthOptions,
)


class SettingsGroup(BaseModel):
    """Settings that are shown under one heading."""

    model_config = ConfigDict(
        allow_inf_nan=False,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
    )

    heading: ClassVar[str]


class KubernetesSettings(SettingsGroup):
    """Which cluster, and where in it this process is at home."""

    heading = "Kubernetes"

    kubeconfig: OptionalText = None
    """Path of the kubeconfig file.
    If not given, it is `KUBECONFIG`; without either, a pod uses its ServiceAccount."""
    context: OptionalText = None
    """Context of the kubeconfig file to use instead of its current one."""
    namespace: ResourceNamespace = "default"
    """Namespace of the controller: that of its lease, and the one that empty
    references mean.
    If not given, it is that of the pod, else `OPERATOR_NAMESPACE`."""


class ElectionSettings(SettingsGroup):
    """Who writes when several replicas run."""

    heading = "Leader election"

    observe: bool = False
    """Write nothing to Kubernetes; tell in the log and in metrics what would be
    written. An observer takes no part in the election: it may run beside a leader."""
    leader_elect: bool = True
    """Write only while holding the lease, so that any number of replicas can run."""
    leader_elect_lease_duration: Period = timedelta(seconds=15)
    """Time after the last renewal at which others may take the lease. They do within
    `--leader-elect-retry-period` more."""
    leader_elect_renew_deadline: Period = timedelta(seconds=10)
    """Time after the last renewal at which the leader stops writing."""
    leader_elect_retry_period: Period = timedelta(seconds=2)
    """Time between two renewals of the lease, and the longest between two looks of a
    standby, which are half of it apart at least. A lease that is given back is taken
    within this time."""
    leader_elect_resource_name: Annotated[str, Field(min_length=1)] = (
        "b0d477c0.hashicorp.com"
    )
    """Name of the lease.
    The default is the upstream operator's, so that the two never write at once."""

    @model_validator(mode="after")
    def _retries_before_deadline_before_end(self) -> Self:
        if self.leader_elect_renew_deadline >= self.leader_elect_lease_duration:
            raise ValueError(
                "--leader-elect-renew-deadline must be shorter than "
                "--leader-elect-lease-duration"
            )
        if self.leader_elect_retry_period >= self.leader_elect_renew_deadline:
            raise ValueError(
                "--leader-elect-retry-period must be shorter than "
                "--leader-elect-renew-deadline"
            )
        return self


class ServingSettings(SettingsGroup):
    """What others can ask this process."""

    heading = "Metrics and probes"

    metrics_bind_address: Listener = BindAddress("", 8080)
    """Address at which metrics are served; empty or `0` for none."""
    health_probe_bind_address: Listener = BindAddress("", 8081)
    """Address at which `/healthz` and `/readyz` are served; empty or `0` for none."""


class ReconcilingSettings(SettingsGroup):
    """How much is done at once, how often, and when again."""

    heading = "Reconciling"

    max_concurrent_reconciles: Annotated[int, Field(ge=1)] = 100
    """Number of objects of one kind that are reconciled at the same time."""
    backoff_initial_interval: Period = timedelta(seconds=5)
    """Rest of an object after its first failure, and of an identity that Vault did
    not let in."""
    backoff_max_interval: Period = timedelta(seconds=60)
    """Longest rest of an object that keeps failing, before randomization."""
    backoff_multiplier: Annotated[float, Field(gt=0)] = 1.5
    """Factor by which the rest grows with each failure."""
    backoff_randomization_factor: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Share of the rest by which it is made longer or shorter at random, 0 to 1."""
    retry_rate: Annotated[float, Field(gt=0)] = 10.0
    """Number of objects of one kind that are tried again after a failure, a second,
    in the long run."""
    retry_burst: Annotated[int, Field(ge=1)] = 100
    """Number of them that may be tried again at once after a time without any."""
    min_refresh_after: Duration = timedelta()
    """Shortest time between two regular reads for an object, whatever its
    `refreshAfter` says; `0s` for no limit."""
    read_freshness_floor: Duration = timedelta(minutes=5)
    """Time for which Ready stays true after reads began to fail.
    It is three refreshes where those are longer."""

    global_transformation_options: TransformationOptions = ()
    """What holds for the transformation of every resource, with commas between them.
    There is one: `exclude-raw` leaves `_raw` out of all Secrets."""

    @model_validator(mode="after")
    def _grows_to_the_maximum(self) -> Self:
        if self.backoff_initial_interval > self.backoff_max_interval:
            raise ValueError(
                "--backoff-initial-interval must not be longer than "
                "--backoff-max-interval"
            )
        return self


class VaultSettings(SettingsGroup):
    """How Vault servers are used and watched over."""

    heading = "Vault"

    connection_probe_interval: Period = timedelta(seconds=60)
    """Time between two looks at whether a Vault server answers."""
    ca_path_roots: Folders = (
        Path("/etc/vso-controller/ca"),
        Path("/var/run/secrets/vault-ca"),
    )
    """Directories below which a `caCertPath` may lie, with commas between them;
    empty for nowhere."""
    vault_address_allow: AddressRules = ()
    """Hosts that a VaultConnection may name, with commas between them: names, with
    `*` and `?` as in file names, IP addresses, and networks that a name may resolve
    to. If empty, all hosts but those with link-local or cloud metadata addresses,
    which always have to be listed one by one."""
    credential_path_roots: Folders = (Path("/etc/vso-controller/credentials"),)
    """Directories below which a file may lie that a VaultAuth logs in with
    (`secretIDPath`, `tokenPath`), with commas between them; empty for nowhere.
    Whoever may write a VaultAuth and a VaultConnection can have such a file sent to a
    server of their choice: mount nothing there that they may not see."""
    client_cache_persistence_model: PersistenceModel = PersistenceModel.NONE
    """Whether tokens of Vault outlive the process, so that a restart logs in nowhere:
    `none`, `direct-unencrypted` (in Secrets beside the controller) or
    `direct-encrypted` (there, encrypted by the transit engine of a Vault)."""
    read_sharing_window: Duration = timedelta(seconds=10)
    """Time for which an answer of Vault is kept for others of the same identity that
    are to read the same and were woken before it was asked for. With `0s` only reads
    that are under way are shared."""
    connection_outage_probe_interval: Period = timedelta(seconds=5)
    """Time between two looks at a Vault server that does not serve. Nothing else is
    asked of it until it does."""
    vault_max_concurrent_reads: Annotated[int, Field(ge=1)] = 32
    """Number of reads that one VaultConnection has under way at most.
    How many Vault takes is found out by asking. No Vault gets more than half of
    `--max-concurrent-reconciles`, and several that are slow share them."""
    client_cache_size: Annotated[int, Field(ge=1)] = 10_000
    """Number of sessions with Vault, each with a token of its own, kept at most.
    The one that was not used for longest goes first, and its token is left to end; one
    that leases hang on never goes."""
    client_cache_num_locks: int = 100
    """Accepted because the upstream operator has it; it changes nothing, there are no
    locks."""
    revoke_tokens_on_shutdown: bool = False
    """Give back the tokens that logins of this process brought when it was asked to
    stop, but for those that leases hang on. A process that takes over logs in anew."""


class ReferenceSettings(SettingsGroup):
    """Which references from one namespace to another are followed."""

    heading = "References"

    namespace_fallback: bool = True
    """Look in the namespace of the controller for a VaultConnection that is not beside
    the VaultAuth which refers to it by a name alone."""
    shared_namespaces: SharedNamespaces = ()
    """Namespaces, with commas between them, whose VaultConnections and
    SecretTransformations may be referred to from all others, as those of the
    controller's namespace may; `*` for all namespaces, as with upstream."""
    default_objects_admit_all: bool = False
    """Let every namespace refer to the VaultAuth and the VaultAuthGlobal `default` of
    the controller's namespace, whatever their `allowedNamespaces` say, as with
    upstream."""
    global_vault_auth_options: VaultAuthOptions = (
        VaultAuthOption.ALLOW_DEFAULT_GLOBALS,
    )
    """What holds for every VaultAuth, with commas between them.
    There is one: `allow-default-globals` lets a VaultAuth with `allowDefault` inherit
    from the VaultAuthGlobal `default`."""


class WatchSettings(SettingsGroup):
    """How the API server is watched."""

    heading = "Watches"

    watch_namespaces: Namespaces = ()
    """Namespaces to watch, with commas between them; empty for all.
    That of the controller is always watched too: what is shared lives there."""
    watch_timeout_min: Period = timedelta(seconds=60)
    """Shortest time for which the API server is asked to keep a watch open."""
    watch_timeout_max: Period = timedelta(seconds=80)
    """Longest time for which the API server is asked to keep a watch open."""
    watch_stall_margin: Period = timedelta(seconds=10)
    """Time after its timeout at which a watch that is still open counts as dead."""
    watch_backoff_initial_interval: Period = timedelta(milliseconds=800)
    """Shortest rest after a list or a watch failed. It doubles with each failure."""
    watch_backoff_max_interval: Period = timedelta(seconds=30)
    """Longest rest after a list or a watch failed."""

    @model_validator(mode="after")
    def _shortest_before_longest(self) -> Self:
        if self.watch_backoff_initial_interval > self.watch_backoff_max_interval:
            raise ValueError(
                "--watch-backoff-initial-interval must not be longer than "
                "--watch-backoff-max-interval"
            )
        if self.watch_timeout_min > self.watch_timeout_max:
            raise ValueError(
                "--watch-timeout-min must not be longer than --watch-timeout-max"
            )
        return self


class ProcessSettings(SettingsGroup):
    """How the process logs and ends."""

    heading = "Process"

    log_level: LogLevel = LogLevel.INFO
    """Least severity that is logged: `debug`, `info`, `warning` or `error`."""
    log_format: LogFormat = LogFormat.JSON
    """Form of a log line: `json`, or `console` for people."""
    shutdown_timeout: Duration = timedelta(seconds=10)
    """Time for work in progress to end after the process was asked to stop."""
    event_loop_blocked_after: Period = timedelta(seconds=1)
    """Delay of the process's heartbeat from which on it is told, and how often it
    beats. A leader whose heartbeat is late by the renew deadline stands down."""


GROUPS: tuple[type[SettingsGroup], ...] = (
    KubernetesSettings,
    ElectionSettings,
    ServingSettings,
    ReconcilingSettings,
    VaultSettings,
    ReferenceSettings,
    WatchSettings,
    ProcessSettings,
)


class Settings(
    KubernetesSettings,
    ElectionSettings,
    ServingSettings,
    ReconcilingSettings,
    VaultSettings,
    ReferenceSettings,
    WatchSettings,
    ProcessSettings,
):
    """What the controller can be told when it starts."""

    @property
    def watch_scopes(self) -> tuple[str, ...]:
        """The namespaces to watch; one "" for all of them."""
        if not self.watch_namespaces:
            return ("",)
        return tuple(sorted({*self.watch_namespaces, self.namespace}))

    @property
    def excludes_raw(self) -> bool:
        """Whether no Secret has `_raw`."""
        return TransformationOption.EXCLUDE_RAW in self.global_transformation_options

    @property
    def tenancy(self) -> Tenancy:
        """What holds for references from one namespace to another."""
        options = self.global_vault_auth_options
        return Tenancy(
            operator_namespace=self.namespace,
            namespace_fallback=self.namespace_fallback,
            default_globals=VaultAuthOption.ALLOW_DEFAULT_GLOBALS in options,
            shared_namespaces=self.shared_namespaces,
            defaults_admit_all=self.default_objects_admit_all,
        )
