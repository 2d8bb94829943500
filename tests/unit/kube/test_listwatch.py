from __future__ import annotations

import json

import pytest

from tests.unit.kube.servers import ScriptedServer, refusal
from tests.unit.kube.worlds import WIDGETS, widget
from vso_controller.foundation.listwatch import EventType
from vso_controller.foundation.objects import Envelope, ObjectKey, ObjectVersion
from vso_controller.kube.calls import MEBIBYTE
from vso_controller.kube.decoding import (
    INITIAL_EVENTS_END,
    EnvelopeDecoder,
    VersionDecoder,
)
from vso_controller.kube.errors import (
    ConnectionFailed,
    Expired,
    NotFound,
    Unprocessable,
    UnreadableEvent,
)
from vso_controller.kube.listwatch import ResourceListWatch
from vso_controller.kube.session import ApiSession

EMPTY = {"metadata": {"resourceVersion": "90"}, "items": []}


def widgets(
    session: ApiSession, namespace: str = "", label_selector: str = "", name: str = ""
) -> ResourceListWatch[Envelope]:
    return ResourceListWatch(
        session=session,
        resource=WIDGETS,
        decoder=EnvelopeDecoder(),
        namespace=namespace,
        label_selector=label_selector,
        name=name,
    )


def line(kind: str, document: object) -> bytes:
    return json.dumps({"type": kind, "object": document}).encode() + b"\n"


@pytest.mark.parametrize(
    ("version", "token", "query"),
    [
        ("", "", {"limit": "500"}),
        ("0", "", {"limit": "500", "resourceVersion": "0"}),
        (
            "7",
            "",
            {
                "limit": "500",
                "resourceVersion": "7",
                "resourceVersionMatch": "NotOlderThan",
            },
        ),
        ("", "more", {"limit": "500", "continue": "more"}),
        ("7", "more", {"limit": "500", "continue": "more"}),
    ],
    ids=["newest", "any", "not older", "next page", "next page has its version"],
)
async def test_list_asks_for_the_version_it_was_given(
    server: ScriptedServer,
    session: ApiSession,
    version: str,
    token: str,
    query: dict[str, str],
) -> None:
    server.answer(EMPTY)

    page = await widgets(session).list_page(
        resource_version=version, continue_token=token
    )

    assert page.resource_version == "90"
    assert server.seen[0].path == "/apis/ex.io/v1/widgets"
    assert server.seen[0].query == query


async def test_list_is_scoped(server: ScriptedServer, session: ApiSession) -> None:
    server.answer(EMPTY)
    scoped = widgets(session, namespace="shop", label_selector="a=b")

    await scoped.list_page(resource_version="", continue_token="")

    assert server.seen[0].path == "/apis/ex.io/v1/namespaces/shop/widgets"
    assert server.seen[0].query == {"limit": "500", "labelSelector": "a=b"}


async def test_one_object_is_asked_for_by_a_field(
    server: ScriptedServer, session: ApiSession
) -> None:
    server.answer(EMPTY)
    one = widgets(session, namespace="shop", name="till")

    await one.list_page(resource_version="", continue_token="")

    assert server.seen[0].query == {
        "limit": "500",
        "fieldSelector": "metadata.name=till",
    }


@pytest.mark.parametrize(
    ("code", "error"), [(410, Expired), (404, NotFound)], ids=["410", "404"]
)
async def test_refused_list_is_translated(
    server: ScriptedServer, session: ApiSession, code: int, error: type[Exception]
) -> None:
    server.refuse(code)

    with pytest.raises(error):
        await widgets(session).list_page(resource_version="7", continue_token="")


async def test_watch_asks_for_bookmarks_and_for_an_end(
    server: ScriptedServer, session: ApiSession
) -> None:
    server.stream()
    scoped = widgets(session, label_selector="a=b")

    async with scoped.watch(resource_version="7", timeout=61.6) as events:
        assert [event async for event in events] == []

    assert server.seen[0].query == {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "timeoutSeconds": "62",
        "resourceVersion": "7",
        "labelSelector": "a=b",
    }


@pytest.mark.parametrize("version", ["", "7"], ids=["newest", "not older"])
async def test_initial_events_are_asked_for_so_that_an_old_server_refuses(
    server: ScriptedServer, session: ApiSession, version: str
) -> None:
    server.refuse(422, "Invalid", "resourceVersionMatch is forbidden for watch")
    watch = widgets(session).watch(
        resource_version=version, timeout=60, initial_events=True
    )

    with pytest.raises(Unprocessable):
        async with watch:
            pytest.fail("the server refused the watch")

    expected = {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "sendInitialEvents": "true",
        "resourceVersionMatch": "NotOlderThan",
        "timeoutSeconds": "60",
        "resourceVersion": version,
    }
    assert server.seen[0].query == {k: v for k, v in expected.items() if v}


async def test_initial_events_come_with_their_end(
    server: ScriptedServer, session: ApiSession
) -> None:
    marked = {"resourceVersion": "9", "annotations": {INITIAL_EVENTS_END: "true"}}
    server.stream(line("ADDED", widget()) + line("BOOKMARK", {"metadata": marked}))

    async with widgets(session).watch(
        resource_version="", timeout=60, initial_events=True
    ) as events:
        seen = [event async for event in events]

    assert [event.ends_initial_events for event in seen] == [False, True]


async def test_event_of_a_mebibyte_is_an_event(
    server: ScriptedServer, session: ApiSession
) -> None:
    large = widget("large", spec={"text": "x" * MEBIBYTE})
    server.stream(line("ADDED", large) + line("MODIFIED", widget(version="9")))

    async with widgets(session).watch(resource_version="7", timeout=60) as events:
        seen = [event async for event in events]

    assert seen[0].item is not None
    assert len(seen[0].item.spec) > MEBIBYTE
    assert seen[1].resource_version == "9"


async def test_event_of_unknown_type_comes_after_those_before_it(
    server: ScriptedServer, session: ApiSession
) -> None:
    server.stream(line("ADDED", widget()) + line("RENAMED", widget(version="8")))

    async with widgets(session).watch(resource_version="6", timeout=60) as events:
        assert (await anext(events)).type is EventType.ADDED
        with pytest.raises(UnreadableEvent, match="unknown type"):
            await anext(events)


async def test_watch_yields_events_however_they_arrive(
    server: ScriptedServer, session: ApiSession
) -> None:
    large = widget("large", spec={"text": "x" * 200_000})
    body = line("ADDED", large) + line("DELETED", widget("gone", version="9"))
    server.stream(*(body[at : at + 50_001] for at in range(0, len(body), 50_001)))

    async with widgets(session).watch(resource_version="", timeout=60) as events:
        seen = [event async for event in events]

    assert [event.type for event in seen] == [EventType.ADDED, EventType.DELETED]
    assert [event.resource_version for event in seen] == ["7", "9"]


async def test_events_before_an_error_are_not_lost(
    server: ScriptedServer, session: ApiSession
) -> None:
    expired = refusal(410, "Expired", "too old resource version")
    server.stream(line("ADDED", widget()) + line("ERROR", expired))

    async with widgets(session).watch(resource_version="7", timeout=60) as events:
        assert (await anext(events)).type is EventType.ADDED
        with pytest.raises(Expired, match="too old"):
            await anext(events)


async def test_event_cut_in_the_middle_breaks_the_watch(
    server: ScriptedServer, session: ApiSession
) -> None:
    server.stream(line("ADDED", widget()), line("ADDED", widget("b"))[:40])

    async with widgets(session).watch(resource_version="7", timeout=60) as events:
        assert (await anext(events)).type is EventType.ADDED
        with pytest.raises(ConnectionFailed):
            await anext(events)


async def test_watch_of_an_expired_version_is_not_entered(
    server: ScriptedServer, session: ApiSession
) -> None:
    server.refuse(410, "Expired")

    with pytest.raises(Expired):
        async with widgets(session).watch(resource_version="1", timeout=60):
            pytest.fail("the server refused the watch")


async def test_metadata_is_all_that_is_asked_for_and_kept(
    server: ScriptedServer, session: ApiSession
) -> None:
    metadata = {"name": "till", "namespace": "shop", "uid": "u", "resourceVersion": "7"}
    known = ObjectVersion(ObjectKey("shop", "till"), "u", "7")
    document = {"metadata": metadata | {"labels": {"a": "b"}}}
    server.answer({"metadata": {"resourceVersion": "90"}, "items": [document]})
    server.stream(line("ADDED", document))
    source = ResourceListWatch(
        session=session,
        resource=WIDGETS,
        decoder=VersionDecoder(),
        metadata_only=True,
    )

    page = await source.list_page(resource_version="", continue_token="")
    async with source.watch(resource_version="90", timeout=60) as events:
        told = [event async for event in events]

    assert page.items == (known,)
    assert [event.item for event in told] == [known]
    assert [seen.headers["Accept"] for seen in server.seen] == [
        "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
        "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
    ]
