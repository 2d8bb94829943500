from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
import trustme
from prometheus_client import generate_latest
from structlog.testing import capture_logs

from tests.fakes.vault_server import Asked, Says, ScriptedServer, says_json
from tests.support.components import kubeconfig
from tests.support.processes import free_port
from tests.unit.kube.worlds import Identity
from tests.unit.kube.worlds import settings as connection_to
from tests.unit.reconcilers.world import AUTH, AUTH_SPEC, CONNECTION, RESOURCE
from vso_controller.app import process
from vso_controller.foundation.clock import SystemClock
from vso_controller.foundation.errors import Invalid
from vso_controller.foundation.metrics import Metrics
from vso_controller.foundation.objects import Envelope, ObjectKey
from vso_controller.kube.calls import Call, Verb, object_target
from vso_controller.kube.errors import ConnectionFailed
from vso_controller.kube.secrets import SECRETS
from vso_controller.kube.session import ApiSession, open_session
from vso_controller.runtime.gate import LeaseGate, NotLeading
from vso_controller.runtime.leader import LeaderTiming
from vso_controller.runtime.observing import Withheld
from vso_controller.runtime.probes import AddressUnusable, serving
from vso_controller.runtime.store import Store
from vso_controller.settings.model import Settings
from vso_controller.settings.values import BindAddress

LOOPBACK = "127.0.0.1"
WRITE = Call(
    verb=Verb.DELETE,
    target=object_target(SECRETS, ObjectKey("apps", "any")),
    repeatable=True,
)
NOBODY = "https://127.0.0.1:1"


def envelope(key: ObjectKey, spec: dict[str, object]) -> Envelope:
    return Envelope(key, f"uid-{key.name}", "1", 1, spec=json.dumps(spec).encode())


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a process whose API server is not there."""
    config = tmp_path / "kubeconfig"
    authority = trustme.CA().cert_pem.bytes().decode()
    config.write_text(kubeconfig(f"https://{LOOPBACK}:{free_port()}", authority, "t"))
    return Settings(
        kubeconfig=str(config),
        metrics_bind_address=None,
        health_probe_bind_address=BindAddress(LOOPBACK, free_port()),
    )


async def test_kubeconfig_that_is_not_there_ends_the_process(
    settings: Settings,
) -> None:
    wrong = settings.model_copy(update={"kubeconfig": "/nowhere"})

    with pytest.raises(Invalid, match="/nowhere"):
        await process.run(wrong, asyncio.Event(), lost_lines=int)


async def test_election_that_cannot_work_ends_the_process_with_its_figures(
    settings: Settings,
) -> None:
    wrong = settings.model_copy(
        update={"leader_elect_retry_period": timedelta(seconds=10)}
    )

    with pytest.raises(Invalid, match=r"leader election: .* \(10 s\)"):
        await process.run(wrong, asyncio.Event(), lost_lines=int)


async def test_address_that_is_taken_ends_the_process(settings: Settings) -> None:
    async with serving(LOOPBACK, 0, []) as port:
        taken = settings.model_copy(
            update={"metrics_bind_address": BindAddress(LOOPBACK, port)}
        )

        with pytest.raises(AddressUnusable, match=str(port)):
            await process.run(taken, asyncio.Event(), lost_lines=int)


@pytest.mark.parametrize("leader_elect", [True, False])
async def test_process_without_an_api_server_is_alive_not_ready_and_stops_at_once(
    settings: Settings, leader_elect: bool
) -> None:
    assert settings.health_probe_bind_address is not None
    url = f"http://{settings.health_probe_bind_address}"
    chosen = settings.model_copy(update={"leader_elect": leader_elect})
    stop = asyncio.Event()

    with capture_logs() as lines:
        async with asyncio.TaskGroup() as group:
            run = group.create_task(process.run(chosen, stop, lost_lines=int))
            alive, ready = await answers(url)
            stop.set()
            async with asyncio.timeout(30):
                await run

    assert (alive, ready) == (200, 503)
    events = [line["event"] for line in lines]
    assert (events[0], events[-1]) == ("started", "stopped")
    assert "stopping" in events


@asynccontextmanager
async def candidate(
    *, observe: bool = False, files: Path | None = None
) -> AsyncIterator[process._Process]:
    """A process that would lead a cluster of one VaultConnection and one VaultAuth.

    It may log in with what is in `files`.
    """
    clock = SystemClock()
    async with open_session(settings=connection_to(NOBODY, Identity())) as session:
        made = process._Process(
            settings=Settings(
                shutdown_timeout=timedelta(seconds=1),
                leader_elect=False,
                observe=observe,
                credential_path_roots=() if files is None else (files,),
            ),
            timing=LeaderTiming(),
            gate=LeaseGate(clock=clock, margin=0),
            clock=clock,
            sessions=process._Sessions(session, session, session, session, session),
            metrics=Metrics(version="0"),
        )
        made._controllers.add_all()
        made._stores.connections.replace(
            [envelope(CONNECTION, {"address": NOBODY})], "1"
        )
        made._stores.auths.replace([envelope(AUTH, AUTH_SPEC)], "1")
        made._stores.static_secrets.replace([], "1")
        made._stores.transformations.replace([], "1")
        made._stores.secrets.replace([], "1")
        yield made


def standing(made: process._Process) -> tuple[bool, int]:
    """Return whether it says that it leads, and how many sessions it holds."""
    told = generate_latest(made._metrics.registry).decode()
    says = 'leader_election_master_status{name="b0d477c0.hashicorp.com"} 1.0' in told
    assert says == made._leading
    return says, len(made._controllers._sessions)


@pytest.mark.parametrize("how", ["asked to stop", "lease lost"])
async def test_end_of_a_leadership_leaves_nothing_behind(how: str) -> None:
    stop = asyncio.Event()
    async with candidate() as made:
        lead = asyncio.create_task(made._lead(stop))
        await asyncio.sleep(0)
        await made._controllers._sessions.open(RESOURCE, "auth")
        assert standing(made) == (True, 1)

        stop.set() if how == "asked to stop" else lead.cancel()
        await asyncio.wait({lead})

        assert standing(made) == (False, 0)


@pytest.mark.parametrize("observe", [False, True], ids=["leader", "observer"])
@pytest.mark.parametrize("how", ["asked to stop", "lost the lease"])
async def test_who_is_asked_to_stop_takes_leave_of_vault(
    how: str, observe: bool, tmp_path: Path
) -> None:
    stop = asyncio.Event()
    (tmp_path / "id").write_text("canary")
    app_role = {"roleId": "r", "secretIDPath": str(tmp_path / "id")}
    auth = AUTH_SPEC | {"method": "appRole", "appRole": app_role}
    async with (
        candidate(observe=observe, files=tmp_path) as made,
        ScriptedServer(vault).run() as said,
    ):
        edited(made._stores.connections, CONNECTION, {"address": said.address})
        edited(made._stores.auths, AUTH, auth)
        made._stores.hmac_key.replace([], "1")
        work = asyncio.create_task(made._observe(stop) if observe else made._lead(stop))
        await asyncio.sleep(0)
        session = await made._controllers._sessions.open(RESOURCE, "auth")
        await session.issue(("database", "creds", "app"))

        stop.set() if how == "asked to stop" else work.cancel()
        await asyncio.wait({work})

        asked = [each.target for each in said.asked]
        assert ("/v1/auth/token/renew-self" in asked) == (how == "asked to stop")


def edited(store: Store[Envelope], key: ObjectKey, spec: dict[str, object]) -> None:
    """Have an object with this spec in the store."""
    store.replace([replace(envelope(key, spec), resource_version="2")], "2")


def vault(_: Asked) -> Says:
    """Let everybody in, and issue what is asked for."""
    auth = {
        "client_token": "canary",
        "accessor": "a",
        "lease_duration": 60,
        "renewable": True,
    }
    return says_json({"auth": auth, "data": {}, "lease_id": "l", "request_id": "r"})


async def test_observer_never_leads_and_leaves_nothing_behind() -> None:
    stop = asyncio.Event()
    async with candidate(observe=True) as made:
        with capture_logs() as lines:
            work = asyncio.create_task(made._campaign(stop))
            await asyncio.sleep(0)
            await made._controllers._sessions.open(RESOURCE, "auth")
            assert standing(made) == (False, 1)
            assert not made._gate.is_open

            stop.set()
            await work

        assert standing(made) == (False, 0)
        assert lines[0]["event"] == "observing"
        assert lines[0]["log_level"] == "warning"


@pytest.mark.parametrize("purpose", [each.name for each in fields(process._Sessions)])
async def test_observer_has_no_session_that_a_write_could_leave_by(
    purpose: str,
) -> None:
    gate = LeaseGate(clock=SystemClock(), margin=0)
    gate.open_until(math.inf, asked=0)
    fences = process._fences(Settings(observe=True), gate)

    async with process._sessions(connection_to(NOBODY, Identity()), fences) as made:
        session: ApiSession = getattr(made, purpose)
        with pytest.raises(Withheld):
            await session.request(WRITE)


@pytest.mark.parametrize(
    "purpose",
    [f.name for f in fields(process._Sessions) if f.name != "elections"],
)
async def test_who_does_not_lead_has_none_but_for_the_lease(purpose: str) -> None:
    gate = LeaseGate(clock=SystemClock(), margin=0)
    fences = process._fences(Settings(), gate)

    async with process._sessions(connection_to(NOBODY, Identity()), fences) as made:
        session: ApiSession = getattr(made, purpose)
        with pytest.raises(NotLeading):
            await session.request(WRITE)
        with pytest.raises(ConnectionFailed):
            await made.elections.request(WRITE)


async def test_leader_that_is_stopped_before_it_began_begins_nothing() -> None:
    stop = asyncio.Event()
    stop.set()
    async with candidate() as made:
        await made._lead(stop)

        told = generate_latest(made._metrics.registry).decode()
        assert "controller_runtime_reconcile_total{" not in told


@pytest.mark.parametrize(
    ("lease", "deadline", "margin"), [(15, 10, 2.5), (3, 2, 0.5), (60, 10, 25)]
)
def test_gate_closes_before_another_can_lead(
    lease: int, deadline: int, margin: float
) -> None:
    settings = Settings(
        leader_elect_lease_duration=timedelta(seconds=lease),
        leader_elect_renew_deadline=timedelta(seconds=deadline),
        leader_elect_retry_period=timedelta(milliseconds=500),
    )

    assert process._margin(settings) == margin


async def answers(url: str) -> tuple[int, int]:
    """Return what both probes answer, as soon as there is somebody to answer."""
    async with aiohttp.ClientSession() as http, asyncio.timeout(30):
        while True:
            try:
                return await status(http, f"{url}/healthz"), await status(
                    http, f"{url}/readyz"
                )
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.01)


async def status(http: aiohttp.ClientSession, url: str) -> int:
    async with http.get(url) as answer:
        return answer.status
