"""What is asked of the API server: a verb, on a target, with a body perhaps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import quote, urlencode

import msgspec

from vso_controller.foundation.objects import ObjectKey, ResourceType
from vso_controller.kube.errors import Unprocessable

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"

MEBIBYTE = 1 << 20


class Verb(StrEnum):
    """The verbs of Kubernetes, as access rules spell them."""

    GET = "get"
    LIST = "list"
    WATCH = "watch"
    CREATE = "create"
    UPDATE = "update"
    PATCH = "patch"
    DELETE = "delete"

    @property
    def method(self) -> str:
        """The HTTP method of the verb."""
        return _METHODS[self]


_METHODS = {
    Verb.GET: "GET",
    Verb.LIST: "GET",
    Verb.WATCH: "GET",
    Verb.CREATE: "POST",
    Verb.UPDATE: "PUT",
    Verb.PATCH: "PATCH",
    Verb.DELETE: "DELETE",
}


_READING = frozenset({Verb.GET, Verb.LIST, Verb.WATCH})
_STORING_NOTHING = frozenset({"serviceaccounts/token"})
"""What is created there is in the answer alone."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a call is about: a collection, one object, or a subresource of it.

    No name means the collection, no namespace all of them (or a cluster-scoped
    object).
    """

    resource: ResourceType
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    @property
    def path(self) -> str:
        """The path on the server, quoted. Raises Unprocessable for `.` and `..`."""
        return "".join(f"/{_segment(part)}" for part in self._parts())

    @property
    def resource_name(self) -> str:
        """The resource as access rules spell it: `secrets`, `widgets/status`."""
        return "/".join(filter(None, (self.resource.plural, self.subresource)))

    def __str__(self) -> str:
        resource = self.resource_name
        if self.name:
            return f"{resource} {ObjectKey(self.namespace, self.name)}"
        return f"{resource} in {self.namespace}" if self.namespace else resource

    def _parts(self) -> list[str]:
        resource = self.resource
        root = ["apis", resource.group] if resource.group else ["api"]
        scope = ["namespaces", self.namespace] if self.namespace else []
        rest = [part for part in (self.name, self.subresource) if part]
        return [*root, resource.version, *scope, resource.plural, *rest]


def object_target(
    resource: ResourceType, key: ObjectKey, subresource: str = ""
) -> Target:
    """Return the target of a call on one object."""
    if not key.name:
        raise Unprocessable(f"{resource.plural}: an object without a name")
    return Target(resource, key.namespace, key.name, subresource)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call. Its text is the verb and the target, never the body.

    `repeatable` is declared per operation, not derived from the method: may it
    take effect twice? Nothing repeats a call by itself; this decides what a lost
    answer is: ConnectionFailed if it may, AnswerLost if it may not.
    """

    verb: Verb
    target: Target
    repeatable: bool
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = field(default=None, repr=False)
    successor: bytes | None = field(default=None, repr=False)
    """Of a deletion that makes room: what will be created then. It is not sent."""
    content_type: str = JSON
    accept: str = JSON
    timeout: float = 30.0  # seconds, from asking for a connection to the last byte
    largest_answer: int = 16 * MEBIBYTE  # etcd takes 1.5 MiB an object

    @property
    def is_write(self) -> bool:
        """Whether it changes what the server stores: then gates are asked."""
        return (
            self.verb not in _READING
            and self.target.resource_name not in _STORING_NOTHING
        )

    @property
    def resource(self) -> str:
        """The resource as access rules spell it."""
        return self.target.resource_name

    @property
    def key(self) -> ObjectKey:
        """The object it is about. One that is created has its name in the body."""
        name = self.target.name
        if not name and self.verb is Verb.CREATE and self.body is not None:
            name = msgspec.json.decode(self.body, type=_Created).metadata.name
        return ObjectKey(self.target.namespace, name)

    @property
    def path_and_query(self) -> str:
        """What follows the server's address, quoted once and for all."""
        query = urlencode(self.query, quote_via=quote)
        return f"{self.target.path}?{query}" if query else self.target.path

    def __str__(self) -> str:
        return f"{self.verb} {self.target}"


class _CreatedMetadata(msgspec.Struct, frozen=True):
    name: str = ""


class _Created(msgspec.Struct):
    metadata: _CreatedMetadata = _CreatedMetadata()


def _segment(text: str) -> str:
    # A dot segment survives quoting, and the server's router resolves it.
    if text in {".", ".."}:
        raise Unprocessable(f"{text!r} cannot be part of a path")
    return quote(text, safe="")
