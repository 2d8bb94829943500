"""The namespaces, roles and bindings that every cluster has from the start."""

from __future__ import annotations

from devcluster.access.users import AUTHENTICATED, MASTERS
from devcluster.kinds.builtins import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, NAMESPACES
from devcluster.kinds.policies import GROUP
from devcluster.kinds.resource import Resource
from devcluster.objects.json import Object

_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
_PUBLIC = ["/healthz", "/livez", "/readyz", "/version", "/version/"]
_DISCOVERY = ["/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*"]
_CREATE = ["create"]
_ROLES: dict[str, list[Object]] = {
    "cluster-admin": [
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
        {"nonResourceURLs": ["*"], "verbs": ["*"]},
    ],
    "system:auth-delegator": [
        {
            "apiGroups": ["authentication.k8s.io"],
            "resources": ["tokenreviews"],
            "verbs": _CREATE,
        },
        {
            "apiGroups": ["authorization.k8s.io"],
            "resources": ["subjectaccessreviews"],
            "verbs": _CREATE,
        },
    ],
    "system:basic-user": [
        {
            "apiGroups": ["authorization.k8s.io"],
            "resources": ["selfsubjectaccessreviews"],
            "verbs": _CREATE,
        },
        {
            "apiGroups": ["authentication.k8s.io"],
            "resources": ["selfsubjectreviews"],
            "verbs": _CREATE,
        },
    ],
    "system:discovery": [{"nonResourceURLs": _PUBLIC + _DISCOVERY, "verbs": ["get"]}],
}
_BINDINGS = {
    "cluster-admin": MASTERS,
    "system:basic-user": AUTHENTICATED,
    "system:discovery": AUTHENTICATED,
}


def bootstrap_objects() -> list[tuple[Resource, Object]]:
    """Return what is created before the first request, in order."""
    namespaces = [(NAMESPACES, {"metadata": {"name": name}}) for name in _NAMESPACES]
    roles = [
        (CLUSTER_ROLES, {"metadata": {"name": name}, "rules": rules})
        for name, rules in _ROLES.items()
    ]
    bindings = [
        (CLUSTER_ROLE_BINDINGS, _binding(role, group))
        for role, group in _BINDINGS.items()
    ]
    return [*namespaces, *roles, *bindings]


def _binding(role: str, group: str) -> Object:
    return {
        "metadata": {"name": role},
        "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": GROUP, "kind": "Group", "name": group}],
    }
