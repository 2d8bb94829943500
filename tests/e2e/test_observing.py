"""Stories of `--observe`: it sees all, tells what it would write, and writes nothing.

The observer has the rights of `deploy/rbac-observer`, and proxies of its own, so that
each request that is recorded there is one of its own. Nobody demands here that all be
in order within a time, as the oracle of the other stories does: an observer sees to it
that nothing happens.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.admin import Manifest
from tests.e2e.team import PATIENCE, Team
from tests.e2e.world import Controller, World
from tests.support.conditions import eventually
from tests.support.planting import ROOT
from tests.support.requestlog import RequestLog, to_resource

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(90)]

ACCOUNT = "vso-controller-observer"
VERB_AND_NAME = ("verb", "resource", "name")
PARTS = ("added", "changed", "removed")
STATUSES = "vaultstaticsecrets/status"
REFUSED = {"lost": "VaultAuthNotFound", "taken": "DestinationNotOwned"}
"""The resources that cannot be synced, and why."""

Told = dict[tuple[str, str, str], list[dict[str, list[str]]]]
"""Of each write that was told of, the parts it would change, each time it was told."""


@dataclass(frozen=True, slots=True)
class Observer:
    """A replica that observes, and what it was heard to ask and to say."""

    replica: Controller
    world: World  # of its own proxies
    team: Team

    @property
    def writes(self) -> RequestLog:
        """What it asked the API server that was not a question."""
        asked = self.world.proxy.recorder.requests.writes()
        return asked.excluding(to_resource("token"))

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The lines of its log."""
        text = self.replica.process.log.read_text()
        return [json.loads(line) for line in text.splitlines()]

    def keys_of(self, event: str) -> set[str]:
        """Return the keys of which this is in the log."""
        return {line["key"] for line in self.lines if line["event"] == event}

    @property
    def told(self) -> Told:
        """What it says that it would have written in the namespace of the team."""
        told: Told = {}
        for line in self.lines:
            mine = line.get("namespace") == self.team.namespace
            if line["event"] == "would_have_written" and mine:
                verb, resource, name = (line[key] for key in VERB_AND_NAME)
                parts = {part: line[part] for part in PARTS if line[part]}
                told.setdefault((verb, resource, name), []).append(parts)
        return told

    async def differing(self, resource: str) -> float:
        """Return for how many resources it would write to one of this kind."""
        return await self.replica.metric("vso_differing_resources", resource=resource)

    async def wait_refreshes(self, count: int) -> None:
        """Wait until every resource of the team was read so often again."""
        reads = await self._reads()
        resources = len(await self.world.admin.list(*_static_secrets(self.team)))

        async def refreshed() -> None:
            assert await self._reads() >= reads + count * resources

        await eventually(refreshed, within=PATIENCE + 3 * count)

    async def _reads(self) -> float:
        return await self.replica.metric(
            "vso_client_operations_total",
            operation="read",
            vault_connection=f"{self.team.namespace}/vault",
        )


def _static_secrets(team: Team) -> tuple[str, str, str]:
    return "VaultStaticSecret", team.namespace, "secrets.hashicorp.com/v1beta1"


@asynccontextmanager
async def observing(team: Team) -> AsyncIterator[Observer]:
    """Run an observer for the length of the block; no write of it may be known then."""
    world = team.world
    await world.admin.apply_files(ROOT / "deploy" / "rbac-observer")
    async with world.apart() as beside:
        async with beside.controller("--observe", account=ACCOUNT) as replica:
            observer = Observer(replica, beside, team)
            yield observer
            assert await replica.metric("leader_election_master_status") == 0
        assert list(observer.writes) == []


@pytest_asyncio.fixture(loop_scope="session")
async def team(alone: World) -> AsyncIterator[Team]:
    async with alone.apart() as own:
        team = await own.team()
        yield team
        await team.remove()


@pytest_asyncio.fixture(loop_scope="session")
async def left_alone(team: Team) -> Team:
    """A team whose resources a leader has left: one in step, others not any more."""
    names = ("steady", "drifted", "retyped")
    async with team.world.controller():
        for name in names:
            await team.put(name, password="s3cret")
            await team.sync(name, destination={"labels": {"app": "web"}})
        for name in names:
            await team.wait_ready(name)
    secret = await team.secret("drifted-secret")
    assert secret is not None
    edit = {"password": "dGFtcGVyZWQ=", "stray": "eA=="}
    await team.world.admin.patch(
        secret, {"data": edit, "metadata": {"labels": {"app": None}}}
    )
    await team.sync("retyped", destination={"type": "example.com/db"})
    await team.put("fresh", password="s3cret")
    await team.sync("fresh")
    await team.sync("lost", vaultAuthRef="nobody")
    await team.world.admin.create(team.named("Secret", "taken-secret"))
    await team.put("taken", password="s3cret")
    await team.sync("taken")
    return team


LEFT_ALONE: Told = {
    ("patch", "secrets", "drifted-secret"): [
        {
            "added": ["labels/app"],
            "changed": ["data/password"],
            "removed": ["data/stray"],
        }
    ],
    ("delete", "secrets", "retyped-secret"): [{"changed": ["type=example.com/db"]}],
    ("create", "secrets", "fresh-secret"): [
        {
            "added": [
                "data/_raw",
                "data/password",
                "labels/app.kubernetes.io/component",
                "labels/app.kubernetes.io/managed-by",
                "labels/app.kubernetes.io/name",
                "labels/secrets.hashicorp.com/vso-ownerRefUID",
                "ownerReferences",
                "type=Opaque",
            ]
        }
    ],
}


async def test_observer_tells_what_a_leader_then_does(left_alone: Team) -> None:
    team = left_alone
    before = await everything(team)
    async with observing(team) as observer:
        await eventually(lambda: tells(observer, LEFT_ALONE), within=PATIENCE)
        await observer.wait_refreshes(3)

        await tells(observer, LEFT_ALONE)
        assert await observer.differing("secrets") == 3
        assert await observer.differing(STATUSES) == 2
        assert await observer.replica.metric("vso_withheld_writes_total") == 5
        # It would fail a leader just so; no write that is withheld is a failure.
        assert observer.keys_of("reconcile_failed") == {f"{team.namespace}/taken"}
        assert observer.keys_of("reconcile_crashed") == set()
        assert "observing" in {line["event"] for line in observer.lines}
    assert await everything(team) == before

    async with team.world.controller():
        for name in ("steady", "drifted", "retyped", "fresh"):
            await team.wait_ready(name)
        for name, reason in REFUSED.items():
            await team.wait_condition("False", reason, name=name)


async def test_edit_is_told_once(left_alone: Team) -> None:
    team = left_alone
    async with observing(team) as observer:
        await eventually(lambda: tells(observer, LEFT_ALONE), within=PATIENCE)

        await team.sync("steady", destination={"labels": {"tier": "front"}})
        await team.put("drifted", password="n3w", user="app")

        drifted = ("patch", "secrets", "drifted-secret")
        edited = {
            **LEFT_ALONE,
            ("patch", "secrets", "steady-secret"): [
                {"added": ["labels/tier"], "changed": [MANAGED]}
            ],
            drifted: [
                *LEFT_ALONE[drifted],
                {
                    "added": ["data/user", "labels/app"],
                    "changed": ["data/_raw", "data/password"],
                    "removed": ["data/stray"],
                },
            ],
        }
        await eventually(lambda: tells(observer, edited), within=PATIENCE)
        await observer.wait_refreshes(2)
        await tells(observer, edited)
    async with team.world.controller():
        await team.wait_value("user", b"app", "drifted-secret")


MANAGED = "annotations/vso-controller.dev/managed-metadata"


async def test_observer_beside_a_leader_sees_it_keep_order(team: Team) -> None:
    await team.put(password="0ld")
    async with team.world.controller() as leader, observing(team) as observer:
        await team.sync()
        await team.wait_ready()
        await eventually(lambda: nothing_differs(observer), within=PATIENCE)
        await team.put(password="n3w")

        await team.wait_value("password", b"n3w")
        await eventually(lambda: nothing_differs(observer), within=PATIENCE)
        await observer.wait_refreshes(3)
        await nothing_differs(observer)
        assert await leader.metric("leader_election_master_status") == 1


async def tells(observer: Observer, expected: Told) -> None:
    """Check what is told of Secrets, and else only why some resources are refused."""
    told = observer.told
    refused = {("patch", STATUSES, name): reason for name, reason in REFUSED.items()}
    assert told.keys() == {*expected, *refused}
    for key, reason in refused.items():
        (parts,) = told[key]
        assert f"conditions/Ready=False({reason})" in parts["added"]
    assert {key: told[key] for key in expected} == expected


async def nothing_differs(observer: Observer) -> None:
    for resource in ("secrets", STATUSES):
        assert await observer.differing(resource) == 0


async def everything(team: Team) -> list[Manifest]:
    """Return all that an operator could have written in the namespace."""
    admin = team.world.admin
    found = await admin.list("Secret", team.namespace)
    found += await admin.list("Event", team.namespace)
    for kind in ("VaultConnection", "VaultAuth", "VaultStaticSecret"):
        _, namespace, group = _static_secrets(team)
        found += await admin.list(kind, namespace, group)
    return found
