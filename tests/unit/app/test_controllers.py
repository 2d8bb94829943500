from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest
from prometheus_client import generate_latest

from tests.unit.kube.worlds import Identity
from tests.unit.kube.worlds import settings as connection_to
from tests.unit.reconcilers.world import (
    AUTH,
    AUTH_SPEC,
    CONNECTION,
    CONNECTION_SPEC,
    RESOURCE,
    RESOURCE_SPEC,
)
from tests.unit.runtime.virtual import VirtualClock, seeded
from vso_controller.app.controllers import SESSIONS, Controllers, _session_timing
from vso_controller.app.engine import Engine
from vso_controller.app.stores import Reflectors, Stores
from vso_controller.foundation.listwatch import EventType, WatchEvent
from vso_controller.foundation.metrics import Metrics
from vso_controller.foundation.objects import Envelope, ObjectKey
from vso_controller.kube.events import EventRecorder
from vso_controller.kube.session import open_session
from vso_controller.runtime.gate import LeaseGate
from vso_controller.settings.model import Settings
from vso_controller.vault.timing import SessionTiming

NOBODY = "https://127.0.0.1:1"


@dataclass(frozen=True, slots=True)
class Wired:
    """Controllers on an engine that does not run."""

    controllers: Controllers
    stores: Stores
    engine: Engine
    metrics: Metrics


@asynccontextmanager
async def wired() -> AsyncIterator[Wired]:
    clock, metrics = VirtualClock(), Metrics(version="test")
    engine = Engine(settings=Settings(), metrics=metrics, clock=clock, random=seeded(1))
    stores = Stores()
    connection = connection_to(NOBODY, Identity())
    async with open_session(settings=connection) as session:
        controllers = Controllers(
            settings=Settings(),
            stores=stores,
            engine=engine,
            metrics=metrics,
            reflectors=Reflectors(
                session=session, clock=clock, random=seeded(1), settings=Settings()
            ),
            reads=session,
            writes=session,
            events=EventRecorder(session=session, clock=clock),
            gate=LeaseGate(clock=clock, margin=0),
            clock=clock,
            random=seeded(1),
        )
        controllers.add_all()
        yield Wired(controllers, stores, engine, metrics)
        await controllers.stand_down()


def envelope(key: ObjectKey, spec: dict[str, object]) -> Envelope:
    return Envelope(key, f"uid-{key.name}", "1", 1, spec=json.dumps(spec).encode())


def put_everything(stores: Stores) -> None:
    for store, key, spec in (
        (stores.connections, CONNECTION, CONNECTION_SPEC),
        (stores.auths, AUTH, AUTH_SPEC),
        (stores.static_secrets, RESOURCE, RESOURCE_SPEC),
    ):
        store.apply(WatchEvent(EventType.ADDED, "1", envelope(key, spec)))


async def test_every_kind_has_its_controller() -> None:
    async with wired() as world:
        assert set(world.engine._controllers) == {
            "vaultconnection",
            "vaultauth",
            "vaultauthglobal",
            "vaultstaticsecret",
            "vaultdynamicsecret",
            "secrettransformation",
            SESSIONS,
        }


async def test_nothing_is_kept_when_the_leadership_ends() -> None:
    async with wired() as world:
        put_everything(world.stores)
        sessions = world.controllers._sessions
        await sessions.open(RESOURCE, "auth")
        world.metrics.vault(CONNECTION).observe("read", "Succeeded", 1)
        clients = world.controllers._connections._connections
        before = clients[CONNECTION].client
        resource = envelope(RESOURCE, RESOURCE_SPEC)
        world.controllers._known.add(resource)

        await world.controllers.stand_down()

        assert len(sessions) == 0
        assert resource not in world.controllers._known
        assert b"apps/vault" not in generate_latest(world.metrics.registry)
        await sessions.open(RESOURCE, "auth")
        assert clients[CONNECTION].client is not before


@pytest.mark.parametrize(
    ("written", "seconds"), [(None, 60), ("0s", 60), ("1.5s", 1.5), ("2m", 120)]
)
async def test_timeout_is_that_of_the_connection(
    written: str | None, seconds: float
) -> None:
    async with wired() as world:
        spec = CONNECTION_SPEC | ({} if written is None else {"timeout": written})
        seen = envelope(CONNECTION, spec)

        connection = await world.controllers._connections.open(seen)

        assert connection.client._timeout == seconds  # type: ignore[attr-defined]


async def test_slowest_vault_is_known_until_the_leadership_ends() -> None:
    async with wired() as world:
        controllers = world.controllers
        assert controllers.longest_vault_timeout == 60
        for timeout in ("2s", "5m", "90s"):
            key = ObjectKey("apps", f"vault-{timeout}")
            spec = CONNECTION_SPEC | {"timeout": timeout}
            await controllers._connections.open(envelope(key, spec))
        assert controllers.longest_vault_timeout == 300

        await controllers.stand_down()

        assert controllers.longest_vault_timeout == 60


def test_sessions_rest_as_resources_do() -> None:
    by_default = _session_timing(Settings())
    scaled = Settings(
        backoff_initial_interval=timedelta(milliseconds=200),
        backoff_max_interval=timedelta(seconds=1),
    )

    assert by_default == SessionTiming()
    assert _session_timing(scaled).first_rest == 0.2
    assert _session_timing(scaled).longest_rest == 1
