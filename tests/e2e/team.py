"""A team of users: a namespace with all that a VaultStaticSecret needs in it."""

from __future__ import annotations

import base64
import json
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.e2e.admin import OURS, VSO, Manifest, decoded, named
from tests.support.conditions import eventually
from tests.support.openbao import OpenBao
from tests.support.openbao_api import Refused
from tests.support.oracle.records import Ref

if TYPE_CHECKING:
    from tests.e2e.world import World

PATIENCE = 15.0  # seconds
# Nothing that is referred to goes before who refers to it.
_REFERRERS_FIRST = (
    "VaultDynamicSecret",
    "VaultStaticSecret",
    "SecretTransformation",
    "VaultAuth",
    "VaultAuthGlobal",
    "VaultConnection",
)


class Team:
    """A namespace with a VaultConnection, a VaultAuth and a ServiceAccount."""

    def __init__(self, world: World, namespace: str) -> None:
        self.world = world
        self.namespace = namespace
        self._admin = world.admin

    async def prepare(self) -> None:
        """Create what a VaultStaticSecret needs."""
        await self._admin.apply(
            {
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {"name": self.namespace},
            }
        )
        await self._admin.apply(self.named("ServiceAccount", "app-sa"))
        await self.trust(self.world.bao)
        await self.connect()
        await self.authenticate()

    async def end(self) -> None:
        """Give everything the time to be in order, as it is due now; then remove it."""
        await self.world.observatory.settle(self.namespace)
        await self.remove()

    async def remove(self) -> None:
        """Delete the resources, so that nobody works on them any more."""
        for kind in _REFERRERS_FIRST:
            for each in await self._admin.list(kind, self.namespace, VSO):
                await self._admin.delete(named(kind, self.namespace, _name(each)))
            await eventually(partial(self._has_none, kind), within=PATIENCE)

    async def _has_none(self, kind: str) -> None:
        """Raise unless all of a kind are gone: a finalizer may hold them."""
        assert await self._admin.list(kind, self.namespace, VSO) == []

    async def trust(self, bao: OpenBao, *, secret: str = "vault-ca") -> None:
        """Put the CA of a Vault where the VaultConnection looks for it.

        For the Vault of the world that is its proxy's.
        """
        ours = bao is self.world.bao
        ca_pem = self.world.vault_proxy.ca_pem if ours else bao.ca_pem
        await self.trust_pem(ca_pem or "", secret=secret)

    async def trust_pem(self, ca_pem: str, *, secret: str = "vault-ca") -> None:
        """Put this CA where the VaultConnection looks for it."""
        ca = base64.b64encode(ca_pem.encode()).decode()
        manifest = self.named("Secret", secret) | {"data": {"ca.crt": ca}}
        await self._admin.apply(manifest)

    async def connect(self, name: str = "vault", **changes: object) -> None:
        """Create or change a VaultConnection."""
        address = self.world.vault_proxy.url
        spec = {"address": address, "caCertSecretRef": "vault-ca"}
        await self._admin.apply(
            self.named("VaultConnection", name, spec=spec | changes)
        )

    async def authenticate(self, **changes: object) -> None:
        """Create or change the VaultAuth."""
        spec = {
            "method": "kubernetes",
            "mount": "kubernetes",
            "vaultConnectionRef": "vault",
            "kubernetes": {
                "role": "app-role",
                "serviceAccount": "app-sa",
                "audiences": ["vault"],
            },
        }
        await self._admin.apply(self.named("VaultAuth", "auth", spec=spec | changes))

    async def share(self, name: str = "global", **changes: object) -> None:
        """Create or change a VaultAuthGlobal with all that a login needs."""
        spec = {
            "allowedNamespaces": [],
            "vaultConnectionRef": "vault",
            "defaultAuthMethod": "kubernetes",
            "defaultMount": "kubernetes",
            "kubernetes": {
                "role": "app-role",
                "serviceAccount": "app-sa",
                "audiences": ["vault"],
            },
        }
        await self._admin.apply(
            self.named("VaultAuthGlobal", name, spec=spec | changes)
        )

    async def inherit(self, namespace: str, **reference: object) -> None:
        """Have a VaultAuth that inherits all from the VaultAuthGlobal of a namespace.

        It is the one that `sync` refers to, made anew.
        """
        await self._admin.delete(self.named("VaultAuth", "auth"))
        parent = {"name": "global", "namespace": namespace} | reference
        spec = {"vaultAuthGlobalRef": parent}
        await self._admin.create(self.named("VaultAuth", "auth", spec=spec))

    async def sync(
        self,
        name: str = "app",
        *,
        destination: Manifest | None = None,
        **changes: object,
    ) -> Manifest:
        """Create or change a VaultStaticSecret for the path of this namespace."""
        spec = {
            "vaultAuthRef": "auth",
            "mount": "secret",
            "type": "kv-v2",
            "path": f"{self.namespace}/{name}",
            "refreshAfter": "1s",
            "destination": {"name": f"{name}-secret", "create": True}
            | (destination or {}),
        }
        manifest = self.named("VaultStaticSecret", name, spec=spec | changes)
        return await self._admin.apply(manifest)

    async def transform(self, name: str = "shared", **spec: object) -> Manifest:
        """Create or change a SecretTransformation."""
        manifest = self.named("SecretTransformation", name, spec=spec)
        return await self._admin.apply(manifest)

    async def put(self, name: str = "app", **data: object) -> None:
        """Write to the path that `sync` reads."""
        await self.world.kv.put(f"{self.namespace}/{name}", data)

    async def secret(self, name: str = "app-secret") -> Manifest | None:
        """Return a Secret of this namespace."""
        return await self._admin.get(self.named("Secret", name))

    async def wait_value(
        self,
        key: str,
        value: bytes,
        name: str = "app-secret",
        *,
        within: float = PATIENCE,
    ) -> Manifest:
        """Wait until a Secret holds a value."""

        async def probe() -> Manifest:
            secret = await self.secret(name)
            assert secret is not None, f"there is no Secret {name}"
            assert decoded(secret).get(key) == value
            return secret

        return await eventually(probe, within=within)

    async def wait_condition(
        self,
        status: str,
        reason: str,
        *,
        kind: str = "VaultStaticSecret",
        name: str = "app",
        condition: str = "Ready",
        within: float = PATIENCE,
    ) -> str:
        """Wait until a condition is so; return its message.

        From then on it is what the story expects.
        """

        async def probe() -> str:
            found = await self.condition(kind, name, condition)
            assert found is not None, f"{kind} {name} has no condition {condition}"
            assert (found["status"], found["reason"]) == (status, reason), found
            message: str = found["message"]
            return message

        message = await eventually(probe, within=within)
        self.world.observatory.journal.condition_expected(
            Ref(kind, self.namespace, name),
            condition=condition,
            status=status,
            reason=reason,
        )
        return message

    async def wait_ready(self, name: str = "app") -> None:
        """Wait until a VaultStaticSecret is ready."""
        await self.wait_condition("True", "Ready", name=name)

    async def condition(
        self, kind: str, name: str, condition: str
    ) -> dict[str, Any] | None:
        """Return a condition of a resource."""
        resource = await self._admin.get(self.named(kind, name))
        assert resource is not None
        found: list[dict[str, Any]] = [
            each
            for each in resource.get("status", {}).get("conditions", [])
            if each["type"] == condition
        ]
        return found[0] if found else None

    async def tokens(self) -> list[str]:
        """Return the accessors of the tokens that the team's ServiceAccount has."""
        root = self.world.bao.root
        found = []
        for accessor in await root.names_below("auth/token/accessors"):
            try:
                reply = await root.write(
                    "auth/token/lookup-accessor", {"accessor": accessor}
                )
            except Refused:
                continue  # it has ended meanwhile
            metadata = reply["data"]["meta"] or {}
            if metadata.get("service_account_namespace") == self.namespace:
                found.append(accessor)
        return found

    async def everything(self) -> str:
        """Return all that people may read here: statuses and Events, as text."""
        shown: list[Manifest] = await self._admin.list("Event", self.namespace)
        for kind in OURS:
            manifest = named(kind, self.namespace, "")
            version = manifest["apiVersion"]
            shown += await self._admin.list(kind, self.namespace, version)
        return json.dumps(shown)

    def named(self, kind: str, name: str, *, spec: Manifest | None = None) -> Manifest:
        """Return a manifest of this namespace."""
        return named(kind, self.namespace, name, spec=spec)


def _name(manifest: Manifest) -> str:
    name: str = manifest["metadata"]["name"]
    return name
