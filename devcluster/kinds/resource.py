"""What the server knows of a kind, at one version that it serves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from devcluster.errors import Cause, qualified
from devcluster.objects.json import Object, dig, encode
from devcluster.objects.metadata import NameRule
from devcluster.objects.names import subdomain_problem


class Schema(Protocol):
    """What the objects of a kind look like, `apiVersion` and `kind` aside."""

    def prune(self, value: Object) -> list[str]:
        """Remove unknown fields and return their paths.

        Raises ValueError for a field whose type cannot be decoded.
        """
        ...

    def default(self, value: Object) -> None:
        """Fill in what is absent and has a default."""
        ...

    def validate(self, new: Object, old: Object | None) -> list[Cause]:
        """Return why `new` (after `old`, None for a creation) cannot be stored."""
        ...


@dataclass(frozen=True, slots=True)
class Column:
    """A column of `kubectl get`."""

    name: str
    type: str
    path: str  # JSONPath
    format: str = ""
    description: str = ""
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Names:
    """What a kind is called."""

    kind: str
    plural: str
    singular: str
    list_kind: str
    short: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()


AGE = Column("Age", "date", ".metadata.creationTimestamp")


def _nothing(_: Object) -> None:
    """Leave the object as it is."""


def _held_by_finalizers(value: Object) -> bool:
    return bool(dig(value, "metadata", "finalizers"))


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind at one version. Versions of a kind share their `collection`."""

    group: str  # "" for the core group
    version: str
    names: Names
    namespaced: bool
    schema: Schema
    columns: tuple[Column, ...] = (AGE,)
    has_status: bool = False
    has_generation: bool = False
    # Whether an update may come without a resourceVersion.
    unconditional_update: bool = True
    custom: bool = False
    selectable: frozenset[str] = frozenset()  # fields, besides name and namespace
    name_rule: NameRule = subdomain_problem
    # What a deletion changes before it is decided whether the object may go at once.
    terminate: Callable[[Object], None] = _nothing
    is_held: Callable[[Object], bool] = _held_by_finalizers
    # `{"kind":...,"apiVersion":...,`: goes before a stored object's own fields.
    prefix: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        type_meta = encode({"kind": self.names.kind, "apiVersion": self.api_version})
        object.__setattr__(self, "prefix", type_meta[:-1] + b",")

    @property
    def api_version(self) -> str:
        """Group and version as objects spell it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def plural(self) -> str:
        """The name in the URL."""
        return self.names.plural

    @property
    def kind(self) -> str:
        """The name in objects."""
        return self.names.kind

    @property
    def collection(self) -> str:
        """The name of the objects in the store: `widgets.ex.io`, `secrets`."""
        return qualified(self.group, self.names.plural)
