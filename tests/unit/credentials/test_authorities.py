from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.reconcilers.world import (
    CONNECTION,
    CONNECTION_SPEC,
    World,
    certificate,
)
from vso_controller.credentials.connection import Connection
from vso_controller.domain.reasons import Reason, Refusal


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ca.crt"


@pytest.fixture
def world(file: Path) -> World:
    world = World(ca_roots=(file.parent,)).in_order()
    spec = CONNECTION_SPEC | {"caCertPath": str(file)}
    world.put(world.connections, CONNECTION, spec)
    return world


def put(file: Path, content: bytes) -> None:
    file.write_bytes(content)


def remove(file: Path) -> None:
    file.unlink()


async def connect(world: World) -> Connection:
    envelope = world.connections.get(CONNECTION)
    assert envelope is not None
    return await world.clients_of.open(envelope)


async def test_certificate_in_a_file_is_trusted(world: World, file: Path) -> None:
    put(file, certificate("first"))

    await connect(world)

    assert world.clients == [("https://vault:8200", certificate("first"))]


async def test_file_that_changes_is_trusted_with_the_next_use(
    world: World, file: Path
) -> None:
    put(file, certificate("first"))
    before = await connect(world)
    assert await connect(world) is before

    put(file, certificate("second"))
    after = await connect(world)

    assert [ca for _, ca in world.clients] == [
        certificate("first"),
        certificate("second"),
    ]
    assert before.is_retired
    assert after.ca_fingerprint != before.ca_fingerprint


async def test_file_that_was_written_again_unchanged_keeps_the_client(
    world: World, file: Path
) -> None:
    put(file, certificate("same"))
    before = await connect(world)
    remove(file)
    put(file, certificate("same"))

    assert await connect(world) is before
    assert len(world.clients) == 1


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "cannot be read: No such file"),
        (b"canary", "holds no PEM certificate"),
    ],
    ids=["missing", "no certificate"],
)
async def test_file_that_is_of_no_use_is_told(
    world: World, file: Path, content: bytes | None, why: str
) -> None:
    if content is not None:
        put(file, content)

    with pytest.raises(Refusal, match=why) as refused:
        await connect(world)

    assert refused.value.failure.reason is Reason.CA_CERTIFICATE_UNAVAILABLE
    assert "caCertPath of VaultConnection apps/vault" in str(refused.value)
    assert "canary" not in str(refused.value)


async def test_path_outside_of_the_roots_is_told_with_the_flag(world: World) -> None:
    spec = CONNECTION_SPEC | {"caCertPath": "/proc/self/environ"}
    world.put(world.connections, CONNECTION, spec)

    with pytest.raises(Refusal, match="--ca-path-roots") as refused:
        await connect(world)

    assert refused.value.failure.reason is Reason.CA_CERTIFICATE_UNAVAILABLE
