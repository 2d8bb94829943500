"""What the measured cluster holds: resources of 1.9 KB, and Secrets of strangers.

A resource looks as one that people apply with kubectl and that was synced: what was
last applied in an annotation, labels of its deployment, three conditions.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from vso_controller.api.kinds import (
    VAULT_AUTH,
    VAULT_CONNECTION,
    VAULT_STATIC_SECRET,
    Kind,
)
from vso_controller.domain.conditions import ConditionType
from vso_controller.domain.reasons import Reason

Manifest = dict[str, Any]

OPERATOR = "vault-secrets-operator-system"
MOUNT = "secret"
ACCOUNT = "app"
TENANTS = 50
RESOURCE_SIZE = 1900
"""Bytes of the JSON in which the API server sends one resource, within a tenth."""

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_SYNCED = (ConditionType.SECRET_SYNCED, ConditionType.HEALTHY, ConditionType.READY)


def surroundings(vault_address: str) -> Iterator[Manifest]:
    """Yield what the resources need: namespaces, accounts and the way to Vault."""
    yield _of_kind(VAULT_CONNECTION, OPERATOR, "default", {"address": vault_address})
    for number in range(TENANTS):
        tenant = _tenant(number)
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": tenant}}
        yield _core("ServiceAccount", tenant, ACCOUNT)
        login = {"role": "app", "serviceAccount": ACCOUNT, "audiences": ["vault"]}
        yield _of_kind(
            VAULT_AUTH,
            tenant,
            "auth",
            {"method": "kubernetes", "mount": "kubernetes", "kubernetes": login},
        )


def resource(number: int) -> Manifest:
    """Return a VaultStaticSecret without its status."""
    name = f"resource-{number:05}"
    labels = {
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/instance": f"{name}-production",
        "app.kubernetes.io/managed-by": "kubectl",
    }
    spec = {
        "vaultAuthRef": "auth",
        "mount": MOUNT,
        "type": "kv-v2",
        "path": path(number),
        "refreshAfter": "24h",
        "destination": {
            "name": f"{name}-credentials",
            "create": True,
            "labels": {"app.kubernetes.io/part-of": name},
        },
    }
    manifest = _of_kind(VAULT_STATIC_SECRET, _tenant(number), name, spec)
    manifest["metadata"]["labels"] = labels
    applied = json.dumps(manifest)
    manifest["metadata"]["annotations"] = {_LAST_APPLIED: applied}
    return manifest


def path(number: int) -> str:
    """Return the path in Vault that the resource reads; no two share one."""
    return f"production/resource-{number:05}"


def synced_status() -> Manifest:
    """Return the status of a resource that is in step."""
    conditions = [
        {
            "type": kind,
            "status": "True",
            "reason": Reason.READY,
            "message": "Secret is in step with Vault",
            "observedGeneration": 1,
            "lastTransitionTime": "2026-11-01T12:00:00Z",
        }
        for kind in _SYNCED
    ]
    return {"status": {"lastGeneration": 1, "conditions": conditions}}


def change(number: int) -> Manifest:
    """Return a patch that makes the `number`-th version of a resource's spec."""
    return {"spec": {"refreshAfter": f"{24 * 3600 + number}s"}}


def stranger(number: int) -> Manifest:
    """Return a Secret that is none of the controller's business."""
    name = f"foreign-{number:06}"
    manifest = _core("Secret", _tenant(number), name)
    return manifest | {"data": {"password": "c3RyYW5nZXI="}}


def _tenant(number: int) -> str:
    return f"tenant-{number % TENANTS:02}"


def _of_kind(kind: Kind, namespace: str, name: str, spec: Manifest) -> Manifest:
    resource = kind.resource
    return {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": {"namespace": namespace, "name": name},
        "spec": spec,
    }


def _core(kind: str, namespace: str, name: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {"namespace": namespace, "name": name},
    }
