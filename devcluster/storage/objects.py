"""What the store holds: objects as bytes, and the changes that made them.

An object is stored once, encoded, without `apiVersion` and `kind`: those depend on
who asks (a version served, a list of a built-in kind), and a prefix adds them without
touching the rest. It is decoded when somebody looks inside, which costs some
microseconds, gives each a copy of their own and keeps 50,000 objects small.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from devcluster.objects.json import Object, decode, encode

_NOTHING: Mapping[str, str] = {}


class ObjectKey(NamedTuple):
    """Names an object of a collection; sorts as a list is ordered."""

    namespace: str  # "" for cluster-scoped objects
    name: str


@dataclass(frozen=True, slots=True)
class Stored:
    """One object at one revision."""

    key: ObjectKey
    revision: int
    uid: str
    raw: bytes
    # What is asked so often that it is kept decoded.
    labels: Mapping[str, str]
    owners: Sequence[Object]
    finalizers: Sequence[str]
    is_going: bool  # deleted, and held by finalizers

    def value(self) -> Object:
        """Decode the object. The caller owns the result."""
        decoded: Object = decode(self.raw)
        return decoded


def freeze(key: ObjectKey, value: Object, revision: int) -> Stored:
    """Encode an object as of `revision`, which is stamped into its metadata.

    0 is none: that of an object that is not stored.
    """
    stamp = {"resourceVersion": str(revision)} if revision else {}
    meta = value["metadata"] | stamp
    body = {k: each for k, each in value.items() if k not in {"apiVersion", "kind"}}
    return Stored(
        key=key,
        revision=revision,
        uid=meta.get("uid", ""),
        raw=encode(body | {"metadata": meta}),
        labels=meta.get("labels", _NOTHING),
        owners=meta.get("ownerReferences", ()),
        finalizers=meta.get("finalizers", ()),
        is_going="deletionTimestamp" in meta,
    )


class ChangeType(StrEnum):
    """What happened to an object, in the words of a watch event."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


@dataclass(frozen=True, slots=True)
class Change:
    """One write. `current` of a deletion is the last state at the new revision."""

    collection: str
    type: ChangeType
    current: Stored
    previous: Stored | None
    # Room for the watch lines made of this change: each is encoded once, however
    # many watchers there are.
    lines: dict[tuple[str, str], bytes] = field(default_factory=dict, compare=False)
