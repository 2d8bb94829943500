"""Calls: what the head of a request asks for, and what the answers are made from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import unquote

from aiohttp import web

from devcluster.access.identity import Identities, User
from devcluster.access.rbac import Attributes, Authorizer
from devcluster.errors import method_not_allowed
from devcluster.kinds.resource import STATUS, Resource
from devcluster.objects.selectors import exact_value, parse_labels
from devcluster.registry.listing import NAME_FIELD
from devcluster.registry.options import Options
from devcluster.registry.registry import Registry
from devcluster.storage.objects import ObjectKey

TOKEN = "token"
_OBJECT_VERBS = {"GET": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_COLLECTION_VERBS = {"GET": "list", "POST": "create", "DELETE": "deletecollection"}
_LONGEST = 3  # plural, name, subresource


@dataclass(frozen=True, slots=True)
class Target:
    """The parts of a URL below `/api/v1` or `/apis/<group>/<version>`."""

    group: str
    version: str
    namespace: str
    plural: str
    name: str = ""
    subresource: str = ""

    @classmethod
    def parse(cls, raw_path: str) -> Target | None:
        """Return what a path names, None when it is not a path of resources."""
        match [unquote(each) for each in raw_path.strip("/").split("/")]:
            case ["api", version, *rest]:
                group = ""
            case ["apis", group, version, *rest]:
                pass
            case _:
                return None
        namespace = ""
        match rest:
            case ["namespaces", inside, below, *deeper] if below != STATUS:
                namespace, rest = inside, [below, *deeper]
        if not rest or len(rest) > _LONGEST or "" in rest:
            return None
        return cls(group, version, namespace, *rest)

    def verb(self, method: str, options: Options) -> str:
        """Return the API verb of a request. Raises ApiError (405)."""
        if self.subresource and method == "POST":
            return "create"
        verb = (_OBJECT_VERBS if self.name else _COLLECTION_VERBS).get(method)
        if verb is None:
            raise method_not_allowed()
        return "watch" if verb == "list" and options.watch else verb

    def attributes(self, verb: str, options: Options) -> Attributes:
        """Return what the authorizer is asked about a request."""
        name = self.name or _selected_name(options.field_selector)
        # A Namespace lies in itself, for those who ask for it.
        is_namespace = not self.group and self.plural == "namespaces"
        return Attributes(
            verb=verb,
            group=self.group,
            resource=self.plural,
            subresource=self.subresource,
            namespace=name if is_namespace else self.namespace,
            name=name,
        )


@dataclass(frozen=True, slots=True)
class Backend:
    """What lies behind the server."""

    registry: Registry
    identities: Identities
    authorizer: Authorizer


@dataclass(frozen=True, slots=True)
class Call:
    """A request about the objects of a kind, as far as its head tells."""

    backend: Backend
    request: web.Request
    user: User
    target: Target
    resource: Resource
    options: Options

    @property
    def registry(self) -> Registry:
        """The rules about objects."""
        return self.backend.registry

    @property
    def key(self) -> ObjectKey:
        """The object that the URL names."""
        return ObjectKey(self.target.namespace, self.target.name)


Handler = Callable[[Call], Awaitable[web.StreamResponse]]


def _selected_name(fields: str) -> str:
    """Return the one name that a selector allows: a role may be limited to names."""
    try:
        return exact_value(parse_labels(fields), NAME_FIELD) or ""
    except ValueError:
        return ""  # refused later, to those who may list
