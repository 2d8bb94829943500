"""Our own deletions: out of the store at once, and no news to our handlers."""

from __future__ import annotations

import pytest

from tests.fakes.listwatch import event_of, make_item
from tests.unit.runtime.stores import BEFORE, KEY, Heard, forgets, store_of
from vso_controller.foundation.listwatch import EventType
from vso_controller.foundation.objects import Envelope
from vso_controller.runtime.store import Store

ADDED, MODIFIED, DELETED = EventType.ADDED, EventType.MODIFIED, EventType.DELETED

LAST = make_item("a", 20)  # as a watch tells of the deletion
AGAIN = make_item("a", 30, uid="another")


@pytest.fixture
def store() -> Store[Envelope]:
    return store_of(BEFORE)


def delete(store: Store[Envelope], item: Envelope = BEFORE) -> None:
    with store.writing(item.key) as write:
        write.deleted(item)


def test_object_is_out_of_the_store_at_once_and_the_echo_is_no_news(
    store: Store[Envelope], heard: Heard
) -> None:
    delete(store)

    assert store.get(KEY) is None
    store.apply(event_of(DELETED, LAST))
    assert heard == []
    assert forgets(store)


def test_echo_that_overtakes_the_reply_is_no_news(
    store: Store[Envelope], heard: Heard
) -> None:
    with store.writing(KEY) as write:
        store.apply(event_of(DELETED, LAST))
        write.deleted(BEFORE)

    assert heard == []
    assert forgets(store)


def test_object_that_another_created_since_stays_and_is_told(
    store: Store[Envelope], heard: Heard
) -> None:
    with store.writing(KEY) as write:
        store.apply(event_of(DELETED, LAST))
        store.apply(event_of(ADDED, AGAIN))
        write.deleted(BEFORE)
        assert store.get(KEY) == AGAIN

    assert heard == [(None, AGAIN)]
    assert forgets(store)


def test_object_that_another_creates_later_is_told(
    store: Store[Envelope], heard: Heard
) -> None:
    delete(store)

    store.apply(event_of(DELETED, LAST))
    store.apply(event_of(ADDED, AGAIN))

    assert heard == [(None, AGAIN)]
    assert forgets(store)


def test_what_is_told_late_does_not_bring_the_object_back(
    store: Store[Envelope], heard: Heard
) -> None:
    delete(store, make_item("a", 19))  # read live: the watch is behind

    store.apply(event_of(MODIFIED, make_item("a", 15)))
    store.replace([make_item("a", 18)], "18")

    assert store.get(KEY) is None
    assert heard == []
    store.apply(event_of(DELETED, LAST))
    assert heard == []
    assert forgets(store)


def test_list_without_the_object_is_the_echo(
    store: Store[Envelope], heard: Heard
) -> None:
    delete(store)

    store.replace([], "25")

    assert heard == []
    assert forgets(store)


def test_object_replaced_by_us_is_no_news(store: Store[Envelope], heard: Heard) -> None:
    delete(store)
    with store.writing(KEY) as write:
        write.landed(AGAIN)

    store.apply(event_of(DELETED, LAST))
    store.apply(event_of(ADDED, AGAIN))

    assert store.get(KEY) == AGAIN
    assert heard == []
    assert forgets(store)


def test_object_we_created_and_deleted_before_its_echo_leaves_nothing(
    store: Store[Envelope], heard: Heard
) -> None:
    ours = make_item("new", 20)
    with store.writing(ours.key) as write:
        write.landed(ours)
    delete(store, ours)

    store.replace([BEFORE], "15")
    store.apply(event_of(ADDED, ours))
    store.apply(event_of(DELETED, make_item("new", 21)))

    assert store.values() == (BEFORE,)
    assert heard == []
    assert forgets(store)


def test_reply_to_a_creation_may_come_after_that_to_its_deletion(
    store: Store[Envelope], heard: Heard
) -> None:
    ours = make_item("new", 20)

    with store.writing(ours.key) as creation, store.writing(ours.key) as deletion:
        store.apply(event_of(ADDED, ours))
        deletion.deleted(ours)
        creation.landed(ours)
        assert store.get(ours.key) is None
    store.apply(event_of(DELETED, make_item("new", 21)))

    assert heard == []
    assert forgets(store)


def test_deletion_by_another_is_told(store: Store[Envelope], heard: Heard) -> None:
    with store.writing(KEY):  # the server answered that there was nothing to delete
        store.apply(event_of(DELETED, LAST))

    assert heard == [(BEFORE, None)]
    assert forgets(store)


def test_history_that_began_anew_may_have_the_object_again(
    store: Store[Envelope], heard: Heard
) -> None:
    delete(store)

    restored = make_item("a", 3)
    store.replace([restored], "")

    assert store.get(KEY) == restored
    assert heard == [(None, restored)]
    assert forgets(store)
