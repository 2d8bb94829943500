"""Kubernetes objects as an administrator handles them: whole manifests, as dicts."""

from __future__ import annotations

import base64
import itertools
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from tests.support.conditions import eventually
from tests.support.tls import trust
from vso_controller.api.kinds import RECONCILED

Manifest = dict[str, Any]

_PLURALS = {
    "Namespace": "namespaces",
    "Secret": "secrets",
    "ServiceAccount": "serviceaccounts",
    "Event": "events",
    "Lease": "leases",
    "Role": "roles",
    "RoleBinding": "rolebindings",
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
    "CustomResourceDefinition": "customresourcedefinitions",
    **{kind.name: kind.resource.plural for kind in RECONCILED},
}
OURS = tuple(kind.name for kind in RECONCILED)
"""The custom resources."""
VSO = "secrets.hashicorp.com/v1beta1"
_MERGE_PATCH = {"Content-Type": "application/merge-patch+json"}


class Refused(Exception):
    """The API server answered with an error status."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text}")
        self.status = status


class Admin:
    """Reads and writes any object."""

    def __init__(
        self,
        *,
        http: aiohttp.ClientSession,
        url: str,
        adapt: Callable[[Manifest], Manifest],
    ) -> None:
        self._http = http
        self._url = url
        self._lifetimes = itertools.count(24 * 3600)  # seconds
        self._adapt = adapt  # what is in files to what the server takes

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        url: str,
        *,
        ca_pem: str,
        token: str,
        adapt: Callable[[Manifest], Manifest] = lambda manifest: manifest,
    ) -> AsyncIterator[Admin]:
        """Hold connections to the API server for the length of the block."""
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=trust(ca_pem)),
            headers={"Authorization": f"Bearer {token}"},
            timeout=aiohttp.ClientTimeout(total=15),
        ) as http:
            yield cls(http=http, url=url, adapt=adapt)

    async def create(self, manifest: Manifest) -> Manifest:
        """Create an object. Raises Refused."""
        return await self._ask("POST", _collection(manifest), manifest)

    async def apply_files(self, *folders: Path) -> None:
        """Create every object of the YAML files in `folders`, or bring it in step."""
        for folder in folders:
            for manifest in manifests_in(folder):
                await self.apply(self._adapt(manifest))
        await self._wait_served()

    async def apply(self, manifest: Manifest) -> Manifest:
        """Create an object, or merge the manifest into the one there is."""
        try:
            return await self.create(manifest)
        except Refused as error:
            if error.status != HTTPStatus.CONFLICT:
                raise
        return await self.patch(manifest, manifest)

    async def get(self, manifest: Manifest) -> Manifest | None:
        """Return the object that the manifest names, None if there is none."""
        try:
            return await self._ask("GET", _path(manifest))
        except Refused as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return None

    async def patch(
        self, manifest: Manifest, change: Manifest, *, subresource: str = ""
    ) -> Manifest:
        """Merge `change` into the object that the manifest names."""
        path = _path(manifest) + (f"/{subresource}" if subresource else "")
        return await self._ask("PATCH", path, change, _MERGE_PATCH)

    async def delete(self, manifest: Manifest) -> None:
        """Delete the object that the manifest names. Raises Refused."""
        await self._ask("DELETE", _path(manifest))

    async def list(
        self, kind: str, namespace: str, group: str = "v1"
    ) -> list[Manifest]:
        """Return all objects of a kind in a namespace."""
        some = {"apiVersion": group, "kind": kind, "metadata": {"namespace": namespace}}
        items: list[Manifest] = (await self._ask("GET", _collection(some)))["items"]
        return items

    async def token(self, namespace: str, account: str, *, audience: str = "") -> str:
        """Return a token for a ServiceAccount, good for about a day.

        An audience of "" is the API server itself. No two of a process are the same,
        as those would be which Kubernetes 1.20 makes for one account in one second.
        """
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        spec: dict[str, object] = {"expirationSeconds": next(self._lifetimes)}
        if audience:
            spec["audiences"] = [audience]
        token: str = (await self._ask("POST", path, {"spec": spec}))["status"]["token"]
        return token

    async def signing_keys(self) -> Sequence[Manifest]:
        """Return the public keys that tokens are signed with, as JWKs."""
        keys: Sequence[Manifest] = (await self._ask("GET", "/openid/v1/jwks"))["keys"]
        return keys

    async def _wait_served(self) -> None:
        async def served() -> None:
            for kind in OURS:
                try:
                    await self.list(kind, "default", VSO)
                except Refused as error:
                    raise AssertionError(f"{kind} is not served: {error}") from error

        await eventually(served, within=15)

    async def _ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Manifest:
        async with self._http.request(
            method, self._url + path, json=body, headers=headers
        ) as answer:
            if answer.status >= HTTPStatus.BAD_REQUEST:
                raise Refused(answer.status, await answer.text())
            document: Manifest = await answer.json()
            return document


def manifests_in(folder: Path) -> list[Manifest]:
    """Return all objects of the YAML files in a folder, in the order of the files."""
    files = sorted(folder.glob("*.yaml"))
    return [each for file in files for each in yaml.safe_load_all(file.read_text())]


def named(
    kind: str, namespace: str, name: str, *, spec: Manifest | None = None
) -> Manifest:
    """Return a manifest of one of our kinds, or of the core group."""
    manifest: Manifest = {
        "apiVersion": VSO if kind in OURS else "v1",
        "kind": kind,
        "metadata": {"namespace": namespace, "name": name},
    }
    return manifest if spec is None else manifest | {"spec": spec}


def decoded(secret: Manifest) -> dict[str, bytes]:
    """Return the data of a Secret."""
    data: dict[str, str] = secret.get("data") or {}
    return {key: base64.b64decode(value) for key, value in data.items()}


def _collection(manifest: Manifest) -> str:
    version = manifest["apiVersion"]
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    namespace = manifest["metadata"].get("namespace")
    scope = f"/namespaces/{namespace}" if namespace else ""
    return f"{root}{scope}/{_PLURALS[manifest['kind']]}"


def _path(manifest: Manifest) -> str:
    return f"{_collection(manifest)}/{manifest['metadata']['name']}"
