"""Builders for the custom kind that the contract is asked with."""

from __future__ import annotations

from tests.support.kubeapi import Object

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


def is_established(definition: Object) -> bool:
    """Say whether a definition as read says that its kind is served."""
    conditions = definition.get("status", {}).get("conditions") or []
    return any(
        each["type"] == "Established" and each["status"] == "True"
        for each in conditions
    )
