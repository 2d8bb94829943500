"""The Secrets of `tests/fakes/kubernetes.py` and real ones answer alike."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from tests.e2e.clusters import Cluster
from tests.fakes.kubernetes import DIGEST_KEY, FakeKubernetes
from tests.support.kubesite import settings_for, unique
from vso_controller.foundation.digest import digest_of, digest_with
from vso_controller.foundation.objects import NewSecret, ObjectKey, SecretPatch
from vso_controller.foundation.secret import Secret, SecretData
from vso_controller.kube.decoding import SecretDecoder
from vso_controller.kube.errors import AlreadyExists, Conflict, NotFound
from vso_controller.kube.secrets import Secrets
from vso_controller.kube.session import open_session

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(60)]

Either = Secrets | FakeKubernetes


@pytest_asyncio.fixture(params=["fake", "real"], loop_scope="session")
async def secrets(
    request: pytest.FixtureRequest, cluster: Cluster, tmp_path: Path
) -> AsyncIterator[Either]:
    if request.param == "fake":
        yield FakeKubernetes()
        return
    settings = await settings_for(cluster, cluster.admin_token, tmp_path)
    async with open_session(settings=settings) as session:
        yield Secrets(
            session=session,
            decoder=SecretDecoder(digest=digest_with(Secret(DIGEST_KEY))),
        )


def new_secret(**data: bytes) -> NewSecret:
    return NewSecret(
        key=ObjectKey("default", unique()),
        type="Opaque",
        data=SecretData(data),
        labels={"app": "web", "tier": "db"},
        annotations={"team": "db"},
    )


async def test_created_secret_is_read_as_it_was_made(secrets: Either) -> None:
    wanted = new_secret(password=b"s3cret", empty=b"")

    created = await secrets.create(wanted)

    assert await secrets.read(wanted.key) == created
    assert (created.key, created.type) == (wanted.key, "Opaque")
    assert (created.labels, created.annotations) == (wanted.labels, wanted.annotations)
    assert created.digest == digest_of(wanted.data.reveal(), DIGEST_KEY)
    assert created.data_keys == {"password", "empty"}
    assert not created.immutable
    assert not created.deleting
    assert await secrets.read_data(wanted.key) == wanted.data


async def test_name_is_taken_once(secrets: Either) -> None:
    wanted = new_secret(a=b"1")
    await secrets.create(wanted)

    with pytest.raises(AlreadyExists):
        await secrets.create(wanted)


async def test_secret_that_is_not_there_is_none_or_not_found(secrets: Either) -> None:
    missing = ObjectKey("default", unique())

    assert await secrets.read(missing) is None
    with pytest.raises(NotFound):
        await secrets.read_data(missing)
    with pytest.raises(NotFound):
        await secrets.patch(SecretPatch(missing, "uid", "1", labels={"a": "b"}))
    with pytest.raises(NotFound):
        await secrets.delete(missing, uid="uid", resource_version="1")


async def test_patch_changes_what_it_names(secrets: Either) -> None:
    before = await secrets.create(new_secret(kept=b"1", changed=b"2", dropped=b"3"))

    after = await secrets.patch(
        SecretPatch(
            before.key,
            before.uid,
            before.resource_version,
            data=SecretData({"changed": b"4", "added": b"5"}),
            removed_keys=frozenset({"dropped"}),
            labels={"tier": None, "new": "label"},
            annotations={"team": "web"},
        )
    )

    expected = {"kept": b"1", "changed": b"4", "added": b"5"}
    assert (await secrets.read_data(before.key)).reveal() == expected
    assert after.resource_version != before.resource_version
    assert after == replace(
        before,
        resource_version=after.resource_version,
        digest=digest_of(expected, DIGEST_KEY),
        data_keys=frozenset(expected),
        labels={"app": "web", "new": "label"},
        annotations={"team": "web"},
    )


async def test_write_on_a_version_that_is_past_is_refused(secrets: Either) -> None:
    first = await secrets.create(new_secret(a=b"1"))
    patch = SecretPatch(first.key, first.uid, first.resource_version, labels={"x": "y"})
    second = await secrets.patch(patch)

    with pytest.raises(Conflict):
        await secrets.patch(replace(patch, labels={"x": "z"}))
    for uid, version in (
        (first.uid, first.resource_version),
        ("another", second.resource_version),
    ):
        with pytest.raises(Conflict):
            await secrets.delete(first.key, uid=uid, resource_version=version)
    assert await secrets.read(first.key) == second


async def test_deleted_secret_is_gone(secrets: Either) -> None:
    created = await secrets.create(new_secret(a=b"1"))

    left = await secrets.delete(
        created.key, uid=created.uid, resource_version=created.resource_version
    )

    assert left is None
    assert await secrets.read(created.key) is None
