"""A cluster as the tests of the kube layer use it: by its administrator."""

from __future__ import annotations

import asyncio
import secrets as randomness
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec
import yaml

from tests.support.conditions import eventually
from vso_controller.foundation.clock import SystemClock
from vso_controller.foundation.digest import digest_with
from vso_controller.foundation.objects import Envelope, ObjectKey, ResourceType
from vso_controller.foundation.secret import Secret
from vso_controller.kube.calls import Call, Target, Verb, object_target
from vso_controller.kube.config import ConnectionSettings, load_settings
from vso_controller.kube.decoding import EnvelopeDecoder, SecretDecoder
from vso_controller.kube.errors import AlreadyExists, NotFound
from vso_controller.kube.listwatch import ResourceListWatch
from vso_controller.kube.secrets import Secrets
from vso_controller.kube.session import ApiSession, open_session

PATIENCE = 10.0  # seconds
DIGEST_KEY = Secret(b"0123456789abcdef")
WIDGETS = ResourceType(group="ex.io", version="v1", plural="widgets", kind="Widget")
NAMESPACES = ResourceType(group="", version="v1", plural="namespaces", kind="Namespace")
DEFINITIONS = ResourceType(
    group="apiextensions.k8s.io",
    version="v1",
    plural="customresourcedefinitions",
    kind="CustomResourceDefinition",
)
ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
WIDGET_DEFINITION = {
    "apiVersion": DEFINITIONS.api_version,
    "kind": DEFINITIONS.kind,
    "metadata": {"name": "widgets.ex.io"},
    "spec": {
        "group": WIDGETS.group,
        "scope": "Namespaced",
        "names": {"plural": "widgets", "singular": "widget", "kind": "Widget"},
        "versions": [
            {
                "name": WIDGETS.version,
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {"spec": ANYTHING, "status": ANYTHING},
                    }
                },
            }
        ],
    },
}


class Cluster(Protocol):
    """What both kinds of server say about themselves."""

    @property
    def url(self) -> str: ...
    @property
    def ca_pem(self) -> str: ...
    @property
    def admin_token(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Site:
    """A running cluster and a session of its administrator's."""

    cluster: Cluster
    session: ApiSession
    folder: Path

    @property
    def secrets(self) -> Secrets:
        return Secrets(
            session=self.session, decoder=SecretDecoder(digest=digest_with(DIGEST_KEY))
        )

    def widgets(
        self, label: str = "", namespace: str = "default"
    ) -> ResourceListWatch[Envelope]:
        return ResourceListWatch(
            session=self.session,
            resource=WIDGETS,
            decoder=EnvelopeDecoder(),
            namespace=namespace,
            label_selector=label,
        )

    async def settings(self, token: str) -> ConnectionSettings:
        return await settings_for(self.cluster, token, self.folder)

    async def create(
        self, resource: ResourceType, namespace: str, document: object
    ) -> Envelope:
        call = Call(
            verb=Verb.CREATE,
            target=Target(resource, namespace),
            repeatable=False,
            body=msgspec.json.encode(document),
        )
        return EnvelopeDecoder().item(await self.session.request(call))

    async def create_widget(
        self, label: str = "any", *, name: str = "", namespace: str = "default"
    ) -> Envelope:
        document = {
            "apiVersion": WIDGETS.api_version,
            "kind": WIDGETS.kind,
            "metadata": {"name": name or unique(), "labels": {"test": label}},
            "spec": {"size": 1.5},
        }
        return await self.create(WIDGETS, namespace, document)

    async def delete(self, resource: ResourceType, key: ObjectKey) -> None:
        target = object_target(resource, key)
        await self.session.request(
            Call(verb=Verb.DELETE, target=target, repeatable=True)
        )


@asynccontextmanager
async def site_on(cluster: Cluster, folder: Path) -> AsyncIterator[Site]:
    """Open a session of the administrator's on a cluster that serves widgets."""
    settings = await settings_for(cluster, cluster.admin_token, folder)
    async with open_session(settings=settings) as session:
        running = Site(cluster, session, folder)
        await serve_widgets(running)
        yield running


def unique() -> str:
    return f"x-{randomness.token_hex(4)}"


async def settings_for(
    cluster: Cluster, token: str, folder: Path
) -> ConnectionSettings:
    authority = folder / "ca.crt"
    file = folder / unique()
    document = {
        "current-context": "it",
        "clusters": [
            {
                "name": "it",
                "cluster": {
                    "server": cluster.url,
                    "certificate-authority": str(authority),
                },
            }
        ],
        "users": [{"name": "it", "user": {"token": token}}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
    }
    await asyncio.to_thread(authority.write_text, cluster.ca_pem)
    await asyncio.to_thread(file.write_text, yaml.safe_dump(document))
    return await load_settings(
        kubeconfig=str(file), context="", environ={}, clock=SystemClock()
    )


async def serve_widgets(site: Site) -> None:
    with suppress(AlreadyExists):
        await site.create(DEFINITIONS, "", WIDGET_DEFINITION)

    async def served() -> None:
        try:
            await site.widgets().list_page(resource_version="", continue_token="")
        except NotFound as error:
            raise AssertionError("not served yet") from error

    await eventually(served, within=PATIENCE)
