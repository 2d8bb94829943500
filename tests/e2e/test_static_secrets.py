"""Stories of the main job: what is in Vault is in the Secret."""

from __future__ import annotations

import pytest

from tests.e2e.admin import decoded, manifests_in
from tests.e2e.team import PATIENCE, Team
from tests.e2e.world import OPERATOR, Controller, World
from tests.support.conditions import eventually
from tests.support.planting import ROOT
from tests.support.requestlog import to_resource

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(60)]


async def test_entry_of_kv_version_2_becomes_a_secret(team: Team) -> None:
    await team.put(username="admin", password="s3cret", port=5432)

    resource = await team.sync(
        destination={"labels": {"app": "web"}, "annotations": {"team": "db"}}
    )
    await team.wait_ready()

    secret = await team.secret()
    assert secret is not None
    data = decoded(secret)
    assert data.keys() == {"username", "password", "port", "_raw"}
    assert (data["password"], data["port"]) == (b"s3cret", b"5432")
    assert data["_raw"].startswith(b'{"data":{"password":"s3cret","port":5432,')
    assert secret["type"] == "Opaque"
    assert secret["metadata"]["labels"] == {
        "app": "web",
        "app.kubernetes.io/component": "secret-sync",
        "app.kubernetes.io/managed-by": "hashicorp-vso",
        "app.kubernetes.io/name": "vault-secrets-operator",
        "secrets.hashicorp.com/vso-ownerRefUID": resource["metadata"]["uid"],
    }
    assert secret["metadata"]["annotations"]["team"] == "db"
    assert secret["metadata"]["ownerReferences"] == [
        {
            "apiVersion": "secrets.hashicorp.com/v1beta1",
            "kind": "VaultStaticSecret",
            "name": "app",
            "uid": resource["metadata"]["uid"],
        }
    ]


async def test_entry_of_kv_version_1_becomes_a_secret(team: Team) -> None:
    await team.world.kv1.put(f"{team.namespace}/app", {"password": "0ld"})

    await team.sync(mount="legacy", type="kv-v1")

    secret = await team.wait_value("password", b"0ld")
    assert decoded(secret)["_raw"] == b'{"password":"0ld"}'


async def test_synced_resource_says_so_in_conditions_and_an_event(team: Team) -> None:
    await team.put(password="s3cret")
    await team.sync()
    await team.wait_ready()

    for kind, name, condition in (
        ("VaultStaticSecret", "app", "SecretSynced"),
        ("VaultStaticSecret", "app", "Healthy"),
        ("VaultAuth", "auth", "Ready"),
        ("VaultConnection", "vault", "Ready"),
    ):
        found = await team.condition(kind, name, condition)
        assert found is not None
        assert found["status"] == "True"
        assert found["observedGeneration"] == 1

    async def told() -> None:
        events = await team.world.admin.list("Event", team.namespace)
        reasons = {each["reason"] for each in events if each["type"] == "Normal"}
        assert {"SecretSynced", "Accepted"} <= reasons

    await eventually(told, within=PATIENCE)


async def test_changed_value_follows(team: Team) -> None:
    await team.put(password="0ld")
    await team.sync()
    await team.wait_value("password", b"0ld")

    await team.put(password="n3w", user="app")

    secret = await team.wait_value("password", b"n3w")
    assert decoded(secret)["user"] == b"app"


async def test_fixed_version_stays(team: Team) -> None:
    await team.put(password="first")
    await team.put(password="second")

    await team.sync(version=1)

    await team.wait_value("password", b"first")


async def test_idle_resource_costs_no_request_to_the_api_server(
    world: World, controller: Controller, team: Team
) -> None:
    await team.put(password="s3cret")
    await team.put("own", password="s3cret")
    await team.world.admin.create(team.named("Secret", "own-secret"))
    await team.sync()
    await team.sync("own", destination={"create": False})
    await team.wait_ready()
    await team.wait_ready("own")

    async def five_refreshes_in_silence() -> None:
        mark = world.proxy.recorder.mark()
        reads = await _vault_reads(controller, team)

        async def refreshed() -> None:
            assert await _vault_reads(controller, team) >= reads + 10

        await eventually(refreshed, within=20)
        others = (
            world.proxy.recorder.since(mark)
            .excluding(to_resource("leases"))
            .excluding(lambda exchange: exchange.head.is_watch)
        )
        assert list(others) == []

    # The Events of the sync may still be on their way.
    await eventually(five_refreshes_in_silence, within=45)


async def test_secret_edited_by_hand_is_put_back(team: Team) -> None:
    await team.put(password="s3cret")
    await team.sync(refreshAfter="1h")
    secret = await team.wait_value("password", b"s3cret")

    await team.world.admin.patch(secret, {"data": {"password": "dGFtcGVyZWQ="}})
    await team.wait_value("password", b"s3cret")
    await team.world.admin.patch(
        secret, {"metadata": {"labels": {"app.kubernetes.io/managed-by": None}}}
    )

    async def relabelled() -> None:
        found = await team.secret()
        assert found is not None
        labels = found["metadata"]["labels"]
        assert labels.get("app.kubernetes.io/managed-by") == "hashicorp-vso"

    await eventually(relabelled, within=PATIENCE)


async def test_secret_deleted_by_hand_is_made_anew(team: Team) -> None:
    await team.put(password="s3cret")
    await team.sync(refreshAfter="1h")
    secret = await team.wait_value("password", b"s3cret")

    await team.world.admin.delete(secret)

    async def renewed() -> None:
        found = await team.secret()
        assert found is not None
        assert found["metadata"]["uid"] != secret["metadata"]["uid"]

    await eventually(renewed, within=PATIENCE)


async def test_foreign_labels_survive_an_update(team: Team) -> None:
    await team.put(password="0ld")
    await team.sync()
    secret = await team.wait_value("password", b"0ld")
    await team.world.admin.patch(secret, {"metadata": {"labels": {"theirs": "yes"}}})

    await team.put(password="n3w")

    updated = await team.wait_value("password", b"n3w")
    assert updated["metadata"]["labels"]["theirs"] == "yes"


async def test_destination_type_is_changed_by_a_new_secret(team: Team) -> None:
    await team.put(password="s3cret")
    await team.sync()
    await team.wait_value("password", b"s3cret")

    await team.sync(destination={"type": "example.com/login"})

    async def retyped() -> None:
        secret = await team.secret()
        assert secret is not None
        assert secret["type"] == "example.com/login"

    await eventually(retyped, within=PATIENCE)


async def test_renamed_destination_leaves_no_orphan(team: Team) -> None:
    await team.put(password="s3cret")
    await team.sync()
    await team.wait_value("password", b"s3cret")

    await team.sync(destination={"name": "renamed"})
    await team.wait_value("password", b"s3cret", name="renamed")

    async def pruned() -> None:
        assert await team.secret("app-secret") is None

    await eventually(pruned, within=PATIENCE)


async def test_users_own_secret_is_filled_and_kept(team: Team) -> None:
    await team.put(password="s3cret")
    own = team.named("Secret", "own") | {"data": {"old": ""}}
    own["metadata"]["labels"] = {"theirs": "yes"}
    await team.world.admin.create(own)

    resource = await team.sync(destination={"name": "own", "create": False})
    secret = await team.wait_value("password", b"s3cret", name="own")
    assert secret["metadata"]["labels"] == {"theirs": "yes"}
    assert "ownerReferences" not in secret["metadata"]
    assert decoded(secret).keys() == {"password", "_raw"}
    await team.world.admin.delete(resource)

    assert await team.secret("own") is not None


async def test_secret_goes_with_its_resource(team: Team) -> None:
    await team.put(password="s3cret")
    resource = await team.sync()
    await team.wait_value("password", b"s3cret")

    await team.world.admin.delete(resource)

    async def collected() -> None:
        assert await team.secret() is None

    await eventually(collected, within=30)


@pytest.mark.usefixtures("controller")
async def test_manifests_of_the_examples_work_as_they_are(world: World) -> None:
    await world.kv.put("production/database", {"username": "admin", "password": "x"})
    await world.kv1.put("production/settings", {"theme": "dark"})
    production = Team(world, "production")
    operator = Team(world, OPERATOR)
    ca = operator.named("Secret", "vault-ca-cert")
    await world.admin.apply(ca | {"stringData": {"ca.crt": world.bao.ca_pem}})

    for manifest in manifests_in(ROOT / "examples"):
        if manifest["kind"] == "VaultConnection":
            # All that an overlay has to put in.
            manifest["spec"]["address"] = world.bao.address
        await world.admin.apply(manifest)

    for name in ("database-creds", "database-secret", "legacy-settings"):
        await production.wait_ready(name)
    await production.wait_value("username", b"admin", name="database-secret")
    await production.wait_value("username", b"admin", name="db-credentials")
    await production.wait_value("theme", b"dark", name="settings")
    await production.end()
    await operator.remove()


async def _vault_reads(controller: Controller, team: Team) -> float:
    return await controller.metric(
        "vso_client_operations_total",
        operation="read",
        vault_connection=f"{team.namespace}/vault",
    )
