"""Our own writes: in the store at once, and no news to our handlers."""

from __future__ import annotations

import pytest

from tests.fakes.listwatch import event_of, make_item
from tests.unit.runtime.stores import BEFORE, KEY, Heard, forgets, store_of
from vso_controller.foundation.listwatch import EventType
from vso_controller.foundation.objects import Envelope
from vso_controller.runtime.store import Store

ADDED, MODIFIED, DELETED = EventType.ADDED, EventType.MODIFIED, EventType.DELETED

OURS = make_item("a", 20)
LATER = make_item("a", 30)


@pytest.fixture
def store() -> Store[Envelope]:
    return store_of(BEFORE)


def test_reply_is_in_the_store_at_once_and_its_echo_is_no_news(
    store: Store[Envelope], heard: Heard
) -> None:
    with store.writing(KEY) as write:
        write.landed(OURS)
        assert store.get(KEY) == OURS
    store.apply(event_of(MODIFIED, OURS))

    assert heard == []
    assert forgets(store)


def test_echo_that_overtakes_the_reply_is_no_news(
    store: Store[Envelope], heard: Heard
) -> None:
    with store.writing(KEY) as write:
        store.apply(event_of(MODIFIED, OURS))
        write.landed(OURS)

    assert heard == []
    assert store.get(KEY) == OURS
    assert forgets(store)


def test_what_another_wrote_after_us_is_kept_and_told_when_the_write_ends(
    store: Store[Envelope], heard: Heard
) -> None:
    with store.writing(KEY) as write:
        store.apply(event_of(MODIFIED, OURS))
        store.apply(event_of(MODIFIED, LATER))
        assert store.get(KEY) == LATER
        write.landed(OURS)
        assert heard == []

    assert store.get(KEY) == LATER
    assert heard == [(BEFORE, LATER)]
    assert forgets(store)


def test_what_another_wrote_before_us_is_told_however_late_it_comes(
    store: Store[Envelope], heard: Heard
) -> None:
    with store.writing(KEY) as write:
        write.landed(OURS)
    store.apply(event_of(MODIFIED, make_item("a", 15)))
    store.apply(event_of(MODIFIED, make_item("a", 16)))

    assert store.get(KEY) == OURS, "never backwards"
    assert heard == [(BEFORE, OURS)]
    store.apply(event_of(MODIFIED, OURS))
    assert len(heard) == 1
    assert forgets(store)


def test_write_that_fails_tells_nothing_by_itself(
    store: Store[Envelope], heard: Heard
) -> None:
    with pytest.raises(ZeroDivisionError), store.writing(KEY):
        raise ZeroDivisionError

    assert heard == []
    assert forgets(store)


def test_write_whose_reply_is_lost_is_told_as_news(
    store: Store[Envelope], heard: Heard
) -> None:
    with store.writing(KEY):
        store.apply(event_of(MODIFIED, OURS))

    assert heard == [(BEFORE, OURS)]


def test_write_that_changed_nothing_awaits_no_echo(
    store: Store[Envelope], heard: Heard
) -> None:
    with store.writing(KEY) as write:
        write.landed(BEFORE)

    assert heard == []
    assert forgets(store)


def test_creation_is_held_and_no_news(store: Store[Envelope], heard: Heard) -> None:
    ours = make_item("new", 20)

    with store.writing(ours.key) as write:
        write.landed(ours)
    store.apply(event_of(ADDED, ours))

    assert store.get(ours.key) == ours
    assert heard == []
    assert forgets(store)


def test_creation_that_was_deleted_before_its_reply_does_not_come_back(
    store: Store[Envelope], heard: Heard
) -> None:
    ours = make_item("new", 20)

    with store.writing(ours.key) as write:
        store.apply(event_of(ADDED, ours))
        store.apply(event_of(DELETED, make_item("new", 25)))
        write.landed(ours)

    assert store.get(ours.key) is None
    assert heard == [(ours, None)], "its owner believes it is there"
    assert forgets(store)


def test_creation_after_a_deletion_is_held(
    store: Store[Envelope], heard: Heard
) -> None:
    ours = make_item("a", 20, uid="new")

    with store.writing(KEY) as write:
        store.apply(event_of(DELETED, make_item("a", 15)))
        write.landed(ours)
    store.apply(event_of(ADDED, ours))

    assert store.get(KEY) == ours
    assert heard == [(BEFORE, None), (None, ours)]
    assert forgets(store)


def test_deletion_during_a_write_is_told_when_it_ends(
    store: Store[Envelope], heard: Heard
) -> None:
    with store.writing(KEY) as write:
        write.landed(OURS)
        store.apply(event_of(DELETED, LATER))
        assert store.get(KEY) is None
        assert heard == []

    assert heard == [(BEFORE, None)]
    assert forgets(store)


def test_list_from_before_our_write_does_not_take_it_back(
    store: Store[Envelope], heard: Heard
) -> None:
    created = make_item("new", 21)
    with store.writing(KEY) as write, store.writing(created.key) as creation:
        write.landed(OURS)
        creation.landed(created)

    store.replace([BEFORE], "15")

    assert store.values() == (OURS, created)
    assert heard == []
    store.apply(event_of(MODIFIED, OURS))
    store.apply(event_of(ADDED, created))
    assert heard == []
    assert forgets(store)


def test_list_from_after_our_write_is_its_echo(
    store: Store[Envelope], heard: Heard
) -> None:
    with store.writing(KEY) as write:
        write.landed(OURS)

    store.replace([OURS], "25")

    assert heard == []
    assert forgets(store)


def test_creation_missing_from_a_later_list_was_deleted(
    store: Store[Envelope], heard: Heard
) -> None:
    ours = make_item("new", 20)
    with store.writing(ours.key) as write:
        write.landed(ours)

    store.replace([BEFORE], "25")

    assert store.get(ours.key) is None
    assert heard == [(ours, None)]
    assert forgets(store)


def test_reply_that_a_later_list_does_not_know_is_not_held(
    store: Store[Envelope], heard: Heard
) -> None:
    ours = make_item("new", 20)

    with store.writing(ours.key) as write:
        store.replace([BEFORE], "25")
        write.landed(ours)

    assert store.get(ours.key) is None
    assert heard == [(ours, None)]


def test_history_that_began_anew_ends_the_wait_for_echoes(
    store: Store[Envelope], heard: Heard
) -> None:
    with store.writing(KEY) as write:
        write.landed(OURS)

    store.replace([make_item("a", 3)], "")

    assert heard == [(BEFORE, make_item("a", 3))]
    assert forgets(store)


def test_handlers_are_told_when_the_last_of_overlapping_writes_ends(
    store: Store[Envelope], heard: Heard
) -> None:
    with store.writing(KEY) as outer:
        with store.writing(KEY) as inner:
            store.apply(event_of(MODIFIED, make_item("a", 15)))
            inner.landed(OURS)
        assert heard == []
        outer.landed(make_item("a", 22))

    assert heard == [(BEFORE, make_item("a", 22))]


def test_replies_of_overlapping_writes_may_come_in_any_order(
    store: Store[Envelope], heard: Heard
) -> None:
    newer = make_item("a", 22)

    with store.writing(KEY) as outer, store.writing(KEY) as inner:
        inner.landed(newer)
        outer.landed(OURS)
    assert store.get(KEY) == newer
    store.apply(event_of(MODIFIED, OURS))
    store.apply(event_of(MODIFIED, newer))

    assert store.get(KEY) == newer
    assert heard == []
    assert forgets(store)


def test_two_steps_of_one_write_are_both_ours(
    store: Store[Envelope], heard: Heard
) -> None:
    with store.writing(KEY) as write:
        write.landed(OURS)
        store.apply(event_of(MODIFIED, OURS))
        write.landed(LATER)
    store.apply(event_of(MODIFIED, LATER))

    assert store.get(KEY) == LATER
    assert heard == []
    assert forgets(store)


def test_change_after_our_write_is_told_from_what_the_handlers_know(
    store: Store[Envelope], heard: Heard
) -> None:
    with store.writing(KEY) as write:
        write.landed(OURS)

    store.apply(event_of(MODIFIED, OURS))
    store.apply(event_of(MODIFIED, LATER))

    assert heard == [(OURS, LATER)]


def test_old_word_after_a_newer_one_changes_nothing(
    store: Store[Envelope], heard: Heard
) -> None:
    with store.writing(KEY) as write:
        store.apply(event_of(MODIFIED, LATER))
        store.apply(event_of(MODIFIED, make_item("a", 15)))
        write.landed(OURS)
        assert store.get(KEY) == LATER

    assert heard == [(BEFORE, LATER)]
    assert forgets(store)


def test_versions_without_order_leave_the_word_to_the_watch(
    store: Store[Envelope], heard: Heard
) -> None:
    theirs = make_item("a", "theirs")

    with store.writing(KEY) as write:
        store.apply(event_of(MODIFIED, theirs))
        write.landed(make_item("a", "ours"))

    assert store.get(KEY) == theirs
    assert heard == [(BEFORE, theirs)]
    assert forgets(store)


def test_reply_about_another_object_is_refused(store: Store[Envelope]) -> None:
    with store.writing(KEY) as write, pytest.raises(ValueError, match="team/b"):
        write.landed(make_item("b", 20))
