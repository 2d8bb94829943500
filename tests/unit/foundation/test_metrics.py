from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from vso_controller.foundation.metrics import Metrics, SessionStanding
from vso_controller.foundation.objects import ObjectKey
from vso_controller.vault.requests import Operation

DATABASE = ObjectKey("apps", "database")
VAULT = ObjectKey("apps", "vault")


@dataclass
class Work:
    """A queue as the metrics see it."""

    unfinished_work: float
    longest_running: float


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(version="1.2.3")


@dataclass
class Sessions:
    """The sessions of a pool that has room for ten."""

    there: list[SessionStanding] = field(default_factory=list)
    most: int = 10
    evictions: int = 0

    def __len__(self) -> int:
        return len(self.there)

    def standings(self) -> list[SessionStanding]:
        return self.there


def samples(metrics: Metrics, prefix: str) -> dict[str, float]:
    """Return the samples as Prometheus reads them, but for the times of creation."""
    lines = generate_latest(metrics.registry).decode().splitlines()
    found = (line.rsplit(" ", 1) for line in lines if line.startswith(prefix))
    return {name: float(value) for name, value in found if "_created" not in name}


def test_every_metric_is_on_a_page_of_the_documentation(metrics: Metrics) -> None:
    metrics.watch_sessions(Sessions())
    metrics.events_dropped(lambda: 0)
    docs = Path(__file__).parents[3] / "docs"
    told = "".join(page.read_text() for page in docs.glob("*.md"))

    families = list(metrics.registry.collect())

    assert len(families) > 20
    names = [
        f"{one.name}_total" * (one.type == "counter") or one.name for one in families
    ]
    assert [name for name in names if f"`{name}`" not in told] == []


def test_requests_have_upstreams_names_for_what_upstream_counts() -> None:
    assert {Operation.LOGIN, Operation.RENEW_TOKEN, Operation.READ} == {
        "login",
        "renew",
        "read",
    }


def test_build_is_told(metrics: Metrics) -> None:
    assert samples(metrics, "vso_build_info") == {
        'vso_build_info{git_version="1.2.3"}': 1
    }


def test_sessions_are_counted_when_somebody_asks(metrics: Metrics) -> None:
    sessions = Sessions()
    there = sessions.there
    metrics.watch_sessions(sessions)
    assert samples(metrics, "vso_session") == {}

    there += [
        SessionStanding(VAULT, "jwt", ends=None),
        SessionStanding(VAULT, "jwt", ends=float("inf")),
        SessionStanding(VAULT, "token", ends=300.0),
        SessionStanding(VAULT, "jwt", ends=200.0),
        SessionStanding(DATABASE, "jwt", ends=float("inf")),
    ]

    end = "vso_session_earliest_end_timestamp_seconds"
    assert samples(metrics, "vso_session") == {
        'vso_sessions{method="jwt",vault_connection="apps/vault"}': 3,
        'vso_sessions{method="token",vault_connection="apps/vault"}': 1,
        'vso_sessions{method="jwt",vault_connection="apps/database"}': 1,
        f'{end}{{vault_connection="apps/vault"}}': 200,
    }


def test_room_for_sessions_is_told_under_upstreams_names(metrics: Metrics) -> None:
    sessions = Sessions([SessionStanding(VAULT, "jwt", ends=None)])
    metrics.watch_sessions(sessions)

    sessions.evictions += 3

    assert samples(metrics, "vso_client_cache") == {
        "vso_client_cache_size": 10,
        "vso_client_cache_length": 1,
        "vso_client_cache_evictions": 3,
    }


def test_logins_are_counted_by_method_and_result(metrics: Metrics) -> None:
    metrics.logins("jwt").logged_in("Succeeded")
    metrics.logins("jwt").logged_in("LoginRefused")

    assert samples(metrics, "vso_logins_total") == {
        'vso_logins_total{method="jwt",result="Succeeded"}': 1,
        'vso_logins_total{method="jwt",result="LoginRefused"}': 1,
    }


def test_queue_is_told_under_client_gos_names(metrics: Metrics) -> None:
    queue = metrics.queue("vaultauth")

    queue.added(depth=2)
    queue.taken(depth=1, waited=0.5)
    queue.released(worked=2.0)
    queue.retried()

    told = samples(metrics, "workqueue_")
    assert told['workqueue_depth{name="vaultauth"}'] == 1
    assert told['workqueue_adds_total{name="vaultauth"}'] == 1
    assert told['workqueue_retries_total{name="vaultauth"}'] == 1
    assert told['workqueue_queue_duration_seconds_sum{name="vaultauth"}'] == 0.5
    assert told['workqueue_work_duration_seconds_sum{name="vaultauth"}'] == 2


def test_work_of_a_queue_is_read_when_the_metrics_are(metrics: Metrics) -> None:
    work = Work(unfinished_work=3.0, longest_running=2.0)
    metrics.queue_work("vaultauth", work)
    work.unfinished_work = 8.0

    assert samples(metrics, "workqueue_") == {
        'workqueue_unfinished_work_seconds{name="vaultauth"}': 8,
        'workqueue_longest_running_processor_seconds{name="vaultauth"}': 2,
    }


def test_events_that_were_not_sent_are_counted(metrics: Metrics) -> None:
    metrics.events_dropped(lambda: 7)

    assert samples(metrics, "vso_controller_events") == {
        "vso_controller_events_dropped_total": 7
    }


def test_event_loop_tells_how_late_it_is_and_for_how_long_it_stood(
    metrics: Metrics,
) -> None:
    metrics.event_loop_turned(late=0.25, blocked=False)
    metrics.event_loop_turned(late=4, blocked=True)

    told = samples(metrics, "vso_controller_event_loop")
    assert told["vso_controller_event_loop_lag_seconds_sum"] == 4.25
    assert told['vso_controller_event_loop_lag_seconds_bucket{le="1.0"}'] == 1
    assert told["vso_controller_event_loop_blocked_seconds_total"] == 4


def test_reconciles_are_told_under_controller_runtimes_names(metrics: Metrics) -> None:
    metrics.reconciled(controller="vaultauth", result="error", seconds=0.25)

    told = samples(metrics, "controller_runtime_reconcile")
    of_auth = 'controller="vaultauth"'
    assert told[f'controller_runtime_reconcile_total{{{of_auth},result="error"}}'] == 1
    assert told[f"controller_runtime_reconcile_time_seconds_sum{{{of_auth}}}"] == 0.25


def test_resource_is_told_until_it_is_gone(metrics: Metrics) -> None:
    metrics.resource_ready("VaultStaticSecret", DATABASE, True)
    metrics.resource_ready("VaultStaticSecret", VAULT, False)
    metrics.resource_ready("VaultConnection", VAULT, True)

    metrics.resource_gone("VaultStaticSecret", VAULT)
    metrics.resource_gone("VaultStaticSecret", ObjectKey("apps", "never-seen"))

    assert samples(metrics, "controller_resource_status") == {
        'controller_resource_status{controller="vaultstaticsecret",'
        'name="database",namespace="apps"}': 1,
        'controller_resource_status{controller="vaultconnection",'
        'name="vault",namespace="apps"}': 1,
    }


def test_observer_tells_what_it_withholds(metrics: Metrics) -> None:
    for more in (1, 1, -1):
        metrics.differing(controller="vaultstaticsecret", resource="secrets", more=more)
    metrics.withheld(verb="patch", resource="secrets")

    assert samples(metrics, "vso_differing") == {
        'vso_differing_resources{controller="vaultstaticsecret",resource="secrets"}': 1
    }
    assert samples(metrics, "vso_withheld") == {
        'vso_withheld_writes_total{resource="secrets",verb="patch"}': 1
    }


def test_standby_tells_of_no_resource_and_no_queue(metrics: Metrics) -> None:
    metrics.leading("lease", True)
    metrics.resource_ready("VaultStaticSecret", DATABASE, False)
    queue = metrics.queue("vaultauth")
    queue.added(depth=7)
    metrics.queue_work("vaultauth", Work(unfinished_work=3.0, longest_running=2.0))

    metrics.leading("lease", False)
    queue.added(depth=8)

    assert samples(metrics, "leader_election_master_status") == {
        'leader_election_master_status{name="lease"}': 0
    }
    assert samples(metrics, "controller_resource_status") == {}
    for gauge in ("depth", "unfinished_work", "longest_running"):
        assert samples(metrics, f"workqueue_{gauge}") == {}


def test_connection_that_does_not_verify_is_told_until_it_goes(
    metrics: Metrics,
) -> None:
    metrics.vault(VAULT).verifying(False)
    metrics.vault(DATABASE).verifying(True)

    name = "vso_vault_connection_unverified"
    vault = f'{name}{{vault_connection="apps/vault"}}'
    database = f'{name}{{vault_connection="apps/database"}}'
    assert samples(metrics, name) == {vault: 1, database: 0}
    metrics.vault_gone(VAULT)
    assert samples(metrics, name) == {database: 0}


def test_requests_to_vault_are_told_for_each_connection(metrics: Metrics) -> None:
    metrics.vault(VAULT).observe("read", "Succeeded", 0.25)
    metrics.vault(VAULT).observe("read", "ServerSealed", 0.5)
    metrics.vault(DATABASE).observe("login", "Succeeded", 1)

    told = samples(metrics, "vso_client_operations")
    read = '{operation="read",vault_connection="apps/vault"}'
    login = '{operation="login",vault_connection="apps/database"}'
    assert told[f"vso_client_operations_total{read}"] == 2
    assert told[f"vso_client_operations_errors_total{read}"] == 1
    assert told[f"vso_client_operations_time_seconds_sum{read}"] == 0.75
    assert told[f"vso_client_operations_total{login}"] == 1
    assert f"vso_client_operations_errors_total{login}" not in told


def test_series_of_a_connection_go_with_it(metrics: Metrics) -> None:
    under_way = metrics.vault(VAULT)
    under_way.observe("read", "ServerSealed", 0.25)
    metrics.vault(DATABASE).observe("read", "Succeeded", 0.25)

    metrics.vault_gone(VAULT)
    metrics.vault_gone(VAULT)
    under_way.observe("read", "Aborted", 0.25)

    told = samples(metrics, "vso_client_operations")
    assert not [name for name in told if "apps/vault" in name]
    assert [name for name in told if "apps/database" in name]


def test_connection_that_is_made_anew_is_told_again(metrics: Metrics) -> None:
    metrics.vault(VAULT).observe("read", "Succeeded", 0.25)
    metrics.vault_gone(VAULT)

    metrics.vault(VAULT).observe("read", "Succeeded", 0.25)

    told = samples(metrics, "vso_client_operations_total")
    assert list(told.values()) == [1]
