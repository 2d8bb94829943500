"""What a URL names: a resource, an object, a subresource, or none of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from devcluster.access.rbac import Attributes
from devcluster.errors import method_not_allowed
from devcluster.http.queries import TRUE_WORDS
from devcluster.registry.selection import selected_name

_OBJECT_VERBS = {
    "GET": "get",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "delete",
}
_COLLECTION_VERBS = {"GET": "list", "POST": "create", "DELETE": "deletecollection"}
_NAMESPACES = "namespaces"
# What follows the name of a Namespace and is a part of it, not a kind within it.
_OF_NAMESPACES = frozenset({"status", "finalize"})
_LONGEST = 3  # plural, name, subresource


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The parts of a URL below `/api/v1` or `/apis/<group>/<version>`."""

    group: str
    version: str
    plural: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""


def parse_target(raw_path: str) -> Target | None:
    """Return what a path names, None when it is not a path of resources."""
    head, *segments = [unquote(each) for each in raw_path.strip("/").split("/")]
    group = ""
    if head == "apis" and segments:
        group, *segments = segments
    elif head != "api":
        return None
    version, *rest = segments or [""]
    namespace = ""
    match rest:
        case ["namespaces", inside, below, *deeper] if below not in _OF_NAMESPACES:
            namespace, rest = inside, [below, *deeper]
    if not rest or len(rest) > _LONGEST or "" in rest:
        return None
    plural, name, subresource = (*rest, "", "")[:_LONGEST]
    return Target(
        group=group,
        version=version,
        plural=plural,
        namespace=namespace,
        name=name,
        subresource=subresource,
    )


def verb_of(method: str, target: Target, query: Mapping[str, str]) -> str:
    """Return the API verb of a request. Raises ApiError (405)."""
    if target.subresource and method == "POST":
        return "create"
    verbs = _OBJECT_VERBS if target.name else _COLLECTION_VERBS
    if method not in verbs:
        raise method_not_allowed()
    if verbs[method] == "list" and query.get("watch") in TRUE_WORDS:
        return "watch"
    return verbs[method]


def attributes_of(verb: str, target: Target, query: Mapping[str, str]) -> Attributes:
    """Return what the authorizer is asked about a request to a resource."""
    name = target.name
    if not name and verb in {"list", "watch", "deletecollection"}:
        name = selected_name(query.get("fieldSelector", ""))
    namespace = target.namespace
    if not target.group and target.plural == _NAMESPACES:
        namespace = name  # a Namespace lies in itself, for those who ask for it
    return Attributes(
        verb=verb,
        group=target.group,
        resource=target.plural,
        subresource=target.subresource,
        namespace=namespace,
        name=name,
    )
