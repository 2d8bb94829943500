"""The kube layer against API servers: the embedded one, and a real one.

The real one runs where `KUBEBUILDER_ASSETS` names its programs.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from functools import partial

import msgspec
import pytest
import pytest_asyncio

from devcluster.cluster import DevCluster
from tests.support.conditions import eventually
from tests.support.controlplane import ControlPlane, assets_from_environment
from tests.support.kubesite import (
    DIGEST_KEY,
    NAMESPACES,
    PATIENCE,
    WIDGETS,
    Cluster,
    Site,
    site_on,
    unique,
)
from vso_controller.foundation.clock import SystemClock
from vso_controller.foundation.digest import digest_of, digest_with
from vso_controller.foundation.events import EventKind, EventSubject, subject_of
from vso_controller.foundation.leases import LeaseChanged, LeaseRecord
from vso_controller.foundation.listwatch import EventType
from vso_controller.foundation.objects import (
    NewSecret,
    ObjectKey,
    ObservedSecret,
    OwnerReference,
    ResourceType,
    SecretPatch,
)
from vso_controller.foundation.secret import Secret
from vso_controller.kube.calls import Call, Target, Verb
from vso_controller.kube.decoding import EnvelopeDecoder, SecretDecoder
from vso_controller.kube.errors import (
    AlreadyExists,
    Conflict,
    Expired,
    Forbidden,
    NamespaceTerminating,
    NotFound,
    Unauthorized,
    Unprocessable,
)
from vso_controller.kube.events import EVENTS, EventRecorder
from vso_controller.kube.leases import Lease
from vso_controller.kube.listwatch import ResourceListWatch
from vso_controller.kube.secrets import SECRETS, Secrets
from vso_controller.kube.session import open_session
from vso_controller.kube.status import StatusWriter
from vso_controller.kube.tokens import ServiceAccountTokens

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(90)]


def embedded() -> AbstractAsyncContextManager[Cluster]:
    return DevCluster.start()


def real() -> AbstractAsyncContextManager[Cluster]:
    assets = assets_from_environment()
    if assets is None:
        pytest.skip("KUBEBUILDER_ASSETS is not set")
    return ControlPlane.start(assets)


Start = Callable[[], AbstractAsyncContextManager[Cluster]]


@pytest.fixture(
    scope="module", params=[embedded, real], ids=["devcluster", "kube-apiserver"]
)
def start(request: pytest.FixtureRequest) -> Start:
    chosen: Start = request.param
    return chosen


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(
    start: Start, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    async with start() as cluster, site_on(cluster, folder) as running:
        yield running


def new_secret(**data: bytes) -> NewSecret:
    return NewSecret(
        key=ObjectKey("default", unique()),
        type="Opaque",
        data=Secret(data),
        labels={"a": "b", "keep": "it"},
        annotations={"c": "d"},
    )


def digest(**data: bytes) -> bytes:
    return digest_of(data, DIGEST_KEY.reveal())


async def test_list_brings_what_was_created_as_it_was_printed(site: Site) -> None:
    created = await site.create_widget("listed")

    # A server may answer "0" from before, until it was asked for a version.
    for version in ("", created.resource_version, "0"):
        page = await site.widgets("test=listed").list_page(
            resource_version=version, continue_token=""
        )

        assert page.items == (created,)
        assert page.continue_token == ""
    assert created.spec == b'{"size":1.5}'
    assert created.generation == 1


async def test_list_goes_on_from_page_to_page(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vso_controller.kube.listwatch.PAGE_SIZE", 2)
    created = {(await site.create_widget("paged")).key for _ in range(5)}
    listwatch = site.widgets("test=paged")

    pages = [await listwatch.list_page(resource_version="", continue_token="")]
    while token := pages[-1].continue_token:
        pages.append(
            await listwatch.list_page(
                resource_version=pages[0].resource_version, continue_token=token
            )
        )

    assert [len(page.items) for page in pages] == [2, 2, 1]
    assert {item.key for page in pages for item in page.items} == created
    assert len({page.resource_version for page in pages}) == 1


async def test_watch_tells_every_change_from_the_version_on(site: Site) -> None:
    listwatch = site.widgets("test=watched")
    page = await listwatch.list_page(resource_version="", continue_token="")

    watch = listwatch.watch(resource_version=page.resource_version, timeout=PATIENCE)
    async with watch as events:
        created = await site.create_widget("watched")
        written = await StatusWriter(session=site.session).write(
            WIDGETS, created, {"phase": "Ready"}
        )
        await site.delete(WIDGETS, created.key)
        seen = [await anext(events) for _ in range(3)]

    assert [event.type for event in seen] == [
        EventType.ADDED,
        EventType.MODIFIED,
        EventType.DELETED,
    ]
    assert [event.item for event in seen[:2]] == [created, written]


async def test_watch_ends_when_it_was_asked_to(site: Site) -> None:
    listwatch = site.widgets("test=nothing")

    async with listwatch.watch(resource_version="", timeout=1) as events:
        kinds = {event.type async for event in events}

    assert kinds <= {EventType.BOOKMARK}


async def test_watch_from_a_forgotten_version_has_expired(site: Site) -> None:
    if not isinstance(site.cluster, DevCluster):
        pytest.skip("a real server keeps its watch cache until it is restarted")
    old = await site.create_widget("expired")
    await site.create_widget("expired")
    site.cluster.compact()

    watch = site.widgets().watch(resource_version=old.resource_version, timeout=5)
    with pytest.raises(Expired):
        async with watch as events:
            await anext(events)


async def test_kind_that_is_not_served_is_gone(site: Site) -> None:
    gadgets = ResourceListWatch(
        session=site.session,
        resource=ResourceType("ex.io", "v1", "gadgets", "Gadget"),
        decoder=EnvelopeDecoder(),
    )

    with pytest.raises(NotFound):
        await gadgets.list_page(resource_version="", continue_token="")


async def test_status_is_written_on_the_version_that_was_seen(site: Site) -> None:
    writer = StatusWriter(session=site.session)
    created = await site.create_widget()

    first = await writer.write(WIDGETS, created, {"phase": "New", "error": "x"})
    second = await writer.write(WIDGETS, first, {"phase": "Ready", "error": None})

    assert second.status == b'{"phase":"Ready"}'
    assert second.generation == created.generation
    with pytest.raises(Conflict):
        await writer.write(WIDGETS, first, {"phase": "Stale"})
    assert await writer.current(WIDGETS, created.key) == second
    assert await writer.current(WIDGETS, ObjectKey("default", unique())) is None


async def test_secret_is_created_once_and_read_by_its_digest(site: Site) -> None:
    wanted = new_secret(user=b"admin", empty=b"", raw=bytes(range(256)))

    created = await site.secrets.create(wanted)

    assert created.digest == digest(user=b"admin", empty=b"", raw=bytes(range(256)))
    assert await site.secrets.read(wanted.key) == created
    assert (await site.secrets.read_data(wanted.key)) == wanted.data
    with pytest.raises(AlreadyExists):
        await site.secrets.create(wanted)


async def test_patch_changes_what_it_names_and_nothing_else(site: Site) -> None:
    owner = await site.create_widget()
    created = await site.secrets.create(new_secret(old=b"1", same=b"2"))
    reference = OwnerReference(
        WIDGETS.api_version, WIDGETS.kind, owner.key.name, owner.uid
    )
    patch = SecretPatch(
        key=created.key,
        uid=created.uid,
        resource_version=created.resource_version,
        data=Secret({"new": b"3"}),
        removed_keys=frozenset({"old"}),
        labels={"a": None, "e": "f"},
        owners=(reference,),
    )

    patched = await site.secrets.patch(patch)

    assert patched.digest == digest(same=b"2", new=b"3")
    assert patched.labels == {"keep": "it", "e": "f"}
    assert patched.annotations == {"c": "d"}
    assert patched.owners == (reference,)
    with pytest.raises(Conflict):
        await site.secrets.patch(patch)


async def test_patch_of_a_secret_that_was_made_anew_is_refused(site: Site) -> None:
    wanted = new_secret(a=b"1")
    first = await site.secrets.create(wanted)
    await site.secrets.delete(
        wanted.key, uid=first.uid, resource_version=first.resource_version
    )
    await site.secrets.create(wanted)

    with pytest.raises(Conflict):
        await site.secrets.patch(
            SecretPatch(
                key=first.key, uid=first.uid, resource_version=first.resource_version
            )
        )


async def test_only_the_secret_that_was_observed_is_deleted(site: Site) -> None:
    created = await site.secrets.create(new_secret(a=b"1"))
    remove = site.secrets.delete
    version = created.resource_version

    with pytest.raises(Conflict):
        await remove(created.key, uid="another", resource_version=version)
    with pytest.raises(Conflict):
        await remove(created.key, uid=created.uid, resource_version="1")
    assert await remove(created.key, uid=created.uid, resource_version=version) is None
    with pytest.raises(NotFound):
        await remove(created.key, uid=created.uid, resource_version=version)

    assert await site.secrets.read(created.key) is None


async def test_secret_that_a_finalizer_holds_is_left_as_it_is_then(site: Site) -> None:
    document = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": unique(), "finalizers": ["ex.io/stays"]},
    }
    created = await site.create(SECRETS, "default", document)

    left = await site.secrets.delete(
        created.key, uid=created.uid, resource_version=created.resource_version
    )

    assert left is not None
    assert left.deleting
    assert left == await site.secrets.read(created.key)


async def test_refused_secret_is_explained_without_its_values(site: Site) -> None:
    impossible = replace(new_secret(), data=Secret({"no/key": b"canary"}))

    with pytest.raises(Unprocessable, match="no/key") as refused:
        await site.secrets.create(impossible)

    assert "canary" not in str(refused.value)
    assert "Y2FuYXJ5" not in str(refused.value)


async def test_namespace_that_terminates_takes_no_secret(site: Site) -> None:
    namespace = unique()
    metadata = {"name": "stays", "finalizers": ["ex.io/stays"]}
    await site.create(NAMESPACES, "", {"metadata": {"name": namespace}})
    await site.create(
        WIDGETS,
        namespace,
        {"apiVersion": WIDGETS.api_version, "kind": "Widget", "metadata": metadata},
    )
    await site.delete(NAMESPACES, ObjectKey("", namespace))

    with pytest.raises(NamespaceTerminating):
        await site.secrets.create(
            replace(new_secret(), key=ObjectKey(namespace, "late"))
        )


async def test_secrets_are_listed_by_their_labels(site: Site) -> None:
    label = unique()
    wanted = replace(new_secret(a=b"1"), labels={"test": label})
    created = await site.secrets.create(wanted)
    listwatch = ResourceListWatch[ObservedSecret](
        session=site.session,
        resource=SECRETS,
        decoder=SecretDecoder(digest=digest_with(DIGEST_KEY)),
        label_selector=f"test={label}",
    )

    page = await listwatch.list_page(resource_version="", continue_token="")

    assert page.items == (created,)


async def test_event_is_written_and_counted(site: Site) -> None:
    about = subject_of(WIDGETS, await site.create_widget())
    recorder = EventRecorder(session=site.session, clock=SystemClock())
    for _ in range(3):
        recorder.record(
            about, kind=EventKind.WARNING, reason="Tested", message="all well"
        )

    async with asyncio.TaskGroup() as group:
        sending = group.create_task(recorder.run())
        await eventually(partial(told_times, site, about, 3), within=PATIENCE)
        sending.cancel()

    assert recorder.dropped == 0


async def told_times(site: Site, about: EventSubject, times: int) -> None:
    call = Call(
        verb=Verb.LIST,
        target=Target(EVENTS, about.key.namespace),
        repeatable=True,
        query={"fieldSelector": f"involvedObject.uid={about.uid}"},
    )
    events = msgspec.json.decode(await site.session.request(call))["items"]
    assert [event["count"] for event in events] == [times]
    assert events[0]["source"] == {"component": "Widget"}


async def test_token_of_a_service_account_opens_what_its_rights_do(
    site: Site,
) -> None:
    account = ObjectKey("default", "default")
    token = await ServiceAccountTokens(session=site.session).request_token(
        account, audiences=[], expiration_seconds=600
    )
    settings = await site.settings(token.reveal())

    async with open_session(settings=settings) as session:
        mine = Secrets(
            session=session, decoder=SecretDecoder(digest=digest_with(DIGEST_KEY))
        )
        with pytest.raises(Forbidden, match="get secrets default/any: 403"):
            await mine.read(ObjectKey("default", "any"))


async def test_unknown_token_is_unauthorized(site: Site) -> None:
    settings = await site.settings("nobody")

    async with open_session(settings=settings) as session:
        with pytest.raises(Unauthorized):
            await session.request(
                Call(verb=Verb.LIST, target=Target(SECRETS), repeatable=True)
            )


async def test_lease_is_created_once_and_updated_on_its_version(site: Site) -> None:
    lease = Lease(session=site.session, key=ObjectKey("default", unique()))
    record = LeaseRecord(
        holder="me",
        duration=15.0,
        acquired=1_750_000_000.25,
        renewed=1_750_000_000.25,
        transitions=0,
    )

    assert await lease.read() is None
    created = await lease.create(record)
    with pytest.raises(AlreadyExists):
        await lease.create(record)
    updated = await lease.update(replace(created, renewed=1_750_000_002.5))
    with pytest.raises(LeaseChanged):
        await lease.update(replace(created, holder="another"))
    released = await lease.update(replace(updated, holder=""))

    assert created == replace(record, resource_version=created.resource_version)
    assert updated.renewed == 1_750_000_002.5
    assert await lease.read() == released
    assert released.holder == ""
