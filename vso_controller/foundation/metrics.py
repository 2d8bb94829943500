"""Every metric of the program: names, labels and what they count.

Names are those that dashboards for Go operators and for upstream know: client-go's
for work queues, controller-runtime's for reconciles, upstream's for Vault. Label
values are bounded: kinds, operations, results, and the names of resources that
exist; the series of a deleted resource go with it, and those that only a leader
keeps up to date go with its leadership.
"""

from __future__ import annotations

import math
from collections import Counter as Counting
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from vso_controller.foundation.objects import ObjectKey

_QUEUE_BUCKETS = (1e-3, 1e-2, 0.1, 1.0, 10.0, 60.0, 600.0)
_VAULT_BUCKETS = (
    *(0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5),
    *(0.6, 0.7, 0.8, 0.9, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0),
    *(6.0, 7.0, 8.0, 9.0, 10.0),
)
_LAG_BUCKETS = (1e-3, 1e-2, 0.1, 1.0, 10.0)
_SUCCEEDED = "Succeeded"


class QueueWork(Protocol):
    """A queue that says how long keys have been worked on, in seconds."""

    @property
    def unfinished_work(self) -> float: ...
    @property
    def longest_running(self) -> float: ...


class BulkheadState(Protocol):
    """What there is to see of a bulkhead."""

    @property
    def is_open(self) -> bool: ...
    @property
    def limit(self) -> int: ...
    @property
    def inside(self) -> int: ...
    @property
    def waiting(self) -> int: ...
    @property
    def since_probe(self) -> float: ...


class SessionsSeen(Protocol):
    """The sessions with Vault, as metrics tell of them."""

    @property
    def most(self) -> int: ...
    @property
    def evictions(self) -> int: ...
    def __len__(self) -> int: ...
    def standings(self) -> Iterable[SessionStanding]: ...


class Metrics:
    """The metrics of one process, in a registry of their own."""

    def __init__(self, *, version: str) -> None:
        self.registry = CollectorRegistry()
        # The observers of VaultConnections that are not gone.
        self._vaults: dict[ObjectKey, VaultMetrics] = {}
        self._declare_queues()
        self._declare_controllers()
        self._declare_sessions()
        self._declare_vault()
        self._bulkhead_gauges = self._declare_bulkheads()
        self._declare_observation()
        self._declare_process()
        Gauge(
            "vso_build_info",
            "What runs here.",
            ("git_version",),
            registry=self.registry,
        ).labels(version).set(1)

    def _declare_queues(self) -> None:
        self._queue_depth = Gauge(
            "workqueue_depth", "Keys waiting.", ("name",), registry=self.registry
        )
        self._queue_adds = Counter(
            "workqueue_adds", "Keys added.", ("name",), registry=self.registry
        )
        self._queue_retries = Counter(
            "workqueue_retries", "Keys retried.", ("name",), registry=self.registry
        )
        self._queue_wait = Histogram(
            "workqueue_queue_duration_seconds",
            "How long keys wait.",
            ("name",),
            buckets=_QUEUE_BUCKETS,
            registry=self.registry,
        )
        self._queue_work = Histogram(
            "workqueue_work_duration_seconds",
            "How long keys are worked on.",
            ("name",),
            buckets=_QUEUE_BUCKETS,
            registry=self.registry,
        )

        self._queue_unfinished = Gauge(
            "workqueue_unfinished_work_seconds",
            "How long the keys that are worked on have been, in all.",
            ("name",),
            registry=self.registry,
        )
        self._queue_longest = Gauge(
            "workqueue_longest_running_processor_seconds",
            "How long the key that is worked on for longest has been.",
            ("name",),
            registry=self.registry,
        )

    def _declare_process(self) -> None:
        self._loop_lag = Histogram(
            "vso_controller_event_loop_lag_seconds",
            "By how much heartbeats of the event loop were late.",
            buckets=_LAG_BUCKETS,
            registry=self.registry,
        )
        self._loop_blocked = Counter(
            "vso_controller_event_loop_blocked_seconds",
            "How long the event loop stood still, in blocks that were told.",
            registry=self.registry,
        )

    def _declare_controllers(self) -> None:
        self._reconciles = Counter(
            "controller_runtime_reconcile",
            "Reconciles by result.",
            ("controller", "result"),
            registry=self.registry,
        )
        self._reconcile_seconds = Histogram(
            "controller_runtime_reconcile_time_seconds",
            "How long reconciles took.",
            ("controller",),
            registry=self.registry,
        )
        self._leading = Gauge(
            "leader_election_master_status",
            "Whether this process leads (1) or stands by (0).",
            ("name",),
            registry=self.registry,
        )
        self._hmac_key = Gauge(
            "vso_hmac_key_in_step",
            "Whether the Secret of the HMAC key holds the key in use (1) or not (0).",
            registry=self.registry,
        )
        self._resource_status = Gauge(
            "controller_resource_status",
            "Whether a resource is ready (1) or not (0).",
            ("controller", "name", "namespace"),
            registry=self.registry,
        )

    def _declare_sessions(self) -> None:
        self._logins = Counter(
            "vso_logins",
            "Logins to Vault, and looks at tokens that nobody logs in with.",
            ("method", "result"),
            registry=self.registry,
        )

        self._restores = Counter(
            "vso_session_restores",
            "Looks for a stored token before a first login, by what came of it.",
            ("outcome",),
            registry=self.registry,
        )
        self._storage_requests = Counter(
            "vso_client_cache_storage_requests",
            "Changes of the tokens that are stored.",
            ("operation",),
            registry=self.registry,
        )
        self._storage_errors = Counter(
            "vso_client_cache_storage_requests_errors",
            "Changes of the tokens that are stored which failed.",
            ("operation",),
            registry=self.registry,
        )

    def _declare_vault(self) -> None:
        labels = ("operation", "vault_connection")
        self._vault_operations = Counter(
            "vso_client_operations", "Requests.", labels, registry=self.registry
        )
        self._vault_errors = Counter(
            "vso_client_operations_errors",
            "Requests that failed.",
            labels,
            registry=self.registry,
        )
        self._vault_seconds = Histogram(
            "vso_client_operations_time_seconds",
            "How long requests took.",
            labels,
            buckets=_VAULT_BUCKETS,
            registry=self.registry,
        )
        self._vault_unverified = Gauge(
            "vso_vault_connection_unverified",
            "Whether the server's certificate is not verified (1): skipTLSVerify.",
            ("vault_connection",),
            registry=self.registry,
        )
        self._vault_reads = Counter(
            "vso_vault_reads",
            "Reads that were asked for, by whether they were sent, joined one that"
            " was under way, or took the kept answer of one that was done.",
            ("vault_connection", "answered"),
            registry=self.registry,
        )
        self._versions_gone_back = Counter(
            "vso_vault_versions_gone_back",
            "How often a resource was brought in step with an older version of its"
            " entry than before, as when Vault was restored.",
            registry=self.registry,
        )
        self._renderings = Counter(
            "vso_renderings",
            "Times that templates were to be rendered: they were, their input was the"
            " same, or they failed.",
            ("result",),
            registry=self.registry,
        )

    def _declare_bulkheads(
        self,
    ) -> tuple[tuple[Gauge, Callable[[BulkheadState], float]], ...]:
        declared: tuple[tuple[str, str, Callable[[BulkheadState], float]], ...] = (
            (
                "vso_vault_breaker_open",
                "Whether nothing but probes is sent to a Vault (1) or not (0).",
                lambda bulkhead: float(bulkhead.is_open),
            ),
            (
                "vso_vault_concurrency_limit",
                "How many reads a Vault is asked at once, at most.",
                lambda bulkhead: bulkhead.limit,
            ),
            (
                "vso_vault_concurrency",
                "How many turns of asking a Vault are taken.",
                lambda bulkhead: bulkhead.inside,
            ),
            (
                "vso_vault_parked_keys",
                "Keys that wait for a turn of asking a Vault, without a worker.",
                lambda bulkhead: bulkhead.waiting,
            ),
            (
                "vso_vault_seconds_since_probe",
                "Seconds since a Vault was last probed; +Inf before the first time.",
                lambda bulkhead: bulkhead.since_probe,
            ),
        )
        return tuple(
            (
                Gauge(name, text, ("vault_connection",), registry=self.registry),
                read,
            )
            for name, text, read in declared
        )

    def _declare_observation(self) -> None:
        self._withheld = Counter(
            "vso_withheld_writes",
            "Writes that an observer would have made, each counted once.",
            ("verb", "resource"),
            registry=self.registry,
        )
        self._differing = Gauge(
            "vso_differing_resources",
            "Resources for which an observer would write something now.",
            ("controller", "resource"),
            registry=self.registry,
        )

    def queue(self, name: str) -> QueueMetrics:
        """Return what takes note of the queue `name`."""
        return QueueMetrics(
            depth=self._queue_depth.labels(name),
            adds=self._queue_adds.labels(name),
            retries=self._queue_retries.labels(name),
            wait=self._queue_wait.labels(name),
            work=self._queue_work.labels(name),
        )

    def queue_work(self, name: str, queue: QueueWork) -> None:
        """Show the work of the queue `name` whenever the metrics are read."""
        for gauge, what in (
            (self._queue_unfinished, "unfinished_work"),
            (self._queue_longest, "longest_running"),
        ):
            gauge.labels(name).set_function(partial(attrgetter(what), queue))

    def events_dropped(self, read: Callable[[], int]) -> None:
        """Show the number of Events that were not sent whenever metrics are read."""
        self.registry.register(
            _ReadCounter(
                "vso_controller_events_dropped",
                "How often something happened and no Event of its own was sent.",
                read,
            )
        )

    def log_lines_lost(self, read: Callable[[], int]) -> None:
        """Show the number of log lines that were lost whenever metrics are read."""
        self.registry.register(
            _ReadCounter(
                "vso_controller_log_lines_lost",
                "Log lines that could not be written.",
                read,
            )
        )

    def event_loop_turned(self, *, late: float, blocked: bool) -> None:
        """Note by how many seconds a heartbeat of the event loop was late."""
        self._loop_lag.observe(late)
        if blocked:
            self._loop_blocked.inc(late)

    def logins(self, method: str) -> LoginMetrics:
        """Return what takes note of logins with an auth method."""
        return LoginMetrics(logins=self._logins, method=method)

    def session_looked_up(self, outcome: str) -> None:
        """Count one look for a stored token."""
        self._restores.labels(outcome).inc()

    def session_storage_changed(self, operation: str, *, failed: bool) -> None:
        """Count one change of what is stored; those that failed count in both."""
        self._storage_requests.labels(operation).inc()
        if failed:
            self._storage_errors.labels(operation).inc()

    def watch_sessions(self, sessions: SessionsSeen) -> None:
        """Ask for the sessions there are whenever somebody reads the metrics."""
        self.registry.register(_SessionCollector(sessions.standings))
        # Under upstream's names, and so a gauge, though it only grows.
        for name, about, read in (
            ("size", "Most sessions with Vault there may be.", lambda: sessions.most),
            ("length", "Sessions with Vault.", lambda: len(sessions)),
            ("evictions", "Sessions that were too many.", lambda: sessions.evictions),
        ):
            gauge = Gauge(f"vso_client_cache_{name}", about, registry=self.registry)
            gauge.set_function(read)

    def vault(self, connection: ObjectKey) -> VaultMetrics:
        """Return what takes note of requests over a VaultConnection."""
        if connection not in self._vaults:
            self._vaults[connection] = VaultMetrics(
                connection=str(connection),
                operations=self._vault_operations,
                errors=self._vault_errors,
                seconds=self._vault_seconds,
                unverified=self._vault_unverified,
            )
        return self._vaults[connection]

    def bulkhead(self, connection: ObjectKey, bulkhead: BulkheadState) -> None:
        """Show the bulkhead of a VaultConnection whenever the metrics are read."""
        for gauge, read in self._bulkhead_gauges:
            gauge.labels(str(connection)).set_function(partial(read, bulkhead))

    def vault_gone(self, connection: ObjectKey) -> None:
        """Drop the series of a VaultConnection that is not there any more."""
        observer = self._vaults.pop(connection, None)
        if observer is not None:
            observer.close()
        for gauge, _ in self._bulkhead_gauges:
            gauge.remove_by_labels({"vault_connection": str(connection)})
            self._vault_reads.remove_by_labels({"vault_connection": str(connection)})

    def vault_read(self, connection: ObjectKey, *, answered: str) -> None:
        """Count one read, unless its VaultConnection is gone."""
        if connection in self._vaults:
            self._vault_reads.labels(str(connection), answered).inc()

    def version_went_back(self) -> None:
        """Count one resource for which Vault showed an older version than before."""
        self._versions_gone_back.inc()

    def rendering(self, result: str) -> None:
        """Count one time that the templates of a resource were to be rendered."""
        self._renderings.labels(result).inc()

    def reconciled(self, *, controller: str, result: str, seconds: float) -> None:
        """Count one reconcile that took so many seconds."""
        self._reconciles.labels(controller, result).inc()
        self._reconcile_seconds.labels(controller).observe(seconds)

    def resource_ready(self, kind: str, key: ObjectKey, ready: bool) -> None:
        """Note whether a resource is ready."""
        self._resource_status.labels(kind.lower(), key.name, key.namespace).set(ready)

    def resource_gone(self, kind: str, key: ObjectKey) -> None:
        """Drop the series of a resource that is not there any more."""
        self._resource_status.remove_by_labels(
            {
                "controller": kind.lower(),
                "name": key.name,
                "namespace": key.namespace,
            }
        )

    def hmac_key_in_step(self, in_step: bool) -> None:
        """Note whether the Secret of the HMAC key holds the key in use."""
        self._hmac_key.set(in_step)

    def withheld(self, *, verb: str, resource: str) -> None:
        """Count one write that was not made."""
        self._withheld.labels(verb, resource).inc()

    def differing(self, *, controller: str, resource: str, more: int) -> None:
        """Note that so many more resources of a kind have such a write before them."""
        self._differing.labels(controller, resource).inc(more)

    def leading(self, lease: str, leading: bool) -> None:
        """Note whether this process leads.

        One that does not is no judge of resources, and has no queues.
        """
        self._leading.labels(lease).set(leading)
        if not leading:
            self._resource_status.clear()
            for gauge in (
                self._queue_depth,
                self._queue_unfinished,
                self._queue_longest,
            ):
                gauge.clear()


class _ReadCounter(Collector):
    """A counter that somebody else keeps."""

    def __init__(self, name: str, help_text: str, read: Callable[[], int]) -> None:
        self._name = name
        self._help = help_text
        self._read = read

    def collect(self) -> Iterator[CounterMetricFamily]:
        yield CounterMetricFamily(self._name, self._help, value=self._read())


@dataclass(frozen=True, slots=True)
class SessionStanding:
    """One session with Vault, as far as metrics tell."""

    connection: ObjectKey
    method: str
    ends: float | None  # seconds since the epoch, infinite for never; None: no token


class _SessionCollector(Collector):
    """Tells of sessions by counting them: their ends move with time and renewals."""

    def __init__(self, standings: Callable[[], Iterable[SessionStanding]]) -> None:
        self._standings = standings

    def describe(self) -> Iterable[Metric]:
        return self._families((), {})

    def collect(self) -> Iterable[Metric]:
        found = list(self._standings())
        ends: dict[str, float] = {}
        for each in found:
            if each.ends is not None and math.isfinite(each.ends):
                place = str(each.connection)
                ends[place] = min(each.ends, ends.get(place, each.ends))
        return self._families(found, ends)

    def _families(
        self, found: Iterable[SessionStanding], ends: Mapping[str, float]
    ) -> Iterable[Metric]:
        alive = GaugeMetricFamily(
            "vso_sessions",
            "Sessions with Vault.",
            labels=("vault_connection", "method"),
        )
        kinds = Counting((str(each.connection), each.method) for each in found)
        for labels, count in kinds.items():
            alive.add_metric(labels, count)
        earliest = GaugeMetricFamily(
            "vso_session_earliest_end_timestamp_seconds",
            "When the token ends that ends first, if it is not renewed.",
            labels=("vault_connection",),
        )
        for place, end in ends.items():
            earliest.add_metric((place,), end)
        return alive, earliest


class LoginMetrics:
    """Takes note of the logins with one auth method."""

    def __init__(self, *, logins: Counter, method: str) -> None:
        self._logins = logins
        self._method = method

    def logged_in(self, outcome: str) -> None:
        self._logins.labels(self._method, outcome).inc()


class QueueMetrics:
    """Takes note of one work queue, under client-go's names."""

    def __init__(
        self,
        *,
        depth: Gauge,
        adds: Counter,
        retries: Counter,
        wait: Histogram,
        work: Histogram,
    ) -> None:
        self._depth = depth
        self._adds = adds
        self._retries = retries
        self._wait = wait
        self._work = work

    def added(self, *, depth: int) -> None:
        self._adds.inc()
        self._depth.set(depth)

    def taken(self, *, depth: int, waited: float) -> None:
        self._depth.set(depth)
        self._wait.observe(waited)

    def released(self, *, worked: float) -> None:
        self._work.observe(worked)

    def retried(self) -> None:
        self._retries.inc()


class VaultMetrics:
    """Takes note of the requests over one VaultConnection."""

    def __init__(
        self,
        *,
        connection: str,
        operations: Counter,
        errors: Counter,
        seconds: Histogram,
        unverified: Gauge,
    ) -> None:
        self._connection = connection
        self._operations = operations
        self._errors = errors
        self._seconds = seconds
        self._unverified = unverified
        self._closed = False

    def observe(self, operation: str, outcome: str, seconds: float) -> None:
        if self._closed:
            return  # a call that was under way when its VaultConnection went
        self._operations.labels(operation, self._connection).inc()
        self._seconds.labels(operation, self._connection).observe(seconds)
        if outcome != _SUCCEEDED:
            self._errors.labels(operation, self._connection).inc()

    def verifying(self, verifying: bool) -> None:
        """Note whether the certificate of the server is verified."""
        self._unverified.labels(self._connection).set(not verifying)

    def close(self) -> None:
        """Drop the series, and take note of nothing more."""
        self._closed = True
        for metric in (
            self._operations,
            self._errors,
            self._seconds,
            self._unverified,
        ):
            metric.remove_by_labels({"vault_connection": self._connection})
