"""Stories of a process that begins anew, or in the place of another.

What is in step waits for its slot: no read of Vault, no write. What is not is seen to
at once. Both hang on the key of the digests that statuses keep.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.e2e.admin import Manifest, Refused, decoded, named
from tests.e2e.team import PATIENCE, Team
from tests.e2e.world import ACCOUNT, OPERATOR, Controller, World
from tests.support.conditions import eventually
from tests.support.kubesite import settings_for
from tests.support.requestlog import Exchange, RequestLog
from vso_controller.kube.decoding import OpenSecretDecoder
from vso_controller.kube.errors import Forbidden
from vso_controller.kube.listwatch import ResourceListWatch
from vso_controller.kube.secrets import SECRETS
from vso_controller.kube.session import open_session

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(90)]

KEY = named("Secret", OPERATOR, "vso-cc-storage-hmac-key")
FLEET = tuple(f"app-{number}" for number in range(40))
RARELY = "1h"
PERIOD = 5.0  # seconds
CLOSE = 0.7  # seconds; so near to its slot a read is, however busy the machine


async def test_restart_moves_no_slot_and_writes_nothing(
    alone: World, team: Team
) -> None:
    async with alone.controller():
        await sync_all(team, refresh_after=f"{PERIOD:g}s")
        mark = alone.vault_proxy.recorder.mark()
        await every_path_is_read(team, mark)
        before = reads_of(team, mark)

    mark, kube_mark = alone.vault_proxy.recorder.mark(), alone.proxy.recorder.mark()
    async with alone.controller():
        await every_path_is_read(team, mark)
        after = reads_of(team, mark)

    slots = {read.head.path: read.started for read in before}
    astray = [
        read for read in after if apart(read.started, slots[read.head.path]) > CLOSE
    ]
    assert astray == []
    assert len(slots) == len(FLEET)
    assert list(writes_for(team, kube_mark)) == []


async def test_what_changed_while_nobody_ran_is_seen_to_at_start(
    alone: World, team: Team
) -> None:
    names = ("edited", "deleted", "moved", "idle")
    async with alone.controller():
        await sync_all(team, names, refresh_after=RARELY)
    secrets = {name: team.named("Secret", f"{name}-secret") for name in names}
    idle = await found(alone, secrets["idle"])

    await alone.admin.patch(secrets["edited"], {"data": {"password": "dGFtcGVyZWQ="}})
    await alone.admin.delete(secrets["deleted"])
    await team.put("elsewhere", password="other")
    await team.sync("moved", path=f"{team.namespace}/elsewhere", refreshAfter=RARELY)
    mark = alone.vault_proxy.recorder.mark()
    async with alone.controller():
        for name, value in (("edited", b"s3cret"), ("deleted", b"s3cret")):
            await team.wait_value("password", value, f"{name}-secret")
        await team.wait_value("password", b"other", "moved-secret")

        read = {path_of(each) for each in reads_of(team, mark)}
    assert read == {"edited", "deleted", "elsewhere"}
    assert await found(alone, secrets["idle"]) == idle


async def test_standby_that_takes_over_reads_only_what_changed(
    alone: World, team: Team
) -> None:
    async with alone.controller() as leader:
        await sync_all(team, refresh_after=RARELY)
        async with alone.controller() as standby:
            mark = alone.vault_proxy.recorder.mark()
            kube_mark = alone.proxy.recorder.mark()
            await leader.process.kill()
            await team.put("elsewhere", password="other")
            elsewhere = f"{team.namespace}/elsewhere"
            await team.sync(FLEET[0], path=elsewhere, refreshAfter=RARELY)

            await team.wait_value("password", b"other", f"{FLEET[0]}-secret")
            await eventually(lambda: has_looked_at_all(standby), within=PATIENCE)

    assert [path_of(each) for each in reads_of(team, mark)] == ["elsewhere"]
    assert {
        each.head.path.rsplit("/", 2)[-2] for each in writes_for(team, kube_mark)
    } <= {"secrets", FLEET[0]}


async def test_row_73_key_that_is_deleted_comes_back_and_nothing_else_happens(
    alone: World, team: Team
) -> None:
    async with alone.controller() as replica:
        await sync_all(team, FLEET[:3], refresh_after=RARELY)
        key = decoded(await found(alone, KEY))
        before = await everything_of(team)
        mark = alone.vault_proxy.recorder.mark()
        await alone.admin.delete(KEY)

        await eventually(lambda: key_is(alone, key), within=PATIENCE)
        await eventually(lambda: says_in_step(replica, 1), within=PATIENCE)

    async with alone.controller() as restarted:
        await eventually(lambda: has_looked_at_all(restarted, 3), within=PATIENCE)
        assert list(reads_of(team, mark)) == []
        assert await everything_of(team) == before


async def test_row_73_key_that_is_replaced_costs_one_read_and_one_status_each(
    alone: World, team: Team
) -> None:
    async with alone.controller() as replica:
        await sync_all(team, FLEET[:3], refresh_after=RARELY)
        secrets = await alone.admin.list("Secret", team.namespace)
        other = await replaced_key(alone, b"fedcba9876543210")
        await eventually(lambda: says_in_step(replica, 0), within=PATIENCE)
        assert "holds another key than the one in use" in replica.process.log_tail()

    mark, kube_mark = alone.vault_proxy.recorder.mark(), alone.proxy.recorder.mark()
    async with alone.controller():

        async def all_told() -> None:
            for name in FLEET[:3]:
                secret = await found(alone, team.named("Secret", f"{name}-secret"))
                assert await mac_of(team, name) == upstreams_mac(secret, other["key"])

        await eventually(all_told, within=PATIENCE)

    assert len(reads_of(team, mark)) == 3
    assert sorted(each.head.path for each in writes_for(team, kube_mark)) == sorted(
        f"{RESOURCES.format(team.namespace)}/{name}/status" for name in FLEET[:3]
    )
    assert await alone.admin.list("Secret", team.namespace) == secrets


async def test_unusable_key_is_told_left_alone_and_mended_without_a_restart(
    alone: World,
) -> None:
    await replaced_key(alone, b"too short")

    async with asyncio.TaskGroup() as group:
        mended = group.create_task(mend_key(alone))
        async with alone.controller() as replica:  # it is ready when the key is mended
            assert await replica.metric("vso_hmac_key_in_step") == 1

    assert mended.result() == {"key": b"too short"}


async def test_replicas_that_start_together_agree_on_one_key(alone: World) -> None:
    await alone.admin.delete(KEY)
    both = asyncio.Barrier(2)

    async def run_replica() -> float:
        async with alone.controller() as replica:
            await both.wait()
            in_step = await replica.metric("vso_hmac_key_in_step")
            await both.wait()
        return in_step

    async with asyncio.TaskGroup() as group:
        one, other = (group.create_task(run_replica()) for _ in range(2))

    assert (one.result(), other.result()) == (1, 1)
    key = await found(alone, KEY)
    assert len(decoded(key)["key"]) == 16
    assert key["immutable"] is True
    assert key["metadata"]["labels"] == {
        "app.kubernetes.io/name": "vault-secrets-operator",
        "app.kubernetes.io/managed-by": "hashicorp-vso",
        "app.kubernetes.io/component": "client-cache-storage-verification",
    }


async def test_mac_in_the_status_is_made_as_upstream_makes_it(
    world: World, team: Team
) -> None:
    await team.put(password="s3cret", user="admin")
    await team.sync()
    await team.wait_ready()

    key = decoded(await found(world, KEY))["key"]
    secret = await found(world, team.named("Secret", "app-secret"))
    assert await mac_of(team, "app") == upstreams_mac(secret, key)

    await team.sync(hmacSecretData=False)

    async def cleared() -> None:
        assert await mac_of(team, "app") is None

    await eventually(cleared, within=PATIENCE)


async def test_key_needs_no_more_rights_than_its_role_gives(
    world: World, tmp_path: Path
) -> None:
    account = named("ServiceAccount", OPERATOR, "key-reader")
    await world.admin.apply(account)
    binding = await found(world, KEY_BINDING)
    (subject,) = binding["subjects"]
    assert subject["name"] == ACCOUNT
    await world.admin.apply(
        {
            "apiVersion": binding["apiVersion"],
            "kind": binding["kind"],
            "metadata": {"namespace": OPERATOR, "name": "key-reader"},
            "roleRef": binding["roleRef"],
            "subjects": [subject | {"name": "key-reader"}],
        }
    )
    token = await world.admin.token(OPERATOR, "key-reader")
    settings = await settings_for(world.cluster, token, tmp_path)
    async with open_session(settings=settings) as session:
        key, every = (
            ResourceListWatch(
                session=session,
                resource=SECRETS,
                decoder=OpenSecretDecoder(),
                namespace=OPERATOR,
                name=name,
            )
            for name in (KEY["metadata"]["name"], "")
        )

        page = await key.list_page(resource_version="", continue_token="")
        async with key.watch(resource_version=page.resource_version, timeout=1):
            pass
        with pytest.raises(Forbidden):
            await every.list_page(resource_version="", continue_token="")

    assert len(page.items) == 1


RESOURCES = "/apis/secrets.hashicorp.com/v1beta1/namespaces/{}/vaultstaticsecrets"
KEY_BINDING: Manifest = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "RoleBinding",
    "metadata": {
        "namespace": OPERATOR,
        "name": "vso-controller-hmac-key-rolebinding",
    },
}


async def sync_all(
    team: Team, names: tuple[str, ...] = FLEET, *, refresh_after: str
) -> None:
    """Have resources in step, each with a path of its own."""
    for name in names:
        await team.put(name, password="s3cret")
        await team.sync(name, refreshAfter=refresh_after)
    for name in names:
        await team.wait_ready(name)


def reads_of(team: Team, mark: int) -> RequestLog:
    """Return the reads of a team's secrets since the mark."""
    path = f"/v1/secret/data/{team.namespace}/"
    log = team.world.vault_proxy.recorder.since(mark)
    return log.where(lambda each: each.head.path.startswith(path))


def path_of(read: Exchange) -> str:
    return read.head.path.rsplit("/", 1)[1]


def writes_for(team: Team, mark: int) -> RequestLog:
    """Return what was written in a team's namespace; logins need a token each."""
    log = team.world.proxy.recorder.since(mark).writes()
    return log.where(
        lambda each: (
            f"/namespaces/{team.namespace}/" in each.head.path
            and not each.head.path.endswith(("/token", "/events"))
        )
    )


async def every_path_is_read(team: Team, mark: int) -> None:
    """Wait until it is, which takes a period if all is well."""

    async def probe() -> None:
        read = {path_of(each) for each in reads_of(team, mark)}
        assert read == set(FLEET), f"{len(read)} were read"

    await eventually(probe, within=3 * PERIOD)


def apart(one: float, other: float) -> float:
    """Return by how many seconds two moments differ within the period."""
    ahead = (one - other) % PERIOD
    return min(ahead, PERIOD - ahead)


async def has_looked_at_all(replica: Controller, count: int = len(FLEET)) -> None:
    name = "controller_runtime_reconcile_total"
    assert await replica.metric(name, controller="vaultstaticsecret") >= count


async def says_in_step(replica: Controller, value: float) -> None:
    assert await replica.metric("vso_hmac_key_in_step") == value


async def key_is(world: World, data: Mapping[str, bytes]) -> None:
    held = await world.admin.get(KEY)
    assert held is not None
    assert decoded(held) == data


async def replaced_key(world: World, value: bytes) -> dict[str, bytes]:
    """Have another key in the Secret, faster than the leader has the former there."""
    data = {"key": base64.b64encode(value).decode()}

    async def replace() -> None:
        if await world.admin.get(KEY) is not None:
            await world.admin.delete(KEY)
        try:
            await world.admin.create(KEY | {"data": data})
        except Refused as error:
            raise AssertionError("the leader was faster") from error

    await eventually(replace, within=PATIENCE, pause=0)
    return {"key": value}


async def mend_key(world: World) -> dict[str, bytes]:
    """Delete the key when somebody has complained of it; return what it was."""

    async def complained() -> None:
        logs = [each.read_text() for each in world.folder.glob("controller-*.log")]
        assert any("has no 'key' of 16 bytes" in each for each in logs)

    await eventually(complained, within=PATIENCE)
    await asyncio.sleep(1)  # time to do what must not be done
    held = decoded(await found(world, KEY))
    await world.admin.delete(KEY)
    return held


async def mac_of(team: Team, name: str) -> str | None:
    resource = await found(team.world, team.named("VaultStaticSecret", name))
    mac: str | None = resource["status"].get("secretMAC")
    return mac


def upstreams_mac(secret: Manifest, key: bytes) -> str:
    """Return the MAC of a Secret's data, worked out without the product."""
    ordered = dict(sorted(secret["data"].items()))
    message = json.dumps(ordered, separators=(",", ":")).encode()
    return base64.b64encode(hmac.digest(key, message, hashlib.sha256)).decode()


async def everything_of(team: Team) -> list[Manifest]:
    admin = team.world.admin
    group = "secrets.hashicorp.com/v1beta1"
    return [
        *await admin.list("Secret", team.namespace),
        *await admin.list("VaultStaticSecret", team.namespace, group),
    ]


async def found(world: World, manifest: Manifest) -> Manifest:
    held = await world.admin.get(manifest)
    assert held is not None
    return held
