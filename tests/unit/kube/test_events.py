from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from tests.unit.kube.servers import ScriptedServer
from tests.unit.kube.worlds import KEY, WIDGETS, SettableClock
from vso_controller.foundation.events import EventKind, EventSubject, subject_of
from vso_controller.foundation.objects import Envelope, ObjectKey
from vso_controller.kube.correlation import BURST, LONGEST_MESSAGE, REFILL, SIMILAR
from vso_controller.kube.events import AGGREGATION, QUEUE_LENGTH, EventRecorder
from vso_controller.kube.session import ApiSession

TILL = subject_of(
    WIDGETS, Envelope(key=KEY, uid="uid-till", resource_version="7", generation=3)
)
EVENTS = "/api/v1/namespaces/shop/events"


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
def recorder(session: ApiSession, clock: SettableClock) -> EventRecorder:
    return EventRecorder(session=session, clock=clock)


@asynccontextmanager
async def running(recorder: EventRecorder) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(recorder.run())
        yield
        task.cancel()


def tell(
    recorder: EventRecorder, about: EventSubject = TILL, message: str = "all well"
) -> None:
    recorder.record(about, kind=EventKind.NORMAL, reason="Synced", message=message)


async def written(server: ScriptedServer, count: int) -> list[tuple[str, str]]:
    return [(seen.method, seen.path) for seen in await server.wait_seen(count)]


async def test_event_is_built_as_client_go_builds_it(
    server: ScriptedServer, recorder: EventRecorder
) -> None:
    server.answer({}, status=201)
    tell(recorder)

    async with running(recorder):
        assert await written(server, 1) == [("POST", EVENTS)]

    assert server.seen[0].document == {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "till.18493fba64ef0000", "namespace": "shop"},
        "involvedObject": {
            "apiVersion": "ex.io/v1",
            "kind": "Widget",
            "namespace": "shop",
            "name": "till",
            "uid": "uid-till",
            "resourceVersion": "7",
        },
        "type": "Normal",
        "reason": "Synced",
        "message": "all well",
        "source": {"component": "Widget"},
        "reportingComponent": "Widget",
        "reportingInstance": "",
        "firstTimestamp": "2025-06-15T15:06:40Z",
        "lastTimestamp": "2025-06-15T15:06:40Z",
        "count": 1,
    }


async def test_same_thing_told_again_soon_is_counted(
    server: ScriptedServer, recorder: EventRecorder, clock: SettableClock
) -> None:
    server.answer({}, status=201)
    tell(recorder)
    tell(recorder)
    clock.time += AGGREGATION
    tell(recorder)

    async with running(recorder):
        name = f"{EVENTS}/till.18493fba64ef0000"
        assert await written(server, 3) == [
            ("POST", EVENTS),
            ("PATCH", name),
            ("PATCH", name),
        ]

    assert server.seen[2].document == {
        "count": 3,
        "lastTimestamp": "2025-06-15T15:16:40Z",
    }


async def test_same_thing_told_again_late_is_a_new_event(
    server: ScriptedServer, recorder: EventRecorder, clock: SettableClock
) -> None:
    server.answer({}, status=201)
    tell(recorder)
    clock.time += AGGREGATION + 1
    tell(recorder)

    async with running(recorder):
        assert await written(server, 2) == [("POST", EVENTS)] * 2


@pytest.mark.parametrize(
    ("about", "message"),
    [(TILL, "not so well"), (replace(TILL, uid="uid-other"), "all well")],
    ids=["other words", "other object"],
)
async def test_other_thing_is_a_new_event(
    server: ScriptedServer, recorder: EventRecorder, about: EventSubject, message: str
) -> None:
    server.answer({}, status=201)
    tell(recorder)
    tell(recorder, about, message)

    async with running(recorder):
        assert await written(server, 2) == [("POST", EVENTS)] * 2

    names = {str(seen.document) for seen in server.seen}
    assert len(names) == 2, "two Events of one instant need two names"


async def test_counted_event_that_is_gone_is_told_anew(
    server: ScriptedServer, recorder: EventRecorder
) -> None:
    server.answer({}, status=201).refuse(404, "NotFound").answer({}, status=201)
    tell(recorder)
    tell(recorder)

    async with running(recorder):
        methods = [method for method, _ in await written(server, 3)]

    assert methods == ["POST", "PATCH", "POST"]


async def test_refused_event_is_dropped_and_the_next_one_sent(
    server: ScriptedServer, recorder: EventRecorder
) -> None:
    server.refuse(403, "Forbidden").answer({}, status=201)
    tell(recorder)
    tell(recorder)

    async with running(recorder):
        assert await written(server, 2) == [("POST", EVENTS)] * 2

    assert recorder.dropped == 1


async def test_full_queue_drops_and_counts(recorder: EventRecorder) -> None:
    for each in range(QUEUE_LENGTH + 5):
        tell(recorder, replace(TILL, uid=f"uid-{each}"))

    assert recorder.dropped == 5


async def test_object_of_which_too_much_is_told_is_limited_and_no_other(
    server: ScriptedServer, recorder: EventRecorder
) -> None:
    server.answer({}, status=201)
    for _ in range(BURST + 10):
        tell(recorder)
    tell(recorder, replace(TILL, uid="uid-other"))

    async with running(recorder):
        seen = await server.wait_seen(BURST + 1)

    assert [one.method for one in seen] == ["POST", *["PATCH"] * (BURST - 1), "POST"]
    assert recorder.dropped == 10


async def test_count_tells_of_what_was_left_out(
    server: ScriptedServer, recorder: EventRecorder, clock: SettableClock
) -> None:
    server.answer({}, status=201)
    for _ in range(BURST + 10):
        tell(recorder)
    clock.time += REFILL
    tell(recorder)

    async with running(recorder):
        seen = await server.wait_seen(BURST + 1)

    assert seen[-1].document == {
        "count": BURST + 11,
        "lastTimestamp": "2025-06-15T15:11:40Z",
    }


async def test_similar_things_become_one_event_with_the_latest_message(
    server: ScriptedServer, recorder: EventRecorder
) -> None:
    server.answer({}, status=201)
    for each in range(SIMILAR + 1):
        tell(recorder, message=f"attempt {each}")

    async with running(recorder):
        seen = await server.wait_seen(SIMILAR + 1)

    assert [one.method for one in seen] == [*["POST"] * SIMILAR, "PATCH"]
    assert b"(combined from similar events): attempt 9" in seen[-2].body
    assert seen[-1].document == {
        "count": 2,
        "lastTimestamp": "2025-06-15T15:06:40Z",
        "message": "(combined from similar events): attempt 10",
    }


async def test_event_about_a_cluster_scoped_object_goes_to_default(
    server: ScriptedServer, recorder: EventRecorder
) -> None:
    server.answer({}, status=201)
    tell(recorder, replace(TILL, key=ObjectKey("", "till")))

    async with running(recorder):
        assert await written(server, 1) == [
            ("POST", "/api/v1/namespaces/default/events")
        ]


async def test_long_names_and_messages_fit(
    server: ScriptedServer, recorder: EventRecorder
) -> None:
    server.answer({}, status=201).answer({})
    tell(recorder, replace(TILL, key=ObjectKey("shop", "n" * 253)), "m" * 9_999)
    tell(recorder, replace(TILL, key=ObjectKey("shop", "n" * 253)), "m" * 9_999)

    async with running(recorder):
        _, counted = await server.wait_seen(2)

    assert len(counted.path.removeprefix(f"{EVENTS}/")) == 253
    assert server.seen[0].body.count(b"m" * LONGEST_MESSAGE) == 1


async def test_drained_recorder_has_sent_all_that_was_recorded(
    server: ScriptedServer, recorder: EventRecorder
) -> None:
    for _ in range(3):
        server.answer({}, status=201)
    for message in ("one", "two", "three"):
        tell(recorder, message=message)

    async with running(recorder):
        await recorder.drain(within=5)

        assert len(server.seen) == 3


async def test_drain_waits_no_longer_than_it_may(recorder: EventRecorder) -> None:
    tell(recorder)

    await recorder.drain(within=0.01)

    assert recorder.dropped == 0
