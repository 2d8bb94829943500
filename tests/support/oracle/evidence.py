"""All that the oracle judges by. It is complete before the oracle begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.support.canaries import Leak
from tests.support.oracle.acts import KubeAct, VaultAct
from tests.support.oracle.journal import Cause
from tests.support.oracle.records import ReadinessSeen, ResourceSeen, SecretSeen
from tests.support.requestlog import RequestLog


@dataclass(frozen=True, slots=True)
class Evidence:
    """The record of one run. Times are seconds on one clock, which ends at `ended`."""

    ended: float
    epoch: float = 0.0  # wall time, in seconds, at 0 of the clock
    kube_log: RequestLog = field(default_factory=RequestLog)
    vault_log: RequestLog = field(default_factory=RequestLog)
    kube_acts: Sequence[KubeAct] = ()
    vault_acts: Sequence[VaultAct] = ()
    secrets: Sequence[SecretSeen] = ()
    resources: Sequence[ResourceSeen] = ()
    readiness: Sequence[ReadinessSeen] = ()
    journal: Sequence[Cause] = ()
    leaks: Sequence[Leak] = ()
    leases_held: frozenset[str] | None = None  # by Vault at the end; None: not asked


@dataclass(frozen=True, slots=True)
class RetryBudget:
    """How often an operation may fail: `at_once`, then once in `rest` seconds."""

    at_once: int = 5
    rest: float = 0.15


@dataclass(frozen=True, slots=True)
class Bounds:
    """What counts as late or too much. Seconds, where no other unit is named."""

    deadline: float = 10.0
    """After a cause, and the refresh period where one has to pass first."""
    grace: float = 5.0
    """For what has to be done at once: to record a lease, to revoke what is owed."""
    spent: float = 0.6
    """The part of a credential's life after which another one may be issued."""
    slack: float = 1.0
    """By how much a witness may see a cause after it had its effect."""
    election_leases: frozenset[str] = frozenset({"b0d477c0.hashicorp.com"})
    own_secrets: frozenset[str] = frozenset({"vso-cc-storage-hmac-key"})
    kept_secrets: str = "vso-cc-"  # how the names of those begin that hold sessions
    """The controller's own: to be created where they are not, never changed."""
    retries: RetryBudget = field(default_factory=RetryBudget)
