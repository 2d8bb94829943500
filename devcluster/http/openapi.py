"""OpenAPI v3, as much of it as kubectl reads.

`kubectl apply` looks for a patch operation of the kind that takes `fieldValidation`;
`kubectl explain` reads the schema of custom kinds.
"""

from __future__ import annotations

from devcluster.kinds.catalog import Catalog
from devcluster.kinds.definitions import CustomSchema
from devcluster.kinds.resource import Resource
from devcluster.objects.json import Object

_INFO: Object = {"title": "devcluster", "version": "v1"}


class OpenApi:
    """Describes the catalog in OpenAPI's words."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def _index(self) -> Object:
        paths = {
            path: {"serverRelativeURL": f"/openapi/v3/{path}"}
            for path in (
                _path(group, version)
                for group, versions in self._catalog.groups().items()
                for version in versions
            )
        }
        return {"paths": paths}

    def document(self, path: str) -> Object | None:
        """Answer `/openapi/v3/<path>`, None for a version that is not served.

        The empty path is the index of all.
        """
        if not path:
            return self._index()
        resources = [
            each for each in self._catalog if _path(each.group, each.version) == path
        ]
        if not resources:
            return None
        return {
            "openapi": "3.0.0",
            "info": _INFO,
            "paths": dict(map(_operations, resources)),
            "components": {"schemas": dict(map(_schema, resources))},
        }


def _path(group: str, version: str) -> str:
    return f"apis/{group}/{version}" if group else f"api/{version}"


def _operations(resource: Resource) -> tuple[str, Object]:
    scope = "namespaces/{namespace}/" if resource.namespaced else ""
    path = f"/{_path(resource.group, resource.version)}/{scope}{resource.plural}"
    parameters = [
        {"name": name, "in": "query", "schema": {"type": "string"}}
        for name in ("dryRun", "fieldManager", "fieldValidation")
    ]
    operation: Object = {
        "parameters": parameters,
        "responses": {"200": {"description": "OK"}},
        "x-kubernetes-action": "patch",
        "x-kubernetes-group-version-kind": _kind(resource),
    }
    return f"{path}/{{name}}", {"patch": operation}


def _schema(resource: Resource) -> tuple[str, Object]:
    schema: Object = {"type": "object"}
    if isinstance(resource.schema, CustomSchema):
        schema = schema | resource.schema.root
    properties = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
    }
    schema["properties"] = properties | schema.get("properties", {})
    schema["x-kubernetes-group-version-kind"] = [_kind(resource)]
    group = ".".join(reversed(resource.group.split("."))) or "io.k8s.api.core"
    return f"{group}.{resource.version}.{resource.kind}", schema


def _kind(resource: Resource) -> Object:
    return {
        "group": resource.group,
        "version": resource.version,
        "kind": resource.kind,
    }
