from __future__ import annotations

import pytest

from tests.unit.kube.servers import ScriptedServer
from tests.unit.kube.worlds import DIGEST_KEY, KEY, kubernetes_secret
from vso_controller.foundation.digest import digest_of, digest_with
from vso_controller.foundation.objects import NewSecret, OwnerReference, SecretPatch
from vso_controller.foundation.secret import Secret
from vso_controller.kube.decoding import SecretDecoder
from vso_controller.kube.errors import (
    AlreadyExists,
    Conflict,
    NotFound,
    UnreadableAnswer,
)
from vso_controller.kube.secrets import Secrets
from vso_controller.kube.session import ApiSession

STORED = kubernetes_secret({"password": "Y2FuYXJ5"}, version="8")
OWNER = OwnerReference("ex.io/v1", "Widget", "till", "uid-till")
OWNER_DOCUMENT = {
    "apiVersion": "ex.io/v1",
    "kind": "Widget",
    "name": "till",
    "uid": "uid-till",
}
UNCHANGED = SecretPatch(key=KEY, uid="uid-secret", resource_version="7")
FENCE = {"uid": "uid-secret", "resourceVersion": "7"}
PATH = "/api/v1/namespaces/shop/secrets/till"


@pytest.fixture
def secrets(session: ApiSession) -> Secrets:
    return Secrets(
        session=session, decoder=SecretDecoder(digest=digest_with(DIGEST_KEY))
    )


async def test_read_tells_all_but_the_values(
    server: ScriptedServer, secrets: Secrets
) -> None:
    server.answer(STORED)

    seen = await secrets.read(KEY)

    assert seen is not None
    assert seen.digest == digest_of({"password": b"canary"}, DIGEST_KEY.reveal())
    assert server.seen[0].path == PATH


async def test_missing_secret_is_none(server: ScriptedServer, secrets: Secrets) -> None:
    server.refuse(404, "NotFound")

    assert await secrets.read(KEY) is None


async def test_values_are_read_on_demand(
    server: ScriptedServer, secrets: Secrets
) -> None:
    server.answer(STORED)

    assert (await secrets.read_data(KEY)).reveal() == {"password": b"canary"}


async def test_values_of_a_missing_secret_are_not_found(
    server: ScriptedServer, secrets: Secrets
) -> None:
    server.refuse(404, "NotFound")

    with pytest.raises(NotFound):
        await secrets.read_data(KEY)


async def test_created_secret_is_written_whole(
    server: ScriptedServer, secrets: Secrets
) -> None:
    server.answer(STORED, status=201)
    wanted = NewSecret(
        key=KEY,
        type="example.com/login",
        data=Secret({"password": b"canary", "empty": b""}),
        labels={"a": "b"},
        annotations={"c": "d"},
        owners=(OWNER,),
    )

    created = await secrets.create(wanted)

    assert created.resource_version == "8"
    assert server.seen[0].path == "/api/v1/namespaces/shop/secrets"
    assert server.seen[0].document == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "till",
            "namespace": "shop",
            "labels": {"a": "b"},
            "annotations": {"c": "d"},
            "ownerReferences": [OWNER_DOCUMENT],
        },
        "type": "example.com/login",
        "data": {"password": "Y2FuYXJ5", "empty": ""},
    }


async def test_secret_is_made_immutable_where_that_is_wanted(
    server: ScriptedServer, secrets: Secrets
) -> None:
    server.answer(STORED, status=201)
    data = Secret({"key": b"canary"})

    await secrets.create(NewSecret(key=KEY, type="Opaque", data=data, immutable=True))

    document = server.seen[0].document
    assert isinstance(document, dict)
    assert document["immutable"] is True


async def test_taken_name_is_told(server: ScriptedServer, secrets: Secrets) -> None:
    server.refuse(409, "AlreadyExists", 'secrets "till" already exists')

    with pytest.raises(AlreadyExists):
        await secrets.create(NewSecret(key=KEY, type="Opaque", data=Secret({})))


async def test_patch_says_what_changes_and_on_which_version(
    server: ScriptedServer, secrets: Secrets
) -> None:
    server.answer(STORED)
    patch = SecretPatch(
        key=KEY,
        uid="uid-secret",
        resource_version="7",
        data=Secret({"password": b"canary"}),
        removed_keys=frozenset({"old"}),
        labels={"a": "b", "gone": None},
        annotations={"c": None},
        owners=(OWNER,),
    )

    patched = await secrets.patch(patch)

    assert patched.resource_version == "8"
    assert server.seen[0].headers["Content-Type"] == "application/merge-patch+json"
    assert server.seen[0].document == {
        "metadata": {
            **FENCE,
            "labels": {"a": "b", "gone": None},
            "annotations": {"c": None},
            "ownerReferences": [OWNER_DOCUMENT],
        },
        "data": {"password": "Y2FuYXJ5", "old": None},
    }


async def test_owner_reference_of_others_is_written_back_as_it_was_read(
    server: ScriptedServer, secrets: Secrets
) -> None:
    theirs = {
        **OWNER_DOCUMENT,
        "uid": "uid-theirs",
        "controller": True,
        "blockOwnerDeletion": False,
    }
    metadata = {"name": "till", "namespace": "shop", "resourceVersion": "7"}
    server.answer({"metadata": metadata | {"ownerReferences": [theirs]}})
    server.answer(STORED)
    observed = await secrets.read(KEY)
    assert observed is not None

    await secrets.patch(
        SecretPatch(
            key=KEY,
            uid="uid-secret",
            resource_version="7",
            owners=(*observed.owners, OWNER),
        )
    )

    assert server.seen[1].document == {
        "metadata": {**FENCE, "ownerReferences": [theirs, OWNER_DOCUMENT]}
    }


async def test_patch_leaves_alone_what_it_does_not_name(
    server: ScriptedServer, secrets: Secrets
) -> None:
    server.answer(STORED)

    await secrets.patch(UNCHANGED)

    assert server.seen[0].document == {"metadata": FENCE}


async def test_patch_of_another_version_is_a_conflict(
    server: ScriptedServer, secrets: Secrets
) -> None:
    server.refuse(409, "Conflict", "the object has been modified")

    with pytest.raises(Conflict):
        await secrets.patch(UNCHANGED)


async def test_deletion_is_of_what_was_observed(
    server: ScriptedServer, secrets: Secrets
) -> None:
    server.answer({"kind": "Status", "metadata": {}, "status": "Success"})

    left = await secrets.delete(KEY, uid="uid-secret", resource_version="7")

    assert left is None
    assert (server.seen[0].method, server.seen[0].path) == ("DELETE", PATH)
    assert server.seen[0].document == {"preconditions": FENCE}


async def test_secret_that_a_finalizer_holds_is_still_there(
    server: ScriptedServer, secrets: Secrets
) -> None:
    server.answer(
        kubernetes_secret({}, version="8", deletionTimestamp="2025-06-15T15:06:40Z")
    )

    left = await secrets.delete(KEY, uid="uid-secret", resource_version="7")

    assert left is not None
    assert (left.resource_version, left.deleting) == ("8", True)


async def test_deleted_secret_may_be_shown_once_more(
    server: ScriptedServer, secrets: Secrets
) -> None:
    server.answer(kubernetes_secret({}, version="8"))

    assert await secrets.delete(KEY, uid="uid-secret", resource_version="7") is None


async def test_deletion_of_what_is_gone_is_told(
    server: ScriptedServer, secrets: Secrets
) -> None:
    server.refuse(404, "NotFound")

    with pytest.raises(NotFound):
        await secrets.delete(KEY, uid="uid-secret", resource_version="7")


@pytest.mark.parametrize("answer", [b"<html>", b"", {}], ids=["page", "empty", "void"])
async def test_answer_that_is_no_answer_to_a_deletion_is_not_believed(
    server: ScriptedServer, secrets: Secrets, answer: object
) -> None:
    server.answer(answer)

    with pytest.raises(UnreadableAnswer):
        await secrets.delete(KEY, uid="uid-secret", resource_version="7")


async def test_deletion_of_another_secret_is_a_conflict(
    server: ScriptedServer, secrets: Secrets
) -> None:
    server.refuse(409, "Conflict", "the UID in the precondition does not match")

    with pytest.raises(Conflict):
        await secrets.delete(KEY, uid="uid-other", resource_version="7")
