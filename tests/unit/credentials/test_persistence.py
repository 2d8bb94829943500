"""What becomes of tokens when another process leads: which are used, which are not."""

from __future__ import annotations

import asyncio
import json

import pytest
from structlog.testing import capture_logs

from tests.unit.credentials.persisting import (
    ENCRYPTION,
    PATH,
    entries,
    lead_and_read,
    leading,
    log_in_and_hand_over,
    outcomes,
    put_encryption,
    read,
    world,
)
from tests.unit.reconcilers.world import (
    AUTH,
    AUTH_SPEC,
    CONNECTION,
    CONNECTION_SPEC,
    OPERATOR,
    RESOURCE,
    World,
)
from vso_controller.domain.clientcache import LABELS, PersistenceModel
from vso_controller.foundation.objects import NewSecret, ObjectKey, ObservedSecret
from vso_controller.foundation.secret import Secret
from vso_controller.kube.errors import Forbidden, ServerFailed
from vso_controller.vault.errors import PermissionDenied, ServerUnreachable
from vso_controller.vault.requests import Operation

pytestmark = pytest.mark.looptime


def content(world: World) -> bytes:
    (key,) = entries(world)
    return world.kubernetes.values[key]["secret"]


def failures(world: World, operation: str) -> float:
    value = world.metrics.registry.get_sample_value(
        "vso_client_cache_storage_requests_errors_total", {"operation": operation}
    )
    return value or 0.0


async def test_token_is_used_by_the_next_process_and_renewed_as_ever() -> None:
    made = world()
    made.vault.ttl = 600
    made = await log_in_and_hand_over(made)

    session = await made.pool.open(RESOURCE, "auth")
    await session.read(PATH)
    for _ in range(5):
        outcome = await made.pool.reconcile(session.key, 0)
        assert outcome.requeue_after is not None
        await asyncio.sleep(outcome.requeue_after)
    await session.read(PATH)

    assert made.vault.logins == 1
    assert made.vault.calls[Operation.RENEW_TOKEN] >= 4
    assert outcomes(made) == {"absent": 1, "restored": 1}


async def test_encrypted_token_is_used_by_the_next_process() -> None:
    made = await log_in_and_hand_over(world(PersistenceModel.ENCRYPTED))
    assert b"canary-token" not in content(made)
    logins = made.vault.logins

    await read(made)

    assert outcomes(made)["restored"] == 1
    assert made.vault.logins == logins + 1, "that of the encryption, whose is not kept"
    assert len(entries(made)) == 1


async def test_token_is_stored_once_and_no_renewal_writes() -> None:
    made = world()
    made.vault.ttl = 60
    async with leading(made):
        await read(made)
        await asyncio.sleep(5)
        writes = made.kubernetes.writes
        (session,) = made.pool.keys()
        for _ in range(3):
            outcome = await made.pool.reconcile(session, 0)
            await asyncio.sleep(outcome.requeue_after or 0)

    assert made.vault.calls[Operation.RENEW_TOKEN] >= 2
    assert made.kubernetes.writes == writes


@pytest.mark.parametrize("kind", ["not renewable", "held"])
async def test_token_that_no_login_brought_or_nobody_renews_is_not_stored(
    kind: str,
) -> None:
    made = world()
    if kind == "not renewable":
        made.vault.renewable = False
    else:
        made.put(made.auths, AUTH, HELD_SPEC)
        made.kubernetes.put(
            ObservedSecret(ObjectKey("apps", "held"), "uid", "1", "Opaque", b""),
            {"token": b"canary-held"},
        )
        made.vault.give("canary-held")

    await lead_and_read(made)

    assert entries(made) == []


HELD_SPEC = {
    "method": "token",
    "vaultConnectionRef": "vault",
    "token": {"secretRef": "held"},
}


async def test_token_of_a_login_that_replaces_another_takes_its_place() -> None:
    made = world()
    async with leading(made):
        await read(made)
        await asyncio.sleep(2)
        made.vault.revoke_all()
        await asyncio.sleep(120)
        await read(made)

    assert json.loads(content(made))["auth"]["client_token"] == "canary-token-2"
    assert len(entries(made)) == 1


async def test_content_that_was_changed_is_told_removed_and_not_used() -> None:
    made = await log_in_and_hand_over(world())
    (key,) = entries(made)
    made.kubernetes.edit(key, secret=content(made).replace(b"token-1", b"token-9"))

    with capture_logs() as logs:
        await lead_and_read(made)

    assert outcomes(made)["forged"] == 1
    assert [each["outcome"] for each in logs if "outcome" in each] == ["forged"]
    assert made.vault.logins == 2
    assert b"canary-token-2" in content(made), "the new one is there instead"


async def test_label_that_was_changed_is_told_removed_and_not_used() -> None:
    made = await log_in_and_hand_over(world())
    (key,) = entries(made)
    labels = {**made.kubernetes.secrets[key].labels, "provider/UID": "another"}
    made.kubernetes.relabel(key, labels)
    removed = made.kubernetes.secrets[key].uid

    await lead_and_read(made)

    assert outcomes(made)["mislabelled"] == 1
    assert made.vault.logins == 2
    assert made.kubernetes.secrets[key].uid != removed


async def test_token_that_ended_meanwhile_costs_one_login() -> None:
    made = await log_in_and_hand_over(world())
    made.vault.revoke_all()

    await lead_and_read(made)

    assert outcomes(made)["refused"] == 1
    assert made.vault.logins == 2
    assert b"canary-token-2" in content(made)


async def test_vault_that_is_away_costs_no_token() -> None:
    made = await log_in_and_hand_over(world())
    made.vault.failures[Operation.LOOKUP_TOKEN] = ServerUnreachable("no route")
    with pytest.raises(ServerUnreachable):
        await read(made)
    made.vault.failures.clear()
    await asyncio.sleep(60)

    await read(made)

    assert made.vault.logins == 1
    assert outcomes(made)["restored"] == 1


async def test_account_of_the_same_name_that_is_another_gets_no_token() -> None:
    made = await log_in_and_hand_over(world())
    made.tokens.uids["app-sa"] = "uid-of-another"

    await read(made)

    assert made.vault.logins == 2
    assert outcomes(made) == {"absent": 2}


async def test_secret_id_that_changed_meanwhile_is_logged_in_with() -> None:
    made = world()
    made.put(made.auths, AUTH, APP_ROLE_SPEC)
    place = ObjectKey("apps", "app-id")
    made.kubernetes.put(
        ObservedSecret(place, "uid", "1", "Opaque", b""), {"id": b"canary-first"}
    )
    made = await log_in_and_hand_over(made)
    made.kubernetes.edit(place, id=b"canary-second")

    await read(made)

    assert outcomes(made)["other_login"] == 1
    assert made.vault.logins == 2


APP_ROLE_SPEC = {
    "method": "appRole",
    "mount": "approle",
    "vaultConnectionRef": "vault",
    "appRole": {"roleId": "role", "secretRef": "app-id"},
}


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (PersistenceModel.UNENCRYPTED, PersistenceModel.ENCRYPTED),
        (PersistenceModel.ENCRYPTED, PersistenceModel.UNENCRYPTED),
    ],
)
async def test_token_in_the_form_of_another_model_is_not_used(
    first: PersistenceModel, then: PersistenceModel
) -> None:
    made = await log_in_and_hand_over(world(first), then)

    await read(made)

    assert outcomes(made) == {"other_form": 1}


async def test_without_persistence_what_is_stored_is_removed() -> None:
    made = world()
    key = ObjectKey(OPERATOR, "vso-cc-storage-hmac-key")
    await made.kubernetes.create(NewSecret(key, "Opaque", Secret({"key": b"0" * 16})))
    for number in range(5):
        stray = ObjectKey(OPERATOR, f"vso-cc-{number}")
        await made.kubernetes.create(
            NewSecret(stray, "Opaque", Secret({}), labels=LABELS)
        )
    made = await log_in_and_hand_over(made, PersistenceModel.NONE)

    await lead_and_read(made)

    assert entries(made) == []
    assert key in made.kubernetes.secrets
    assert made.vault.logins == 2


@pytest.mark.parametrize("changed", ["auth", "connection"])
async def test_token_of_an_edited_identity_is_removed_while_nobody_looks(
    changed: str,
) -> None:
    made = await log_in_and_hand_over(world())
    if changed == "auth":
        made.put(made.auths, AUTH, AUTH_SPEC | {"mount": "other"})
    else:
        made.remove(made.connections, CONNECTION)

    async with leading(made):
        pass

    assert entries(made) == []


async def test_token_of_an_identity_that_nobody_uses_any_more_is_removed() -> None:
    made = world()
    async with leading(made):
        await read(made)
        await asyncio.sleep(2)
        assert len(entries(made)) == 1
        made.pool.release(RESOURCE)

    assert entries(made) == []


async def test_token_of_an_edited_identity_is_replaced_while_it_is_used() -> None:
    made = world()
    async with leading(made):
        await read(made)
        await asyncio.sleep(2)
        (before,) = entries(made)
        made.put(made.connections, CONNECTION, CONNECTION_SPEC | {"timeout": "5s"})
        await read(made)

    (after,) = entries(made)
    assert after != before


async def test_token_that_nobody_came_for_is_removed_an_hour_later() -> None:
    made = await log_in_and_hand_over(world())

    async with leading(made):
        assert len(entries(made)) == 1
        await asyncio.sleep(3700)

    assert entries(made) == []


async def test_store_that_fails_fails_nobody_and_is_made_up_for() -> None:
    made = world()
    made.kubernetes.failures["create"] = Forbidden("create secrets: no")
    async with leading(made):
        with capture_logs() as logs:
            await read(made)
            await asyncio.sleep(300)
        assert failures(made, "store") > 2
        told = [each for each in logs if each["log_level"] == "warning"]
        assert [each["event"] for each in told] == ["session_storage_failed"]
        made.kubernetes.failures.clear()
        await asyncio.sleep(120)

    assert len(entries(made)) == 1
    assert made.vault.logins == 1


async def test_entry_that_cannot_be_read_costs_a_login_and_stays() -> None:
    made = await log_in_and_hand_over(world())
    made.kubernetes.failures["read_data"] = ServerFailed("503")

    await read(made)

    assert outcomes(made)["failed"] == 1
    assert made.vault.logins == 2


@pytest.mark.parametrize("how_many", [0, 2])
async def test_encryption_that_nobody_or_several_describe_is_told(
    how_many: int,
) -> None:
    made = world(PersistenceModel.ENCRYPTED)
    if how_many == 0:
        made.remove(made.auths, ENCRYPTION)
    else:
        put_encryption(made, ObjectKey(OPERATOR, "second"))

    with capture_logs() as logs:
        await lead_and_read(made)

    (told,) = (each for each in logs if each["log_level"] == "warning")
    assert told["error_type"] == "EncryptionUnavailable"
    assert "exactly one VaultAuth of namespace vso-system" in told["error"]
    assert entries(made) == []


async def test_transit_key_that_is_denied_costs_logins_and_nothing_else() -> None:
    made = await log_in_and_hand_over(world(PersistenceModel.ENCRYPTED))
    for operation in (Operation.ENCRYPT, Operation.DECRYPT):
        made.vault.failures[operation] = PermissionDenied("permission denied")

    await lead_and_read(made)

    assert outcomes(made)["undecryptable"] == 1
    assert failures(made, "store") >= 1


async def test_slow_transit_engine_holds_nobody_up_for_long() -> None:
    made = await log_in_and_hand_over(world(PersistenceModel.ENCRYPTED))
    made.vault.delays[Operation.DECRYPT] = 60
    begun = asyncio.get_running_loop().time()

    await read(made)

    assert asyncio.get_running_loop().time() - begun == 5
    assert outcomes(made)["failed"] == 1
    assert len(entries(made)) == 1


async def test_session_that_encrypts_is_never_stored() -> None:
    made = world(PersistenceModel.ENCRYPTED)
    consumer = ObjectKey(OPERATOR, "some")

    async with leading(made):
        session = await made.pool.open(consumer, "storage")
        await session.read(PATH)

    assert entries(made) == []
