"""What a URL names: a resource, an object, a subresource, or none of them."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

from aiohttp import web

from devcluster.access.rbac import Attributes
from devcluster.errors import method_not_allowed
from devcluster.kinds.resource import Resource
from devcluster.objects.selectors import exact_value, parse_labels
from devcluster.registry.listing import NAME_FIELD
from devcluster.registry.options import Options
from devcluster.storage.objects import ObjectKey

STATUS = "status"
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


@dataclass(frozen=True, slots=True)
class Call:
    """A request about the objects of a kind, as far as its head tells."""

    request: web.Request
    target: Target
    resource: Resource
    options: Options

    @property
    def key(self) -> ObjectKey:
        """The object that the URL names."""
        return ObjectKey(self.target.namespace, self.target.name)


def parse_target(raw_path: str) -> Target | None:
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
    return Target(group, version, namespace, *rest)


def verb_of(method: str, target: Target, options: Options) -> str:
    """Return the API verb of a request. Raises ApiError (405)."""
    if target.subresource and method == "POST":
        return "create"
    verbs = _OBJECT_VERBS if target.name else _COLLECTION_VERBS
    if method not in verbs:
        raise method_not_allowed()
    return "watch" if verbs[method] == "list" and options.watch else verbs[method]


def attributes_of(verb: str, target: Target, options: Options) -> Attributes:
    """Return what the authorizer is asked about a request to a resource."""
    name, namespace = target.name, target.namespace
    if not name and options.field_selector:
        name = _selected_name(options.field_selector)
    if not target.group and target.plural == "namespaces":
        namespace = name  # a Namespace lies in itself, for those who ask for it
    return Attributes(
        verb=verb,
        group=target.group,
        resource=target.plural,
        subresource=target.subresource,
        namespace=namespace,
        name=name,
    )


def _selected_name(fields: str) -> str:
    """Return the one name that a selector allows: a role may be limited to names."""
    try:
        return exact_value(parse_labels(fields), NAME_FIELD) or ""
    except ValueError:
        return ""  # refused later, to those who may list
