"""Stories of things gone wrong: a condition that says so, nothing lost, and back.

In each one the cause is taken away in the end, and the resource recovers by
itself.
"""

from __future__ import annotations

import pytest

from tests.e2e.admin import decoded
from tests.e2e.team import PATIENCE, Team
from tests.e2e.world import ANY_TEAM, World
from tests.support.conditions import eventually
from tests.support.openbao import OpenBao
from tests.support.openbao_auth import KubernetesAuth
from tests.support.openbao_kv import KeyValue
from tests.support.processes import free_port
from tests.support.tls import LOOPBACK

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(60)]


async def test_missing_auth_is_told_and_found(team: Team) -> None:
    await team.put(password="s3cret")
    await team.sync(vaultAuthRef="later")

    message = await team.wait_condition("False", "VaultAuthNotFound")
    assert f"VaultAuth {team.namespace}/later" in message
    await team.sync(vaultAuthRef="auth")

    await team.wait_ready()


async def test_missing_connection_is_told_and_found(team: Team) -> None:
    await team.put(password="s3cret")
    await team.authenticate(vaultConnectionRef="later")
    await team.sync()

    await team.wait_condition("False", "VaultConnectionNotFound")
    await team.wait_condition(
        "False", "VaultConnectionNotFound", kind="VaultAuth", name="auth"
    )
    await team.connect("later")

    await team.wait_ready()


async def test_auth_of_another_namespace_must_admit_us(team: Team) -> None:
    owner = await team.world.team()
    await team.put(password="s3cret")
    await team.sync(vaultAuthRef=f"{owner.namespace}/auth")

    message = await team.wait_condition("False", "VaultAuthNotAllowed")
    assert team.namespace in message
    await owner.authenticate(allowedNamespaces=[team.namespace])

    await team.wait_ready()
    await owner.remove()


async def test_unreachable_server_is_told_and_found(team: Team) -> None:
    await team.put(password="s3cret")
    await team.connect(address=f"https://{LOOPBACK}:{free_port()}")
    await team.sync()

    await team.wait_condition("False", "VaultUnreachable")
    await team.wait_condition(
        "False", "VaultUnreachable", kind="VaultConnection", name="vault"
    )
    await team.connect()

    await team.wait_ready()


async def test_unknown_ca_is_told_and_mended(team: Team) -> None:
    await team.put(password="s3cret")
    async with OpenBao.start(tls=True) as stranger:
        await team.trust(stranger)
    await team.connect(headers={"x-made": "anew"})
    await team.sync()

    await team.wait_condition("False", "VaultTLSFailed")
    await team.trust(team.world.bao)

    await team.wait_ready()


async def test_missing_ca_secret_is_told_and_found(team: Team) -> None:
    await team.put(password="s3cret")
    await team.connect(caCertSecretRef="later")
    await team.sync()

    await team.wait_condition("False", "CACertificateUnavailable")
    await team.trust(team.world.bao, secret="later")

    await team.wait_ready()


async def test_sealed_vault_is_told_and_the_secret_stays(
    world: World, team: Team
) -> None:
    async with OpenBao.start(tls=True) as bao:
        auth = await KubernetesAuth.enable(
            bao.root,
            host=world.cluster.url,
            ca_pem=world.cluster.ca_pem,
            reviewer_token=await world.reviewer_token(),
        )
        kv = await KeyValue.enable(bao.root, "secret")
        await bao.root.put_policy(
            "app-policy", 'path "secret/data/*" { capabilities = ["read"] }'
        )
        await auth.put_role("app-role", **ANY_TEAM)
        await kv.put(f"{team.namespace}/app", {"password": "s3cret"})
        await team.trust(bao)
        await team.connect(address=bao.address)
        await team.sync()
        await team.wait_ready()

        await bao.seal()
        await team.wait_condition("False", "Unhealthy", condition="Healthy")
        await team.wait_condition(
            "False", "VaultSealed", kind="VaultConnection", name="vault"
        )
        healthy = await team.condition("VaultConnection", "vault", "Healthy")
        assert healthy is not None
        assert healthy["status"] == "True", "a sealed Vault answers"
        ready = await team.condition("VaultStaticSecret", "app", "Ready")
        assert ready is not None
        assert ready["status"] == "True", "what Vault last said is fresh enough"
        await team.sync("new", path=f"{team.namespace}/app")
        await team.wait_condition("False", "VaultSealed", name="new")
        await team.wait_value("password", b"s3cret")

        await bao.unseal()
        await team.wait_condition("True", "Healthy", condition="Healthy")
        await team.wait_ready("new")
        await team.end()  # while its Vault is there


async def test_wrong_role_is_told_and_mended(team: Team) -> None:
    role = f"role-of-{team.namespace}"
    await team.put(password="s3cret")
    await team.authenticate(
        kubernetes={"role": role, "serviceAccount": "app-sa", "audiences": ["vault"]}
    )
    await team.sync()

    await team.wait_condition("False", "VaultLoginFailed")
    await team.world.auth.put_role(role, **ANY_TEAM)

    await team.wait_condition("True", "Ready", within=30)


async def test_missing_service_account_is_told_and_found(team: Team) -> None:
    await team.put(password="s3cret")
    await team.authenticate(
        kubernetes={
            "role": "app-role",
            "serviceAccount": "later",
            "audiences": ["vault"],
        }
    )
    await team.sync()

    message = await team.wait_condition("False", "ServiceAccountNotFound")
    assert f"{team.namespace}/later" in message
    role = {**ANY_TEAM, "service_accounts": ["app-sa", "later"]}
    await team.world.auth.put_role("app-role", **role)
    await team.world.admin.create(team.named("ServiceAccount", "later"))

    await team.wait_condition("True", "Ready", within=30)


async def test_missing_path_is_told_and_found(team: Team) -> None:
    await team.sync()

    message = await team.wait_condition("False", "VaultPathNotFound")
    assert f"secret/data/{team.namespace}/app" in message
    assert await team.secret() is None
    await team.put(password="s3cret")

    await team.wait_ready()


async def test_denied_path_is_told(team: Team) -> None:
    await team.sync(mount="sys", path="mounts", type="kv-v1")

    message = await team.wait_condition("False", "VaultPermissionDenied")
    assert "sys/mounts" in message
    await team.put(password="s3cret")
    await team.sync()

    await team.wait_ready()


async def test_deleted_version_keeps_the_last_value(team: Team) -> None:
    await team.put(password="s3cret")
    await team.sync()
    await team.wait_ready()

    await team.world.kv.delete(f"{team.namespace}/app")
    await team.wait_condition("False", "Unhealthy", condition="Healthy")
    await team.wait_value("password", b"s3cret")
    await team.put(password="n3w")

    await team.wait_value("password", b"n3w")
    await team.wait_condition("True", "Healthy", condition="Healthy")


async def test_secret_of_somebody_else_is_left_alone(team: Team) -> None:
    await team.put(password="s3cret")
    foreign = team.named("Secret", "app-secret") | {"data": {"theirs": "eWVz"}}
    foreign = await team.world.admin.create(foreign)
    await team.sync()

    message = await team.wait_condition("False", "DestinationNotOwned")
    assert f"{team.namespace}/app-secret" in message
    untouched = await team.secret()
    assert untouched == foreign
    await team.world.admin.delete(foreign)

    await team.wait_ready()


async def test_two_resources_do_not_fight_over_one_secret(team: Team) -> None:
    await team.put("one", password="first")
    await team.put("two", password="second")
    await team.sync("one", destination={"name": "shared"})
    await team.wait_ready("one")

    await team.sync("two", destination={"name": "shared"})
    await team.wait_condition("False", "DestinationNotOwned", name="two")

    await team.wait_value("password", b"first", name="shared")


async def test_missing_destination_is_told_and_found(team: Team) -> None:
    await team.put(password="s3cret")
    await team.sync(destination={"create": False})

    await team.wait_condition("False", "DestinationMissing")
    await team.world.admin.create(team.named("Secret", "app-secret"))

    await team.wait_value("password", b"s3cret")


async def test_path_that_leads_elsewhere_is_refused(team: Team) -> None:
    await team.sync(path="a/../../sys/mounts")

    message = await team.wait_condition("False", "InvalidSpec")
    assert message.startswith("spec.path")


async def test_unsupported_feature_is_refused_by_name(team: Team) -> None:
    await team.put(password="s3cret")
    await team.sync(rolloutRestartTargets=[{"kind": "Deployment", "name": "web"}])

    message = await team.wait_condition("False", "UnsupportedFeature")
    assert "spec.rolloutRestartTargets" in message
    assert await team.secret() is None
    await team.sync(rolloutRestartTargets=None)

    await team.wait_ready()


async def test_key_that_a_secret_cannot_have_is_told(team: Team) -> None:
    await team.put(**{"a/b": "x"})
    await team.sync()

    await team.wait_condition("False", "InvalidSecretData")
    await team.put(password="s3cret")

    secret = await team.wait_value("password", b"s3cret")
    assert "a/b" not in decoded(secret)


async def test_failures_are_told_by_a_warning(team: Team) -> None:
    await team.sync()
    await team.wait_condition("False", "VaultPathNotFound")

    async def warned() -> None:
        events = await team.world.admin.list("Event", team.namespace)
        warnings = [each for each in events if each["type"] == "Warning"]
        assert [each["reason"] for each in warnings] == ["VaultClientError"]
        assert warnings[0]["message"].startswith("VaultPathNotFound: ")

    await eventually(warned, within=PATIENCE)
