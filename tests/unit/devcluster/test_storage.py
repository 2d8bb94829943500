"""The store: versions, history, and what subscriptions hear."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devcluster.storage.objects import ObjectKey, Stored
from devcluster.storage.store import Ended, Store, TooOld

KIND = "things"
KEY = ObjectKey("ns", "a")
WRITES = st.lists(
    st.tuples(st.sampled_from("abc"), st.booleans(), st.integers(0, 9)), max_size=20
)


@pytest.fixture
def store() -> Store:
    return Store()


def write(store: Store, name: str = "a", content: int = 0) -> Stored:
    value = {"metadata": {"name": name}, "content": content}
    return store.put(KIND, ObjectKey("ns", name), value)


def contents(objects: object) -> dict[str, int]:
    assert isinstance(objects, list)
    return {each.key.name: each.value()["content"] for each in objects}


def test_object_carries_the_revision_of_its_write(store: Store) -> None:
    first, second = write(store), write(store, content=1)

    assert second.revision == first.revision + 1
    assert second.value()["metadata"]["resourceVersion"] == str(second.revision)


def test_value_belongs_to_who_asked_for_it(store: Store) -> None:
    stored = write(store)

    stored.value()["content"] = 99

    assert stored.value()["content"] == 0


def test_objects_are_listed_by_namespace_and_name(store: Store) -> None:
    for namespace, name in (("b", "a"), ("a", "b"), ("a", "a"), ("ab", "a")):
        store.put(KIND, ObjectKey(namespace, name), {"metadata": {}})

    everything = store.collection(KIND).objects()
    one_namespace = store.collection(KIND).objects("a")

    assert [each.key for each in everything] == sorted(each.key for each in everything)
    assert [each.key for each in one_namespace] == [("a", "a"), ("a", "b")]


@given(WRITES)
def test_past_is_what_it_was(writes: list[tuple[str, bool, int]]) -> None:
    store = Store()
    past: dict[int, dict[str, int]] = {store.revision: {}}
    present: dict[str, int] = {}
    for name, removes, content in writes:
        if not removes:
            write(store, name, content)
            present[name] = content
        elif name in present:
            store.remove(KIND, ObjectKey("ns", name), {"metadata": {}})
            del present[name]
        past[store.revision] = dict(present)

    for revision, expected in past.items():
        seen = store.collection(KIND).objects_at(revision)
        assert contents(list(seen)) == expected


def test_past_beyond_the_history_is_gone() -> None:
    store = Store(history_limit=2)
    begun = store.revision
    for content in range(3):
        write(store, content=content)

    with pytest.raises(TooOld):
        store.collection(KIND).objects_at(begun)
    with pytest.raises(TooOld):
        store.collection(KIND).subscribe("", begun)


async def test_subscription_hears_what_was_and_what_comes(store: Store) -> None:
    begun = store.revision
    write(store, content=1)

    subscription = store.collection(KIND).subscribe("", begun)
    write(store, content=2)
    changes = await subscription.take()

    assert [each.type for each in changes] == ["ADDED", "MODIFIED"]


async def test_subscription_hears_its_namespace_alone(store: Store) -> None:
    subscription = store.collection(KIND).subscribe("ns", store.revision)
    store.put(KIND, ObjectKey("other", "a"), {"metadata": {}})
    write(store)
    (change,) = await subscription.take()

    assert change.current.key == KEY


async def test_subscription_from_the_future_hears_nothing_before_it(
    store: Store,
) -> None:
    subscription = store.collection(KIND).subscribe("", store.revision + 1)
    write(store, content=1)
    write(store, content=2)
    (change,) = await subscription.take()

    assert change.current.value()["content"] == 2


async def test_reader_that_waits_is_woken(store: Store) -> None:
    subscription = store.collection(KIND).subscribe("", store.revision)
    async with asyncio.TaskGroup() as group:
        reader = group.create_task(subscription.take())
        await asyncio.sleep(0)
        write(store)

    assert len(reader.result()) == 1


async def test_ended_subscription_gives_out_what_it_has_first(store: Store) -> None:
    subscription = store.collection(KIND).subscribe("", store.revision)
    write(store)
    store.drop(KIND)

    assert len(await subscription.take()) == 1
    with pytest.raises(Ended):
        await subscription.take()


async def test_reader_that_is_too_slow_is_told_so() -> None:
    store = Store(history_limit=2)

    subscription = store.collection(KIND).subscribe("", store.revision)
    for content in range(3):
        write(store, content=content)

    with pytest.raises(TooOld):
        await subscription.take()


def test_rehearsed_write_shows_its_result_and_keeps_nothing(store: Store) -> None:
    before = store.revision

    with store.rehearsal(is_one=True):
        shown = write(store, content=1)

    assert shown.value()["content"] == 1
    assert (store.collection(KIND).get(KEY), store.revision) == (None, before)


async def test_compaction_takes_nothing_from_who_listens(store: Store) -> None:
    begun = store.revision

    subscription = store.collection(KIND).subscribe("", begun)
    write(store)
    store.compact()
    changes = await subscription.take()

    assert len(changes) == 1
    with pytest.raises(TooOld):
        store.collection(KIND).subscribe("", begun)
