"""Accounts of a controller beside the usual one, whose rights a story changes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from tests.e2e.admin import Admin, Manifest, manifests_in, named
from tests.e2e.world import ACCOUNT, OPERATOR, World
from tests.support.planting import ROOT

_RBAC = "rbac.authorization.k8s.io"
_MANAGER = "vso-controller-manager-role"
_ELECTION = "vso-controller-leader-election-role"
_ACCOUNTS = count(1)


@dataclass(frozen=True, slots=True)
class Account:
    """A ServiceAccount in the controller's namespace, with bindings of its own."""

    admin: Admin
    name: str

    @classmethod
    async def like_ours(
        cls, admin: Admin, *, in_namespaces: Sequence[str] | None = None
    ) -> Account:
        """Make one that may do what the controller may, in all namespaces or these."""
        account = cls(admin, f"controller-{next(_ACCOUNTS)}")
        await admin.apply(named("ServiceAccount", OPERATOR, account.name))
        await account.bind("Role", _ELECTION, OPERATOR, called="election")
        if in_namespaces is None:
            await account.bind("ClusterRole", _MANAGER, "")
        for namespace in in_namespaces or ():
            await account.allow_all(namespace)
        return account

    async def allow_all(self, namespace: str) -> None:
        """Let it do in a namespace what the controller must."""
        await self._rule(namespace, _manager_rules())

    async def allow_no_secrets(self, namespace: str) -> None:
        """Let it do in a namespace what the controller must, but touch no Secret."""
        rules = [each for each in _manager_rules() if each["resources"] != ["secrets"]]
        await self._rule(namespace, rules)

    async def bind(
        self, kind: str, role: str, namespace: str, *, called: str = "manager"
    ) -> None:
        """Give it a role, in a namespace or ("") everywhere."""
        binding = self._named(
            "RoleBinding" if namespace else "ClusterRoleBinding", namespace, called
        )
        await self.admin.apply(
            binding
            | {
                "roleRef": {"apiGroup": _RBAC, "kind": kind, "name": role},
                "subjects": [
                    {
                        "kind": "ServiceAccount",
                        "name": self.name,
                        "namespace": OPERATOR,
                    }
                ],
            }
        )

    async def end(self) -> None:
        """Delete it: its tokens are good for nothing any more."""
        await self.admin.delete(named("ServiceAccount", OPERATOR, self.name))

    async def _rule(self, namespace: str, rules: list[Manifest]) -> None:
        role = self._named("Role", namespace, "manager")
        await self.admin.apply(role | {"rules": rules})
        await self.bind("Role", f"{self.name}-manager", namespace)

    def _named(self, kind: str, namespace: str, called: str) -> Manifest:
        metadata = {"name": f"{self.name}-{called}"}
        if namespace:
            metadata["namespace"] = namespace
        return {"apiVersion": f"{_RBAC}/v1", "kind": kind, "metadata": metadata}


async def kubeconfig_of(world: World, *, authority: Path) -> Path:
    """Write a kubeconfig that names the file of the CA instead of containing it."""
    config = await world.kubeconfig_for(ACCOUNT)
    document = json.loads(config.read_text())
    cluster = document["clusters"][0]["cluster"]
    del cluster["certificate-authority-data"]
    cluster["certificate-authority"] = str(authority)
    config.write_text(json.dumps(document))
    return config


def _manager_rules() -> list[Manifest]:
    (role,) = [
        each
        for each in manifests_in(ROOT / "deploy" / "rbac")
        if each["kind"] == "ClusterRole"
    ]
    rules: list[Manifest] = role["rules"]
    return rules
