"""Writes that meet another state: what was found out is not asked for again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.unit.reconcilers.syncing import fail, ready, spec, sync
from tests.unit.reconcilers.world import (
    AUTH,
    AUTH_SPEC,
    CONNECTION,
    CONNECTION_SPEC,
    DESTINATION,
    RESOURCE,
    RESOURCE_SPEC,
    World,
)
from vso_controller.domain.destination import OPAQUE
from vso_controller.foundation.errors import OperationFailed
from vso_controller.foundation.objects import Envelope, ObjectKey, ObservedSecret
from vso_controller.kube.errors import Conflict, ServerFailed
from vso_controller.runtime.ports import Outcome
from vso_controller.runtime.store import Store
from vso_controller.vault.errors import ServerSealed
from vso_controller.vault.requests import Operation

pytestmark = pytest.mark.looptime

CONFLICT = Conflict("patch status")
IN_THE_MIDST = 0.5  # seconds; half of what a status write takes where it is slow
FOREIGN = ObservedSecret(DESTINATION, "uid-of-theirs", "1", OPAQUE, b"")


@dataclass(frozen=True)
class Subject:
    """A kind, as these tests use each."""

    key: ObjectKey
    spec: dict[str, Any]
    store: Callable[[World], Store[Envelope]]
    reconcile: Callable[[World], Awaitable[Outcome]]
    edit: dict[str, Any]  # changes the spec
    question: Operation | None  # what a reconcile asks Vault

    def times_asked(self, world: World) -> int:
        return 0 if self.question is None else world.vault.calls[self.question]

    def edited(self, world: World, *, told: bool = True) -> Envelope:
        """Have its spec changed."""
        return world.put(self.store(world), self.key, self.spec | self.edit, told=told)

    def changed(
        self, world: World, change: Callable[[Envelope], Envelope], *, told: bool = True
    ) -> Envelope:
        """Have something else of it changed."""
        return world.put(
            self.store(world), self.key, self.spec, change=change, told=told
        )

    def status(self, world: World) -> dict[str, Any]:
        return world.status(self.store(world), self.key)

    def is_ready(self, world: World) -> bool:
        return world.conditions(self.store(world), self.key)["Ready"] == "True"


RESOURCES = Subject(
    RESOURCE,
    RESOURCE_SPEC,
    lambda world: world.resources,
    sync,
    {"refreshAfter": "60s"},
    Operation.READ,
)
ANY_KIND = pytest.mark.parametrize(
    "subject",
    [
        RESOURCES,
        Subject(
            CONNECTION,
            CONNECTION_SPEC,
            lambda world: world.connections,
            lambda world: world.connection.reconcile(CONNECTION, 0),
            {"timeout": "5s"},
            Operation.SEAL_STATUS,
        ),
        Subject(
            AUTH,
            AUTH_SPEC,
            lambda world: world.auths,
            lambda world: world.auth.reconcile(AUTH, 0),
            {"namespace": "tenant"},
            None,
        ),
    ],
    ids=["VaultStaticSecret", "VaultConnection", "VaultAuth"],
)


THEIRS = {
    "type": "Theirs",
    "status": "True",
    "reason": "Seen",
    "message": "",
    "lastTransitionTime": "2025-06-15T15:06:40Z",
}


def judged(envelope: Envelope) -> Envelope:
    return replace(envelope, status=json.dumps({"conditions": [THEIRS]}).encode())


def annotated(envelope: Envelope) -> Envelope:
    return replace(envelope, annotations={"note": "mine"})


def reborn(envelope: Envelope) -> Envelope:
    return replace(envelope, uid="another")


async def meanwhile(
    world: World, subject: Subject, happen: Callable[[], object]
) -> None:
    """Reconcile, with something happening while the status is on its way."""
    world.kubernetes.delays["write"] = 2 * IN_THE_MIDST
    async with asyncio.TaskGroup() as group:
        group.create_task(_reconcile(world, subject))
        await asyncio.sleep(IN_THE_MIDST)
        happen()
        world.kubernetes.delays.clear()


async def _reconcile(world: World, subject: Subject) -> None:
    await subject.reconcile(world)


@ANY_KIND
@pytest.mark.parametrize("conflicts", [1, 2])
async def test_row_12_status_that_meets_conflicts_is_written_without_asking_vault_again(
    subject: Subject, conflicts: int
) -> None:
    world = World().in_order()
    world.kubernetes.passing["write"] = [CONFLICT] * conflicts

    await subject.reconcile(world)

    assert subject.is_ready(world)
    assert subject.times_asked(world) == bool(subject.question)
    assert world.kubernetes.reads == conflicts, "the store has nothing newer"


@ANY_KIND
async def test_status_is_decided_on_what_the_watch_told_meanwhile(
    subject: Subject,
) -> None:
    world = World().in_order()

    await meanwhile(world, subject, lambda: subject.changed(world, judged))

    assert subject.is_ready(world)
    names = {each["type"] for each in subject.status(world)["conditions"]}
    assert "Theirs" in names, "a condition of somebody else stays"
    assert world.kubernetes.reads == 0, "the store knew"


@ANY_KIND
async def test_status_is_decided_on_what_the_watch_has_yet_to_tell(
    subject: Subject,
) -> None:
    world = World().in_order()
    newer = subject.changed(world, annotated, told=False)

    await subject.reconcile(world)

    assert subject.is_ready(world)
    assert subject.times_asked(world) == bool(subject.question)
    world.woken.clear()
    world.tell(subject.store(world), newer)
    assert subject.key in world.woken, "what another wrote is told however late"
    assert subject.is_ready(world), "and does not take ours back"


@ANY_KIND
async def test_edit_under_a_status_write_is_left_to_its_own_reconcile(
    subject: Subject,
) -> None:
    world = World().in_order()
    world.woken.clear()

    await meanwhile(world, subject, lambda: subject.edited(world))

    assert subject.status(world) == {}
    assert subject.key in world.woken
    assert [told for told in world.kubernetes.told if told.about == subject.key] == []
    await subject.reconcile(world)
    assert subject.is_ready(world)


@ANY_KIND
async def test_edit_that_the_watch_has_yet_to_tell_is_left_to_it(
    subject: Subject,
) -> None:
    world = World().in_order()
    edited = subject.edited(world, told=False)

    await subject.reconcile(world)

    assert subject.status(world) == {}
    world.woken.clear()
    world.tell(subject.store(world), edited)
    assert subject.key in world.woken


@ANY_KIND
@pytest.mark.parametrize("told", [True, False], ids=["told", "not told yet"])
@pytest.mark.parametrize("again", [True, False], ids=["made anew", "gone"])
async def test_status_of_a_resource_that_was_deleted_is_written_nowhere(
    subject: Subject, told: bool, again: bool
) -> None:
    world = World().in_order()
    store = subject.store(world)
    world.woken.clear()
    gone: list[Envelope] = []

    def delete() -> None:
        gone.append(world.remove(store, subject.key, told=told))
        if again:
            gone.append(subject.changed(world, reborn, told=told))

    await meanwhile(world, subject, delete)

    there = [
        each
        for (_, key), each in world.kubernetes.resources.items()
        if key == subject.key
    ]
    assert [each.status for each in there] == [b""] * again
    if not told:
        world.woken.clear()
        world.tell_deleted(store, gone[0])
    assert subject.key in world.woken


@ANY_KIND
async def test_status_of_a_resource_that_is_being_deleted_is_left(
    subject: Subject,
) -> None:
    world = World().in_order()
    subject.changed(world, lambda seen: replace(seen, deleting=True), told=False)

    await subject.reconcile(world)

    assert subject.status(world) == {}


async def test_status_that_always_meets_a_conflict_is_left_for_later() -> None:
    world = World().in_order()
    world.kubernetes.failures["write"] = CONFLICT

    assert await fail(world) is CONFLICT

    assert world.vault.calls[Operation.READ] == 1
    assert world.kubernetes.reads == 2


@ANY_KIND
async def test_status_whose_answer_is_lost_is_looked_up(subject: Subject) -> None:
    world = World().in_order()
    world.kubernetes.lost["write"] = 1

    await subject.reconcile(world)

    assert world.kubernetes.writes - len(world.kubernetes.secrets) == 1
    assert subject.times_asked(world) == bool(subject.question)
    told = [told.kind for told in world.kubernetes.told if told.about == subject.key]
    assert told == ["Normal"], "what happened is told all the same"


async def test_failure_is_reported_on_the_status_there_is_then() -> None:
    world = World().in_order()
    await sync(world)
    world.vault.failures[Operation.READ] = ServerSealed("Vault is sealed")
    world.kubernetes.passing["write"] = [CONFLICT]
    RESOURCES.changed(world, annotated, told=False)

    await fail(world)

    unhealthy = world.condition(world.resources, RESOURCE, "Healthy")
    assert unhealthy == ("False", "Unhealthy", "Vault is sealed")
    assert ready(world)[0] == "True", "Vault was read a moment ago"
    assert world.vault.calls[Operation.READ] == 2


@pytest.mark.parametrize(
    "failures", [[CONFLICT], [CONFLICT, CONFLICT]], ids=["one", "two"]
)
async def test_row_12_secret_that_meets_conflicts_is_written_without_asking_vault_again(
    failures: list[OperationFailed],
) -> None:
    world = World().in_order()
    await sync(world)
    world.vault.put(version=2, password="n3w")
    world.kubernetes.passing["patch"] = list(failures)

    await sync(world)

    assert world.kubernetes.values[DESTINATION]["password"] == b"n3w"
    assert world.vault.calls[Operation.READ] == 2


async def test_row_13_secret_whose_creation_was_not_answered_is_ours() -> None:
    world = World().in_order()
    world.kubernetes.lost["create"] = 1

    await sync(world)

    assert ready(world)[0] == "True"
    assert world.vault.calls[Operation.READ] == 1
    assert [told.message for told in world.kubernetes.told] == ["Secret synced"]


async def test_row_13_taken_name_of_an_unwatched_secret_of_ours_is_adopted() -> None:
    world = World().in_order()
    world.kubernetes.lost["create"] = 1
    world.kubernetes.failures["read"] = ServerFailed("get secrets: 503")
    await fail(world)
    made = world.kubernetes.secrets[DESTINATION]
    world.kubernetes.failures.clear()
    world.kubernetes.watched.replace([], world.kubernetes.next_version())

    await sync(world)

    assert world.kubernetes.secrets[DESTINATION] == made
    assert ready(world)[0] == "True"


async def test_row_13_taken_name_of_a_secret_of_somebody_else_is_refused() -> None:
    world = World().in_order()
    world.kubernetes.put(FOREIGN, {"theirs": b"1"})

    await fail(world)

    assert ready(world)[:2] == ("False", "DestinationNotOwned")
    assert world.kubernetes.values[DESTINATION] == {"theirs": b"1"}


@pytest.mark.parametrize("lost", [0, 1], ids=["answered", "not answered"])
async def test_row_15_creation_that_failed_is_looked_up_before_the_next(
    lost: int,
) -> None:
    world = World().in_order()
    world.kubernetes.passing["create"] = [ServerFailed("create secrets: 504")]
    world.kubernetes.lost["create"] = lost

    await fail(world)
    await sync(world)

    assert ready(world)[0] == "True"
    assert len(world.kubernetes.secrets) == 1


async def test_change_whose_answer_is_lost_is_made_once() -> None:
    world = World().in_order()
    await sync(world)
    world.vault.put(version=2, password="n3w")
    world.kubernetes.lost["patch"] = 1
    writes = world.kubernetes.writes

    await sync(world)

    assert world.kubernetes.values[DESTINATION]["password"] == b"n3w"
    assert world.kubernetes.writes - writes == 2, "the Secret, and its MAC"
    assert [told.message for told in world.kubernetes.told] == ["Secret synced"] * 2


async def test_deleted_orphan_wakes_nobody() -> None:
    world = World().in_order()
    await sync(world)
    world.put(
        world.resources, RESOURCE, spec(destination={"name": "new", "create": True})
    )
    world.woken.clear()

    await sync(world)

    assert [key.name for key in world.kubernetes.secrets] == ["new"]
    assert [key for key in world.woken if key == RESOURCE] == []


async def test_replaced_secret_wakes_nobody() -> None:
    world = World().in_order()
    await sync(world)
    destination = {"name": "db-secret", "create": True, "type": "example.com/db"}
    world.put(world.resources, RESOURCE, spec(destination=destination))
    world.woken.clear()

    await sync(world)

    assert world.kubernetes.secrets[DESTINATION].type == "example.com/db"
    assert [key for key in world.woken if key == RESOURCE] == []


async def test_secret_that_a_finalizer_holds_is_waited_for() -> None:
    world = World().in_order()
    await sync(world)
    world.kubernetes.finalized.add(DESTINATION)
    destination = {"name": "db-secret", "create": True, "type": "example.com/db"}
    world.put(world.resources, RESOURCE, spec(destination=destination))

    await fail(world)

    assert ready(world)[:2] == ("False", "DestinationTerminating")
    assert world.kubernetes.watched.get(DESTINATION) is not None
