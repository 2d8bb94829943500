"""The custom kind that the contract is asked with."""

from __future__ import annotations

from tests.contract.waiting import PATIENCE
from tests.support.conditions import eventually
from tests.support.kubeapi import KubeApi, Object

GROUP = "contract.example.com"
API_VERSION = f"{GROUP}/v1"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_READY = '.status.conditions[?(@.type=="Ready")].status'

_SPEC: Object = {
    "type": "object",
    "required": ["size"],
    "properties": {
        "size": {"type": "integer", "minimum": 1, "maximum": 100},
        "mode": {"type": "string", "default": "auto", "enum": ["auto", "manual"]},
        "code": {
            "type": "string",
            "minLength": 2,
            "maxLength": 4,
            "pattern": "^[a-z]*$",
        },
        "port": {"x-kubernetes-int-or-string": True},
        "note": {"type": "string", "nullable": True},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "tags": {
            "type": "array",
            "x-kubernetes-list-type": "set",
            "items": {"type": "string"},
        },
        "nested": {
            "type": "object",
            "properties": {"depth": {"type": "integer", "default": 7}},
        },
        "when": {"type": "string", "format": "no-such-format"},
    },
}
_STATUS: Object = {
    "type": "object",
    "properties": {
        "phase": {"type": "string"},
        "conditions": {
            "type": "array",
            "items": {
                "type": "object",
                "x-kubernetes-preserve-unknown-fields": True,
            },
        },
    },
}


def definition(group: str, *, plural: str = "widgets", kind: str = "Widget") -> Object:
    """Return a definition of a kind with a status, defaults and validation."""
    schema = {"type": "object", "properties": {"spec": _SPEC, "status": _STATUS}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": plural, "kind": kind, "shortNames": []},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [
                        {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
                        {"name": "Ready", "type": "string", "jsonPath": _READY},
                    ],
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }


def widget(name: str, **spec: object) -> Object:
    """Return a Widget of size 1 with these fields of `spec` besides."""
    return {
        "apiVersion": API_VERSION,
        "kind": "Widget",
        "metadata": {"name": name},
        "spec": {"size": 1, **spec},
    }


async def serve_definition(api: KubeApi, group: str) -> None:
    """Define Widgets in this group and wait until they are served."""
    created = await api.create(DEFINITIONS, definition(group))
    assert created.status == 201, created

    async def served() -> None:
        found = await api.get(f"{DEFINITIONS}/widgets.{group}")
        conditions = found.body.get("status", {}).get("conditions") or []
        assert ("Established", "True") in [(c["type"], c["status"]) for c in conditions]
        listed = await api.get(f"/apis/{group}/v1/widgets")
        assert listed.status == 200

    await eventually(served, within=PATIENCE)
