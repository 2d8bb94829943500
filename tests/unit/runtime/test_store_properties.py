"""A store beside a server, with every interleaving of what can happen to them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.fakes.listwatch import Event, event_of, key_of, make_item
from vso_controller.foundation.listwatch import EventType
from vso_controller.foundation.objects import Envelope, ObjectKey
from vso_controller.runtime.store import Store, Write

NAMES = st.sampled_from("abc")


@dataclass
class OpenWrite:
    """A write that is under way."""

    key: ObjectKey
    block: ExitStack
    write: Write[Envelope]
    reply: Envelope | None = None  # sent by the server, not here yet
    deletes: bool = False  # what the reply confirms; it is then what was deleted
    made: int = 0  # the version that the reply is about


class Server:
    """What the API server does: one counter, one history."""

    def __init__(self) -> None:
        self.version = 100
        self.objects: dict[ObjectKey, Envelope] = {}
        self.history: list[Event] = []
        self.foreign: set[int] = set()  # versions that others made
        self.deletions: dict[str, int] = {}  # of which uid, at which version

    def put(self, key: ObjectKey, *, foreign: bool) -> Envelope:
        self.version += 1
        if foreign:
            self.foreign.add(self.version)
        held = self.objects.get(key)
        uid = f"born-at-{self.version}" if held is None else held.uid
        shade = b"odd" if self.version % 2 else b"even"
        item = make_item(key.name, self.version, uid=uid, spec=shade)
        self.objects[key] = item
        kind = EventType.ADDED if held is None else EventType.MODIFIED
        self.history.append(event_of(kind, item))
        return item

    def delete(self, key: ObjectKey, *, foreign: bool) -> None:
        self.version += 1
        uid = self.objects.pop(key).uid
        if foreign:
            self.foreign.add(self.version)
            self.deletions[uid] = self.version
        last = make_item(key.name, self.version, uid=uid)
        self.history.append(event_of(EventType.DELETED, last))

    def after(self, version: int) -> list[Event]:
        return [e for e in self.history if int(e.resource_version) > version]

    def state_at(self, version: int) -> Iterable[Envelope]:
        state: dict[ObjectKey, Envelope] = {}
        for event in self.history:
            assert event.item is not None
            if int(event.resource_version) > version:
                break
            if event.type is EventType.DELETED:
                del state[event.item.key]
            else:
                state[event.item.key] = event.item
        return state.values()


def shade(item: Envelope) -> tuple[bytes]:
    return (item.spec,)


class StoreMachine(RuleBasedStateMachine):
    """Foreign changes, own writes, deliveries and lists in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.server = Server()
        self.store: Store[Envelope] = Store()
        self.store.add_index("shade", shade)
        self.store.add_handler(self.hear)
        self.seen = self.server.version  # how far the watch has told
        self.writes: list[OpenWrite] = []
        self.changes: list[tuple[Envelope | None, Envelope | None]] = []
        self.told_at: dict[ObjectKey, int] = {}  # when last, on the server's counter
        self.landed: list[Envelope] = []
        self.before: dict[ObjectKey, Envelope] = {}
        self.gone: set[str] = set()  # uids of which we know that we deleted them

    def hear(self, old: Envelope | None, new: Envelope | None) -> None:
        known = new or old
        assert known is not None
        assert known.key not in {write.key for write in self.writes}
        assert old is None or new is None or old.uid == new.uid
        self.changes.append((old, new))
        self.told_at[known.key] = self.server.version

    @rule(name=NAMES)
    def somebody_writes(self, name: str) -> None:
        self.server.put(key_of(name), foreign=True)

    @rule(name=NAMES)
    def somebody_deletes(self, name: str) -> None:
        if key_of(name) in self.server.objects:
            self.server.delete(key_of(name), foreign=True)

    @rule(count=st.integers(1, 4))
    def watch_tells(self, count: int) -> None:
        self.deliver(count)

    def deliver(self, count: int) -> None:
        for event in self.server.after(self.seen)[:count]:
            self.store.apply(event)
            self.seen = int(event.resource_version)

    @rule()
    def watch_tells_twice(self) -> None:
        for event in self.server.history:
            if int(event.resource_version) == self.seen:
                self.store.apply(event)

    @rule(data=st.data())
    def list_anew(self, data: st.DataObject) -> None:
        version = data.draw(st.integers(self.seen, self.server.version))
        self.store.replace(self.server.state_at(version), str(version))
        self.seen = version

    @rule(name=NAMES)
    def open_write(self, name: str) -> None:
        block = ExitStack()
        write = block.enter_context(self.store.writing(key_of(name)))
        self.writes.append(OpenWrite(key_of(name), block, write))

    @precondition(lambda self: self.writes)
    @rule(data=st.data())
    def server_answers_a_write(self, data: st.DataObject) -> None:
        """Refuse one that is not based on the newest version; else carry it out."""
        write = data.draw(st.sampled_from(self.writes))
        base = self.store.get(write.key)
        if write.reply is None and base == self.server.objects.get(write.key):
            write.reply = self.server.put(write.key, foreign=False)
            write.deletes, write.made = False, self.server.version

    @precondition(lambda self: self.writes)
    @rule(data=st.data())
    def server_confirms_a_deletion(self, data: st.DataObject) -> None:
        write = data.draw(st.sampled_from(self.writes))
        base = self.store.get(write.key)
        there = self.server.objects.get(write.key)
        if write.reply is None and base is not None and base == there:
            self.server.delete(write.key, foreign=False)
            write.reply = base
            write.deletes, write.made = True, self.server.version

    @precondition(lambda self: self.writes)
    @rule(data=st.data())
    def reply_arrives(self, data: st.DataObject) -> None:
        self.take_reply(data.draw(st.sampled_from(self.writes)))

    def take_reply(self, write: OpenWrite) -> None:
        if write.reply is None:
            return
        if write.deletes:
            write.write.deleted(write.reply)
            self.gone.add(write.reply.uid)
        else:
            write.write.landed(write.reply)
            self.landed.append(write.reply)
        write.reply = None

    @precondition(lambda self: self.writes)
    @rule(data=st.data(), lost=st.booleans())
    def write_ends(self, data: st.DataObject, lost: bool) -> None:
        write = data.draw(st.sampled_from(self.writes))
        if lost and write.reply is not None:
            self.server.foreign.add(write.made)
            if write.deletes:
                self.server.deletions[write.reply.uid] = write.made
        else:
            self.take_reply(write)
        self.writes.remove(write)
        write.block.close()

    @invariant()
    def no_object_goes_back(self) -> None:
        for item in self.store.values():
            before = self.before.get(item.key, item)
            assert int(item.resource_version) >= int(before.resource_version)
        self.before = {item.key: item for item in self.store.values()}

    @invariant()
    def nothing_comes_back_that_we_deleted(self) -> None:
        assert not self.gone & {item.uid for item in self.store.values()}

    @invariant()
    def index_agrees_with_the_objects(self) -> None:
        for value in (b"odd", b"even"):
            found = {item.key for item in self.store.by_index("shade", value)}
            assert found == {i.key for i in self.store.values() if i.spec == value}

    def teardown(self) -> None:
        for write in list(self.writes):
            self.take_reply(write)
            self.writes.remove(write)
            write.block.close()
        self.deliver(len(self.server.history))

        assert {i.key: i for i in self.store.values()} == self.server.objects
        assert self.store._own == {}
        self.check_that_foreign_changes_were_told()
        self.check_that_own_writes_were_not_told()

    def check_that_foreign_changes_were_told(self) -> None:
        """Each, if only as part of a later state, or by a later word on that name."""
        told = [new for _, new in self.changes if new is not None]
        for item in self.server.objects.values():
            last = max(self.foreign_versions(item), default=0)
            heard = [t for t in told if t.uid == item.uid]
            assert not last or int(heard[-1].resource_version) >= last
        for item in (*told, *self.landed):
            deleted = self.server.deletions.get(item.uid, 0)
            made_since = max(
                int(ours.resource_version)
                for ours in (item, *self.landed)
                if ours.key == item.key
            )
            assert max(self.told_at.get(item.key, 0), made_since) >= deleted

    def check_that_own_writes_were_not_told(self) -> None:
        for key in self.told_at:
            touched = [e for e in self.server.history if e.item and e.item.key == key]
            assert self.server.foreign & {int(e.resource_version) for e in touched}

    def foreign_versions(self, item: Envelope) -> set[int]:
        return self.server.foreign & {
            int(event.resource_version)
            for event in self.server.history
            if event.item is not None and event.item.uid == item.uid
        }


TestStore = StoreMachine.TestCase
