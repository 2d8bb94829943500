"""What upstream rendered is kept: its status has no digest of the input."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import b64encode
from typing import Any

import pytest

from tests.fakes.kubernetes import DIGEST_KEY
from tests.unit.reconcilers.syncing import ready, sync
from tests.unit.reconcilers.transforming import (
    out,
    rendered,
    rendering,
    status,
    transform,
)
from tests.unit.reconcilers.world import DESTINATION, PATH, RESOURCE, World
from vso_controller.domain.ownership import owner_labels
from vso_controller.foundation.objects import ObservedSecret, OwnerReference

pytestmark = pytest.mark.looptime

SYNCED_AT = "2025-06-15T15:06:40Z"
BEFORE, AFTER = "2025-06-15T15:00:00.5Z", "2025-06-15T15:07:00.5Z"
DATA = {"out": b"upstreams", "password": b"s3cret"}


def left_by_upstream(
    text: str, *, created: str | None, healthy: str = "True", generation: int = 2
) -> World:
    """Return a world with a Secret and a status that upstream wrote."""
    world = transform(World().in_order(), rendering(text, excludeRaw=True))
    metadata = {"version": "1"} | ({"created_time": created} if created else {})
    world.vault.stored[PATH] = {"data": {"password": "s3cret"}, "metadata": metadata}
    owner = OwnerReference(
        "secrets.hashicorp.com/v1beta1",
        "VaultStaticSecret",
        "database",
        "uid-of-database",
    )
    labels = owner_labels(owner.uid)
    secret = ObservedSecret(
        DESTINATION, "uid", "1", "Opaque", b"", labels=labels, owners=(owner,)
    )
    world.kubernetes.put(secret, DATA)
    world.give_status(
        world.resources,
        RESOURCE,
        {
            "lastGeneration": generation,
            "secretMAC": mac(DATA),
            "conditions": [
                condition("SecretSynced", "True"),
                condition("Healthy", healthy),
                condition("Ready", "True"),
            ],
        },
    )
    return world


def mac(data: dict[str, bytes]) -> str:
    document = {name: b64encode(data[name]).decode() for name in sorted(data)}
    message = json.dumps(document, separators=(",", ":")).encode()
    return b64encode(hmac.digest(DIGEST_KEY, message, hashlib.sha256)).decode()


def condition(name: str, state: str) -> dict[str, Any]:
    return {
        "type": name,
        "status": state,
        "reason": name,
        "message": "",
        "lastTransitionTime": SYNCED_AT,
        "observedGeneration": 1,
    }


async def adopt_and_refresh(world: World) -> None:
    await sync(world)  # in step: nothing is asked
    await sync(world)  # its slot


@pytest.mark.parametrize("text", ["$password", "%"], ids=["deterministic", "random"])
async def test_it_is_kept_where_upstream_saw_that_version(text: str) -> None:
    world = left_by_upstream(text, created=BEFORE)
    writes = world.kubernetes.writes

    await adopt_and_refresh(world)

    assert (out(world), rendered(world)) == ("upstreams", 0)
    assert world.kubernetes.writes - writes == 1, "the digest of the input"
    assert status(world)["secretMAC"] == mac(DATA)
    await sync(world)
    assert world.kubernetes.writes - writes == 1


@pytest.mark.parametrize("text", ["$password", "%"], ids=["deterministic", "random"])
async def test_it_is_rendered_where_vault_has_a_newer_version(text: str) -> None:
    world = left_by_upstream(text, created=AFTER)

    await adopt_and_refresh(world)

    assert (out(world), rendered(world)) == ({"%": "1"}.get(text, "s3cret"), 1)


@pytest.mark.parametrize("created", ["yesterday", "2020-01-01T00:00:00", None])
async def test_time_that_says_nothing_is_none(created: str | None) -> None:
    world = left_by_upstream("$password", created=created)

    await adopt_and_refresh(world)

    assert out(world) == "s3cret"


@pytest.mark.parametrize(
    ("text", "kept"),
    [("$password", False), ("%", True)],
    ids=["deterministic", "random"],
)
async def test_without_versions_it_is_kept_where_rendering_would_show_nothing(
    text: str, *, kept: bool
) -> None:
    world = left_by_upstream(text, created=None)

    await adopt_and_refresh(world)

    assert (out(world) == "upstreams") is kept


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param({"healthy": "False"}, id="not in order"),
        pytest.param({"generation": 1}, id="another generation"),
    ],
)
async def test_what_was_not_in_step_is_rendered(odd: dict[str, Any]) -> None:
    world = left_by_upstream("%", created=BEFORE, **odd)

    await adopt_and_refresh(world)

    assert out(world) == "1"


async def test_secret_that_was_edited_meanwhile_is_rendered() -> None:
    world = left_by_upstream("%", created=BEFORE)
    world.kubernetes.edit(DESTINATION, out=b"tampered")

    await adopt_and_refresh(world)

    assert out(world) == "1"
    assert ready(world)[0] == "True"
