"""Stories of tokens that outlive the process, and of what becomes of those that do not.

Needs a real OpenBao for its transit engine. The controller that all other stories share
keeps no token, so it is stopped meanwhile.
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.admin import VSO, Manifest, decoded, named
from tests.e2e.team import PATIENCE, Team
from tests.e2e.world import OPERATOR, Controller, World
from tests.support.conditions import eventually
from tests.support.openbao_transit import TransitEngine

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(90)]

PLAIN = "--client-cache-persistence-model=direct-unencrypted"
ENCRYPTED = "--client-cache-persistence-model=direct-encrypted"
KEY = named("Secret", OPERATOR, "vso-cc-storage-hmac-key")
RECORDS = named("Secret", OPERATOR, "vso-cc-sessions")
STORED = "client-cache-storage"
MAY_ENCRYPT = """
path "transit/encrypt/vso" { capabilities = ["update"] }
path "transit/decrypt/vso" { capabilities = ["update"] }
"""
MAY_NOTHING = MAY_ENCRYPT.replace("update", "deny")


@dataclass(frozen=True, slots=True)
class Logins:
    """Counts the logins of one ServiceAccount from a moment on, by its role."""

    world: World
    mark: int

    @classmethod
    def begin(cls, world: World) -> Logins:
        return cls(world, world.vault_proxy.recorder.mark())

    @property
    def value(self) -> int:
        requests = self.world.vault_proxy.recorder.since(self.mark)
        return len(
            [one for one in requests if one.head.path == "/v1/auth/kubernetes/login"]
        )


@pytest_asyncio.fixture(loop_scope="session")
async def own(alone: World, team: Team) -> AsyncIterator[Team]:
    """A team with a resource; what was stored of others is gone."""
    await forget_all(alone)
    await team.put(password="s3cret")
    yield team
    await forget_all(alone)


@pytest_asyncio.fixture(loop_scope="session")
async def transit(own: Team) -> AsyncIterator[TransitEngine]:
    """A transit key, and the VaultAuth that says that it encrypts what is stored."""
    world = own.world
    engine = await TransitEngine.enable(world.bao.root)
    await engine.create_key("vso")
    await world.bao.root.put_policy("storage", MAY_ENCRYPT)
    await world.auth.put_role(
        "storage",
        service_accounts=["storage-sa"],
        namespaces=[OPERATOR],
        policies=["storage"],
        audience="vault",
    )
    for manifest in encryption_of(world):
        await world.admin.apply(manifest)
    yield engine
    for manifest in encryption_of(world):
        await world.admin.delete(manifest)
    await world.bao.root.delete(f"sys/mounts/{engine.mount}")


def encryption_of(world: World) -> list[Manifest]:
    ca = base64.b64encode(world.vault_proxy.ca_pem.encode()).decode()
    auth = {
        "method": "kubernetes",
        "mount": "kubernetes",
        "vaultConnectionRef": "storage",
        "kubernetes": {
            "role": "storage",
            "serviceAccount": "storage-sa",
            "audiences": ["vault"],
        },
        "storageEncryption": {"mount": "transit", "keyName": "vso"},
    }
    connection = {"address": world.vault_proxy.url, "caCertSecretRef": "storage-ca"}
    labelled = named("VaultAuth", OPERATOR, "storage", spec=auth)
    labelled["metadata"]["labels"] = {"cacheStorageEncryption": "true"}
    return [
        named("ServiceAccount", OPERATOR, "storage-sa"),
        named("Secret", OPERATOR, "storage-ca") | {"data": {"ca.crt": ca}},
        named("VaultConnection", OPERATOR, "storage", spec=connection),
        labelled,
    ]


async def test_restart_logs_in_nowhere_and_goes_on_with_the_same_token(
    own: Team,
) -> None:
    world = own.world
    token, client = await first_run(own, PLAIN)
    assert token.startswith("s."), "it is stored as it is"

    logins = Logins.begin(world)
    async with world.controller(PLAIN) as second:
        await wait_restored(second)
        await refreshed(own)

    assert logins.value == 0
    assert await token_stored(world) == token
    assert client in decoded(await found(world, RECORDS)), "its end is recorded"


async def test_restart_logs_in_to_decrypt_and_nowhere_else(
    own: Team, transit: TransitEngine
) -> None:
    world = own.world
    await first_run(own, ENCRYPTED)
    (entry,) = await entries(world)
    content = json.loads(decoded(entry)["secret"])
    stored = await transit.decrypt("vso", content["ciphertext"])
    assert json.loads(stored)["auth"]["client_token"]
    assert entry["metadata"]["labels"]["vaultTransitRef"] == "storage"

    logins = Logins.begin(world)
    async with world.controller(ENCRYPTED) as second:
        await wait_restored(second)
        await refreshed(own)

    assert logins.value == 1, "that of the encryption, whose token is stored nowhere"
    assert (await entries(world))[0]["metadata"]["uid"] == entry["metadata"]["uid"]


@pytest.mark.parametrize("tampered", ["data", "label"])
async def test_entry_that_was_tampered_with_is_told_and_replaced(
    own: Team, tampered: str
) -> None:
    world = own.world
    await first_run(own, PLAIN)
    (entry,) = await entries(world)
    await replace_entry(world, entry, tampered)

    logins = Logins.begin(world)
    async with world.controller(PLAIN) as second:
        await refreshed(own)
        outcome = {"data": "forged", "label": "mislabelled"}[tampered]
        name = "vso_session_restores_total"
        assert await second.metric(name, outcome=outcome) == 1
        assert f'"outcome":"{outcome}"' in second.log.replace(" ", "")
        await wait_stored(world)

    assert logins.value == 1
    assert "tampered" not in json.dumps(await entries(world))


@pytest.mark.parametrize("cause", ["no key", "denied"])
@pytest.mark.usefixtures("transit")
async def test_encryption_that_fails_is_told_and_nothing_waits_for_it(
    own: Team, cause: str
) -> None:
    world = own.world
    await first_run(own, ENCRYPTED)
    if cause == "denied":
        await world.bao.root.put_policy("storage", MAY_NOTHING)
    else:
        settings = {"deletion_allowed": True}
        await world.bao.root.write("transit/keys/vso/config", settings)
        await world.bao.root.delete("transit/keys/vso")
        # Or encrypting would create it anew.
        rule = MAY_ENCRYPT.replace("update", "deny", 1)
        await world.bao.root.put_policy("storage", rule)

    logins = Logins.begin(world)
    async with world.controller(ENCRYPTED) as second:
        await refreshed(own)
        await own.wait_ready()

        async def told() -> None:
            errors = "vso_client_cache_storage_requests_errors_total"
            assert await second.metric(errors, operation="store") >= 1

        await eventually(told, within=PATIENCE)
        assert "session_storage_failed" in second.log

    assert logins.value == 2, "its own, and that of the encryption"


@pytest.mark.usefixtures("transit")
async def test_encryption_that_is_described_twice_is_told(own: Team) -> None:
    world = own.world
    second = encryption_of(world)[-1]
    second["metadata"]["name"] = "storage-too"
    await world.admin.apply(second)
    await own.sync()

    async with world.controller(ENCRYPTED) as replica:
        await refreshed(own)

        async def told() -> None:
            assert "it is on: storage, storage-too" in replica.log

        await eventually(told, within=PATIENCE)

    await world.admin.delete(second)
    assert await entries(world) == []


async def test_without_persistence_entries_go_and_nothing_else(own: Team) -> None:
    world = own.world
    await first_run(own, PLAIN)
    key = await found(world, KEY)

    logins = Logins.begin(world)
    async with world.controller():

        async def gone() -> None:
            assert await entries(world) == []

        await eventually(gone, within=PATIENCE)
        await refreshed(own)

    assert await found(world, KEY) == key
    assert logins.value == 1


async def test_resource_that_goes_takes_the_token_with_it(own: Team) -> None:
    world = own.world
    await own.sync()
    async with world.controller(PLAIN):
        await own.wait_ready()
        await wait_stored(world)

        await world.admin.delete(own.named("VaultStaticSecret", "app"))

        async def gone() -> None:
            assert await entries(world) == []

        await eventually(gone, within=PATIENCE)


async def first_run(team: Team, flag: str) -> tuple[str, str]:
    """Have a process log in and end; return what is stored, and the client's ID."""
    await team.sync()
    async with team.world.controller(flag):
        await team.wait_ready()
        await wait_stored(team.world)
    resource = await found(team.world, team.named("VaultStaticSecret", "app"))
    client: str = resource["status"]["vaultClientMeta"]["id"]
    return await token_stored(team.world), client


async def entries(world: World) -> list[Manifest]:
    label = "app.kubernetes.io/component"
    return [
        {"apiVersion": "v1", "kind": "Secret"} | each
        for each in await world.admin.list("Secret", OPERATOR)
        if each["metadata"].get("labels", {}).get(label) == STORED
    ]


async def token_stored(world: World) -> str:
    """Return the token in the one entry, "" if it is encrypted."""
    (entry,) = await entries(world)
    content: dict[str, Any] = json.loads(decoded(entry)["secret"])
    token: str = content.get("auth", {}).get("client_token", "")
    return token


async def wait_stored(world: World) -> None:
    async def stored() -> None:
        assert len(await entries(world)) == 1

    await eventually(stored, within=PATIENCE)


async def wait_restored(replica: Controller) -> None:
    async def restored() -> None:
        name = "vso_session_restores_total"
        assert await replica.metric(name, outcome="restored") == 1

    await eventually(restored, within=PATIENCE)


async def refreshed(team: Team) -> None:
    """Have another value in Vault, and wait until the Secret has it."""
    mark = str(team.world.vault_proxy.recorder.mark())
    await team.put(password=mark)
    await team.wait_value("password", mark.encode())


async def replace_entry(world: World, entry: Manifest, tampered: str) -> None:
    """Have another content or another label in an immutable Secret."""
    metadata = {
        name: entry["metadata"][name]
        for name in ("name", "namespace", "labels", "annotations")
    }
    data = dict(entry["data"])
    if tampered == "data":
        content = json.loads(decoded(entry)["secret"])
        content["auth"]["client_token"] = "s.tampered"
        data["secret"] = base64.b64encode(json.dumps(content).encode()).decode()
    else:
        metadata["labels"] = {**metadata["labels"], "provider/UID": "tampered"}
    await world.admin.delete(entry)
    await world.admin.create(
        {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}
    )


async def forget_all(world: World) -> None:
    """Remove what is stored, and the resources of whoever would be stored."""
    for each in await world.admin.list("VaultStaticSecret", "", VSO):
        await world.admin.delete(
            each | {"apiVersion": VSO, "kind": "VaultStaticSecret"}
        )
    for each in await entries(world):
        await world.admin.delete(each)


async def found(world: World, manifest: Manifest) -> Manifest:
    held = await world.admin.get(manifest)
    assert held is not None
    return held
