from __future__ import annotations

import asyncio

import pytest

from vso_controller.app.stores import OUR_SECRETS, Stores


@pytest.mark.looptime
async def test_every_store_must_be_filled_before_it_is_ready() -> None:
    stores = Stores()

    for store in (
        stores.connections,
        stores.auths,
        stores.auth_globals,
        stores.static_secrets,
        stores.dynamic_secrets,
        stores.transformations,
    ):
        assert not await synced(stores)
        store.replace([], "1")
    assert not await synced(stores)
    stores.secrets.replace([], "1")

    assert await synced(stores)


async def synced(stores: Stores) -> bool:
    try:
        async with asyncio.timeout(1):
            await stores.wait_synced()
    except TimeoutError:
        return False
    return True


def test_secrets_are_watched_by_the_labels_that_upstream_sets() -> None:
    assert OUR_SECRETS.split(",") == [
        "app.kubernetes.io/component=secret-sync",
        "app.kubernetes.io/managed-by=hashicorp-vso",
        "app.kubernetes.io/name=vault-secrets-operator",
    ]
