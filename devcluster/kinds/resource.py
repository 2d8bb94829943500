"""What the server knows of a kind, at one version that it serves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Protocol, runtime_checkable

import msgspec

from devcluster.errors import Cause
from devcluster.kinds.shapes import ANYTHING
from devcluster.objects.json import Object, dig, encode
from devcluster.objects.jsonpath import compile_path
from devcluster.objects.metadata import NameRuleName


@runtime_checkable
class Schema(Protocol):
    """What the objects of a kind look like, `apiVersion` and `kind` aside."""

    def prune(self, value: Object) -> list[str]:
        """Remove unknown fields and return their paths.

        Raises ValueError for a field whose type cannot be decoded.
        """
        ...

    def default(self, value: Object) -> None:
        """Fill in what is absent and has a default."""

    def problems(self, value: Object) -> Iterable[Cause]:
        """Return why an object cannot be stored."""
        ...


class Column(msgspec.Struct, frozen=True, rename="camel"):
    """A column of `kubectl get`, as a definition spells it."""

    name: str
    type: str
    json_path: str
    format: str = ""
    description: str = ""
    priority: int = 0

    def __post_init__(self) -> None:
        compile_path(self.json_path)


class Names(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What a kind is called, as a definition spells it."""

    kind: str
    plural: str
    singular: str = ""
    list_kind: str = ""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()


STATUS = "status"
_STATUS_VERBS = ("get", "patch", "update")
_VERBS = (*_STATUS_VERBS, "create", "delete", "deletecollection", "list", "watch")
AGE = Column("Age", "date", ".metadata.creationTimestamp")


class Resource(msgspec.Struct, frozen=True, kw_only=True, rename="camel", dict=True):
    """One kind at one version. Versions of a kind share their `collection`."""

    group: str = ""  # the core group
    version: str = "v1"
    names: Names
    schema: Schema = ANYTHING
    namespaced: bool = True
    verbs: tuple[str, ...] = _VERBS
    columns: tuple[Column, ...] = (AGE,)
    has_status: bool = False
    subresources: dict[str, tuple[str, ...]] = {}  # verbs by name, the status aside
    has_generation: bool = False
    # Whether an update may come without a resourceVersion.
    unconditional_update: bool = True
    custom: bool = False
    selectable: frozenset[str] = frozenset()  # fields, besides name and namespace
    fixed: tuple[str, ...] = ()  # paths of what never changes
    frozen: tuple[str, ...] = ()  # fields that `immutable: true` keeps from changing
    name_rule: NameRuleName = "subdomain"

    @cached_property
    def type_meta(self) -> Object:
        """The kind and the apiVersion of objects."""
        return {"kind": self.names.kind, "apiVersion": self.api_version}

    @cached_property
    def prefix(self) -> bytes:
        """What goes before a stored object's own fields, encoded."""
        return encode(self.type_meta)[:-1] + b","

    @cached_property
    def served(self) -> Mapping[str, tuple[str, ...]]:
        """The verbs of the objects (under "") and of each of their subresources."""
        status = {STATUS: _STATUS_VERBS} if self.has_status else {}
        return {"": self.verbs} | status | self.subresources

    @property
    def api_version(self) -> str:
        """Group and version as objects spell it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def root(self) -> str:
        """The path below which a version is served: `api/v1`, `apis/apps/v1`."""
        return f"{'apis' if self.group else 'api'}/{self.api_version}"

    @cached_property
    def collection(self) -> str:
        """The name of the objects in the store: `widgets.ex.io`, `secrets`."""
        return f"{self.names.plural}.{self.group}".rstrip(".")

    @property
    def qualified_kind(self) -> str:
        """The kind as messages spell it: `Widget.ex.io`, `Secret`."""
        return f"{self.names.kind}.{self.group}".rstrip(".")

    def is_held(self, value: Object) -> bool:
        """Say whether finalizers keep a deleted object from going."""
        # Those of a Namespace lie in its spec.
        held_by_spec = not self.custom and dig(value, "spec.finalizers")
        return bool(dig(value, "metadata.finalizers") or held_by_spec)
