"""Stores that follow the API server that CLUSTER names."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
)
from dataclasses import dataclass
from random import Random

import pytest
import pytest_asyncio

from tests.contract.rows import embedded_only
from tests.e2e.clusters import Cluster
from tests.support.conditions import eventually
from tests.support.kubesite import NAMESPACES, PATIENCE, WIDGETS, Site, site_on, unique
from vso_controller.foundation.clock import SystemClock
from vso_controller.foundation.errors import Transient
from vso_controller.foundation.listwatch import (
    EVERYWHERE,
    Page,
    VersionTooLarge,
    WatchEvent,
)
from vso_controller.foundation.objects import Envelope
from vso_controller.kube.status import StatusWriter
from vso_controller.runtime.ports import ListWatch
from vso_controller.runtime.reflector import Reflector, ReflectorTiming
from vso_controller.runtime.store import Store

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(90)]

Change = tuple[Envelope | None, Envelope | None]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(
    cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    async with site_on(cluster, tmp_path_factory.mktemp("site")) as running:
        yield running


def reflector(
    source: ListWatch[Envelope], store: Store[Envelope], scope: str = EVERYWHERE
) -> Reflector[Envelope]:
    return Reflector(
        name="widgets",
        source=source,
        store=store,
        scope=scope,
        clock=SystemClock(),
        random=Random(7),  # noqa: S311 - jitter, not cryptography
        timing=ReflectorTiming(),
    )


@asynccontextmanager
async def following(*reflectors: Reflector[Envelope]) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group, AsyncExitStack() as stack:
        for each in reflectors:
            stack.callback(group.create_task(each.run()).cancel)
        yield


async def holds(store: Store[Envelope], *expected: Envelope) -> None:
    async def so() -> None:
        assert set(map(identity, store.values())) == set(map(identity, expected))

    await eventually(so, within=PATIENCE)


def identity(item: Envelope) -> tuple[str, str]:
    return item.uid, item.resource_version


async def test_store_follows_the_server(site: Site) -> None:
    label, store = unique(), Store[Envelope]()
    goes, changes = [await site.create_widget(label) for _ in range(2)]

    async with following(reflector(site.widgets(f"test={label}"), store)):
        await holds(store, goes, changes)
        comes = await site.create_widget(label)
        await site.delete(WIDGETS, goes.key)
        changed = await StatusWriter(session=site.session).write(
            WIDGETS, changes, {"phase": "Ready"}
        )

        await holds(store, changed, comes)


@dataclass(frozen=True, slots=True)
class WithoutPages:
    """A source from which a store can be filled by initial events alone."""

    source: ListWatch[Envelope]

    async def list_page(
        self, *, resource_version: str, continue_token: str
    ) -> Page[Envelope]:
        raise Transient("no pages today")

    def watch(
        self, *, resource_version: str, timeout: float, initial_events: bool = False
    ) -> AbstractAsyncContextManager[AsyncIterator[WatchEvent[Envelope]]]:
        return self.source.watch(
            resource_version=resource_version,
            timeout=timeout,
            initial_events=initial_events,
        )


@embedded_only("Kubernetes 1.20 does not know sendInitialEvents")
async def test_initial_events_fill_a_store_without_a_page_on_devcluster(
    site: Site,
) -> None:
    label, store = unique(), Store[Envelope]()
    first = await site.create_widget(label)
    source = WithoutPages(site.widgets(f"test={label}"))

    async with following(reflector(source, store)):
        await holds(store, first)
        second = await site.create_widget(label)

        await holds(store, first, second)


async def test_version_the_server_has_not_come_to_is_told_apart(
    site: Site,
) -> None:
    made = await site.create_widget()
    ahead = str(int(made.resource_version) + 1_000_000)

    with pytest.raises(VersionTooLarge) as told:
        await site.widgets().list_page(resource_version=ahead, continue_token="")

    assert told.value.retry_after >= 1


async def test_object_made_again_under_its_name_is_another_one(
    site: Site,
) -> None:
    label, store = unique(), Store[Envelope]()
    first = await site.create_widget(label)
    source = site.widgets(f"test={label}")
    async with following(reflector(source, store)):
        await holds(store, first)
    heard: list[Change] = []
    store.add_handler(lambda old, new: heard.append((old, new)))

    await site.delete(WIDGETS, first.key)  # and nobody watches
    second = await site.create_widget(label, name=first.key.name)
    async with following(reflector(source, store)):
        await holds(store, second)

    assert first.uid != second.uid
    assert heard == [(first, None), (None, second)]


async def test_namespaces_that_were_named_feed_one_store(site: Site) -> None:
    label, names = unique(), [unique() for _ in range(3)]
    for name in names:
        await site.create(NAMESPACES, "", {"metadata": {"name": name}})
    one, other, _ = [await site.create_widget(label, namespace=name) for name in names]
    watched = names[:2]
    store: Store[Envelope] = Store(scopes=watched)

    async with following(
        *(
            reflector(site.widgets(f"test={label}", name), store, name)
            for name in watched
        )
    ):
        await store.wait_synced()
        await holds(store, one, other)
        await site.delete(WIDGETS, one.key)
        await holds(store, other)
