"""What a store holds and tells when lists and watches feed it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace

import pytest

from tests.fakes.listwatch import event_of, key_of, make_item
from tests.unit.runtime.stores import Heard
from vso_controller.foundation.listwatch import EventType, WatchEvent
from vso_controller.foundation.objects import Envelope, ObjectKey
from vso_controller.runtime.store import Store

ADDED, MODIFIED, DELETED = EventType.ADDED, EventType.MODIFIED, EventType.DELETED


async def test_store_has_synced_after_the_first_list(store: Store[Envelope]) -> None:
    waiter = asyncio.create_task(store.wait_synced())
    store.apply(event_of(ADDED, make_item("a", 1)))
    assert not store.has_synced

    store.replace([], "5")

    assert store.has_synced
    await waiter


def test_list_is_held_and_told(store: Store[Envelope], heard: Heard) -> None:
    one, two = make_item("one", 1), make_item("two", 2)

    store.replace([one, two], "5")

    assert (len(store), store.keys()) == (2, (one.key, two.key))
    assert (store.values(), store.get(two.key)) == ((one, two), two)
    assert heard == [(None, one), (None, two)]


def test_second_list_tells_the_difference_only(
    store: Store[Envelope], heard: Heard
) -> None:
    same, old, gone = make_item("same", 1), make_item("old", 2), make_item("gone", 3)
    store.replace([same, old, gone], "5")
    heard.clear()
    new, fresh = make_item("old", 7), make_item("fresh", 8)

    store.replace([make_item("same", 1), new, fresh], "9")

    assert heard == [(old, new), (gone, None), (None, fresh)]
    assert store.values() == (same, new, fresh)


def test_handlers_see_the_whole_list_in_the_store(store: Store[Envelope]) -> None:
    sizes: list[int] = []
    store.add_handler(lambda _old, _new: sizes.append(len(store)))

    store.replace([make_item("a", 1), make_item("b", 2)], "5")

    assert sizes == [2, 2]


def test_events_are_held_and_told(store: Store[Envelope], heard: Heard) -> None:
    first, second, last = (make_item("a", version) for version in (1, 2, 3))

    store.apply(event_of(ADDED, first))
    store.apply(event_of(MODIFIED, second))
    store.apply(event_of(DELETED, last))

    assert heard == [(None, first), (first, second), (second, None)]
    assert len(store) == 0


def test_object_under_another_uid_is_a_deletion_and_a_creation(
    store: Store[Envelope], heard: Heard
) -> None:
    old, new = make_item("a", 1, uid="old"), make_item("a", 5, uid="new")
    store.apply(event_of(ADDED, old))
    heard.clear()

    store.apply(event_of(MODIFIED, new))

    assert heard == [(old, None), (None, new)]


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(event_of(MODIFIED, make_item("a", 5)), id="told twice"),
        pytest.param(event_of(MODIFIED, make_item("a", 4)), id="older"),
        pytest.param(event_of(DELETED, make_item("a", 4)), id="older deletion"),
        pytest.param(
            event_of(DELETED, make_item("a", 4, uid="former")), id="of a former one"
        ),
        pytest.param(event_of(DELETED, make_item("b", 9)), id="of an unknown one"),
        pytest.param(WatchEvent(EventType.BOOKMARK, "9", None), id="bookmark"),
    ],
)
def test_event_without_news_changes_nothing(
    store: Store[Envelope], heard: Heard, event: WatchEvent[Envelope]
) -> None:
    held = make_item("a", 5)
    store.apply(event_of(ADDED, held))
    heard.clear()

    store.apply(event)

    assert heard == []
    assert store.values() == (held,)


def test_versions_without_order_are_taken_as_they_come(
    store: Store[Envelope], heard: Heard
) -> None:
    first, second = make_item("a", "beta"), make_item("a", "alpha")

    store.apply(event_of(ADDED, first))
    store.apply(event_of(MODIFIED, second))
    store.replace([], "aleph")

    assert heard == [(None, first), (first, second), (second, None)]


def test_list_does_not_take_back_what_is_newer(store: Store[Envelope]) -> None:
    newer = make_item("a", 9)
    store.apply(event_of(ADDED, newer))

    store.replace([make_item("a", 3)], "7")
    assert store.values() == (newer,)
    store.replace([], "7")
    assert store.values() == (newer,)


def test_history_that_began_anew_is_believed(
    store: Store[Envelope], heard: Heard
) -> None:
    old, gone, new = make_item("a", 900), make_item("b", 901), make_item("a", 3)
    store.replace([old, gone], "999")
    heard.clear()

    store.replace([new], "")

    assert heard == [(old, new), (gone, None)]


def item_in(namespace: str, version: int, name: str = "a") -> Envelope:
    return replace(make_item(name, version), key=ObjectKey(namespace, name))


@pytest.fixture
def shared() -> Store[Envelope]:
    """A store that two reflectors feed, one for each namespace."""
    return Store(scopes=("red", "blue"))


def test_list_of_one_scope_deletes_nothing_in_another(shared: Store[Envelope]) -> None:
    red, blue = item_in("red", 1), item_in("blue", 2)
    shared.replace([red, item_in("red", 3, "gone")], "5", scope="red")
    shared.replace([blue], "6", scope="blue")
    heard = Heard()
    shared.add_handler(heard)

    shared.replace([red], "9", scope="red")

    assert heard == [(item_in("red", 3, "gone"), None)]
    assert shared.values() == (red, blue)


def test_history_that_began_anew_for_one_scope_spares_the_other(
    shared: Store[Envelope],
) -> None:
    blue = item_in("blue", 900)
    shared.replace([item_in("red", 901)], "950", scope="red")
    shared.replace([blue], "950", scope="blue")

    shared.replace([item_in("red", 3)], "", scope="red")

    assert shared.values() == (item_in("red", 3), blue)


async def test_store_has_synced_when_all_its_scopes_have(
    shared: Store[Envelope],
) -> None:
    shared.replace([], "5", scope="red")
    shared.replace([], "6", scope="red")
    assert not shared.has_synced

    shared.replace([], "5", scope="blue")

    assert shared.has_synced


def test_own_write_of_another_scope_is_left_alone(shared: Store[Envelope]) -> None:
    ours = item_in("blue", 7)
    heard = Heard()
    shared.add_handler(heard)

    with shared.writing(ours.key) as write:
        write.landed(ours)
        shared.replace([], "9", scope="red")

    assert shared.values() == (ours,)
    assert heard == []


@pytest.mark.parametrize("scope", ["", "green"])
def test_scope_that_is_none_is_a_fault_of_ours(
    shared: Store[Envelope], scope: str
) -> None:
    with pytest.raises(ValueError, match="no scope of this store"):
        shared.replace([], "5", scope=scope)


def words(item: Envelope) -> Iterable[str]:
    return item.spec.decode().split()


def test_index_follows_every_change(store: Store[Envelope]) -> None:
    store.replace([make_item("a", 1, spec=b"red blue"), make_item("b", 2)], "5")
    store.add_index("words", words)
    assert store.by_index("words", "red") == (store.get(key_of("a")),)

    store.apply(event_of(ADDED, make_item("c", 6, spec=b"red red")))
    store.apply(event_of(MODIFIED, make_item("a", 7, spec=b"blue green")))
    store.apply(event_of(MODIFIED, make_item("b", 8, spec=b"green")))
    assert [item.key.name for item in store.by_index("words", "red")] == ["c"]
    assert [item.key.name for item in store.by_index("words", "green")] == ["a", "b"]

    store.replace([make_item("b", 8, spec=b"green")], "9")
    assert store.by_index("words", "blue") == ()
    assert [item.key.name for item in store.by_index("words", "green")] == ["b"]


def test_index_is_up_to_date_when_handlers_are_told(store: Store[Envelope]) -> None:
    store.add_index("words", words)
    found: list[int] = []
    store.add_handler(
        lambda _old, _new: found.append(len(store.by_index("words", "red")))
    )

    store.apply(event_of(ADDED, make_item("a", 1, spec=b"red")))
    store.apply(event_of(DELETED, make_item("a", 2)))

    assert found == [1, 0]


def test_repeated_list_costs_no_index_work(store: Store[Envelope]) -> None:
    indexed: list[Envelope] = []

    def note(item: Envelope) -> Iterable[str]:
        indexed.append(item)
        return ()

    store.add_index("noted", note)
    store.replace([make_item("a", 1)], "5")
    store.replace([make_item("a", 1)], "6")

    assert len(indexed) == 1
