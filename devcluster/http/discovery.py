"""Discovery: which groups, versions and resources are served."""

from __future__ import annotations

from collections.abc import Sequence

from devcluster.http.reviews import TOKEN, ReviewKind
from devcluster.http.writing import STATUS
from devcluster.kinds.builtins import SERVICE_ACCOUNTS
from devcluster.kinds.catalog import Catalog
from devcluster.kinds.resource import Resource
from devcluster.objects.json import Object

VERSION: Object = {
    "major": "1",
    "minor": "36",
    "gitVersion": "v1.36.0-devcluster",
    "gitCommit": "",
    "gitTreeState": "",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "",
    "platform": "python",
}
_ALL_VERBS = [
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
]
_STATUS_VERBS = ["get", "patch", "update"]


class Discovery:
    """Describes the catalog and the reviews beside it."""

    def __init__(self, *, catalog: Catalog, reviews: Sequence[ReviewKind]) -> None:
        self._catalog = catalog
        self._reviews = reviews

    def core_versions(self) -> Object:
        """Answer `/api`."""
        return {
            "kind": "APIVersions",
            "versions": ["v1"],
            "serverAddressByClientCIDRs": [],
        }

    def of_groups(self, path: Sequence[str]) -> Object | None:
        """Answer `/apis` and what lies below it, None where nothing does."""
        match path:
            case []:
                return self._groups()
            case [group]:
                return self._group(group)
            case [group, version]:
                return self.resources(group, version)
        return None

    def _groups(self) -> Object:
        found = self._versions()
        groups = [_described_group(group, found[group]) for group in found if group]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}

    def _group(self, group: str) -> Object | None:
        versions = self._versions().get(group)
        if versions is None or not group:
            return None
        return {
            "kind": "APIGroup",
            "apiVersion": "v1",
            **_described_group(group, versions),
        }

    def resources(self, group: str, version: str) -> Object | None:
        """Describe the resources of one version, None for one that is not served."""
        if version not in self._versions().get(group, ()):
            return None
        described = []
        for resource in self._catalog.of_version(group, version):
            described += _described(resource)
        described += [_described_review(r) for r in self._reviews if r.group == group]
        return {
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": f"{group}/{version}" if group else version,
            "resources": described,
        }

    def _versions(self) -> dict[str, list[str]]:
        versions = self._catalog.groups()
        for review in self._reviews:
            versions[review.group] = ["v1"]
        return versions


def _described_group(name: str, versions: list[str]) -> Object:
    told = [{"groupVersion": f"{name}/{each}", "version": each} for each in versions]
    return {"name": name, "versions": told, "preferredVersion": told[0]}


def _described(resource: Resource) -> list[Object]:
    names = resource.names
    main: Object = {
        "name": names.plural,
        "singularName": names.singular,
        "namespaced": resource.namespaced,
        "kind": names.kind,
        "verbs": _ALL_VERBS,
    }
    if names.short:
        main["shortNames"] = list(names.short)
    if names.categories:
        main["categories"] = list(names.categories)
    subresource: Object = {"singularName": "", "namespaced": resource.namespaced}
    described = [main]
    if resource.has_status:
        path = f"{names.plural}/{STATUS}"
        told: Object = {"name": path, "kind": names.kind, "verbs": _STATUS_VERBS}
        described.append(subresource | told)
    if resource is SERVICE_ACCOUNTS:
        told = {
            "name": f"{names.plural}/{TOKEN}",
            "group": "authentication.k8s.io",
            "version": "v1",
            "kind": "TokenRequest",
            "verbs": ["create"],
        }
        described.append(subresource | told)
    return described


def _described_review(review: ReviewKind) -> Object:
    return {
        "name": review.plural,
        "singularName": review.kind.lower(),
        "namespaced": False,
        "kind": review.kind,
        "verbs": ["create"],
    }
