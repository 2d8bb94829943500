"""Discovery: which groups, versions and resources are served, and OpenAPI v3.

Of OpenAPI there is what `kubectl apply` looks for: a patch operation of the kind that
takes `fieldValidation`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from devcluster.http.calls import TOKEN
from devcluster.kinds.catalog import Catalog
from devcluster.kinds.resource import Resource
from devcluster.objects.json import Object

VERSION: Object = {"major": "1", "minor": "36", "gitVersion": "v1.36.0-devcluster"}
_PARAMETER = {"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}
_AUTHENTICATION = "authentication.k8s.io"
# What is sent to a subresource where that is not the kind itself.
_OTHER_KINDS: Mapping[str, Object] = {
    TOKEN: {"group": _AUTHENTICATION, "version": "v1", "kind": "TokenRequest"}
}
_OPENAPI = "openapi/v3"


def describe(path: str, catalog: Catalog) -> Object | None:
    """Return what describes the server at this path, None where nothing does."""
    roots = catalog.roots()
    if path == "api":
        return {"kind": "APIVersions", "versions": ["v1"]}
    if path == "apis":
        return _groups(resources[0] for resources in roots.values())
    if path == _OPENAPI:
        return {"paths": {r: {"serverRelativeURL": f"/{_OPENAPI}/{r}"} for r in roots}}
    root = path.removeprefix(f"{_OPENAPI}/")
    if root not in roots:
        return None
    return _resources(roots[root]) if root == path else _openapi(roots[root])


def _groups(examples: Iterable[Resource]) -> Object:
    """Describe groups, each version of which is told by one of its kinds."""
    groups: dict[str, list[Object]] = {}
    for each in examples:
        told = {"groupVersion": each.api_version, "version": each.version}
        groups.setdefault(each.group, []).append(told)
    described = [
        {"name": name, "versions": versions, "preferredVersion": versions[0]}
        for name, versions in groups.items()
        if name
    ]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": described}


def _resources(resources: list[Resource]) -> Object:
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": resources[0].api_version,
        "resources": [told for each in resources for told in _described(each)],
    }


def _described(resource: Resource) -> Iterator[Object]:
    names = resource.names
    common: Object = {"namespaced": resource.namespaced, "kind": names.kind}
    called = {"singularName": names.singular, "categories": names.categories}
    for below, verbs in resource.served.items():
        name = f"{names.plural}/{below}" if below else names.plural
        told = common | {"name": name, "verbs": verbs, "singularName": ""}
        if not below:
            told |= called | {"shortNames": names.short_names}
        yield told | _OTHER_KINDS.get(below, {})


def _openapi(resources: list[Resource]) -> Object:
    paths = {}
    for each in resources:
        scope = "namespaces/{namespace}/" if each.namespaced else ""
        kind = {"group": each.group, "version": each.version, "kind": each.names.kind}
        operation: Object = {
            "parameters": [_PARAMETER],
            "responses": {"200": {"description": "OK"}},
            "x-kubernetes-group-version-kind": kind,
        }
        path = f"/{each.root}/{scope}{each.names.plural}/{{name}}"
        paths[path] = {"patch": operation}
    info = {"title": "devcluster", "version": "v1"}
    return {"openapi": "3.0.0", "info": info, "paths": paths}
