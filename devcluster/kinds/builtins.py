"""The table of built-in kinds. A new one is a row here."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from devcluster.errors import Cause, invalid_value
from devcluster.kinds import policies
from devcluster.kinds.builtin import JSON_OBJECT, JSON_OBJECTS, BuiltinSchema
from devcluster.kinds.configuration import CONFIG_MAP, SECRET
from devcluster.kinds.definitions import (
    CUSTOM_RESOURCE_DEFINITION,
    hold_until_cleaned_up,
)
from devcluster.kinds.definitions import GROUP as DEFINITIONS_GROUP
from devcluster.kinds.resource import AGE, Column, Names, Resource
from devcluster.objects.json import Object, dig
from devcluster.objects.names import label_problem, path_segment_problem

NAMESPACE_FINALIZER = "kubernetes"

_SPEC = BuiltinSchema(fields={"spec": JSON_OBJECT, "status": JSON_OBJECT})
_SERVICE_ACCOUNT = BuiltinSchema(
    fields={
        "secrets": JSON_OBJECTS,
        "imagePullSecrets": JSON_OBJECTS,
        "automountServiceAccountToken": bool,
    }
)


def _fill_namespace(namespace: Object) -> None:
    meta = namespace["metadata"]
    meta["labels"] = meta.get("labels", {}) | {
        "kubernetes.io/metadata.name": meta.get("name", "")
    }
    namespace.setdefault("spec", {"finalizers": [NAMESPACE_FINALIZER]})
    namespace.setdefault("status", {"phase": "Active"})


def _mark_terminating(namespace: Object) -> None:
    namespace["status"]["phase"] = "Terminating"


def _is_namespace_held(namespace: Object) -> bool:
    return bool(
        dig(namespace, "metadata", "finalizers") or dig(namespace, "spec", "finalizers")
    )


class _LeaseSpec(msgspec.Struct, rename="camel"):
    holder_identity: str | None = None
    lease_duration_seconds: int | None = None
    acquire_time: str | None = None
    renew_time: str | None = None
    lease_transitions: int | None = None


def _validate_lease(new: Object, _old: Object | None) -> Iterator[Cause]:
    spec = msgspec.convert(new.get("spec", {}), _LeaseSpec)
    duration, transitions = spec.lease_duration_seconds, spec.lease_transitions
    if duration is not None and duration <= 0:
        yield invalid_value(
            "spec.leaseDurationSeconds", duration, "must be greater than 0"
        )
    if transitions is not None and transitions < 0:
        yield invalid_value(
            "spec.leaseTransitions", transitions, "must be greater than or equal to 0"
        )


def _validate_event(new: Object, _old: Object | None) -> Iterator[Cause]:
    about = dig(new, "involvedObject", "namespace") or "default"
    if about != new["metadata"]["namespace"]:
        yield invalid_value(
            "involvedObject.namespace", about, "does not match event.namespace"
        )


_EVENT_FIELDS = {
    "involvedObject": JSON_OBJECT,
    "reason": str,
    "message": str,
    "source": JSON_OBJECT,
    "firstTimestamp": str,
    "lastTimestamp": str,
    "count": int,
    "type": str,
    "eventTime": str,
    "series": JSON_OBJECT,
    "action": str,
    "related": JSON_OBJECT,
    "reportingComponent": str,
    "reportingInstance": str,
}
_EVENT_SELECTABLE = frozenset(
    {
        "involvedObject.apiVersion",
        "involvedObject.fieldPath",
        "involvedObject.kind",
        "involvedObject.name",
        "involvedObject.namespace",
        "involvedObject.resourceVersion",
        "involvedObject.uid",
        "reason",
        "reportingComponent",
        "type",
    }
)
_EVENT_COLUMNS = (
    Column("Last Seen", "date", ".lastTimestamp"),
    Column("Type", "string", ".type"),
    Column("Reason", "string", ".reason"),
    Column("Object", "string", ".involvedObject.name"),
    Column("Message", "string", ".message"),
)


def _names(
    kind: str, plural: str, *short: str, categories: tuple[str, ...] = ()
) -> Names:
    return Names(kind, plural, kind.lower(), f"{kind}List", short, categories)


def _workload(kind: str, plural: str, *short: str) -> Resource:
    return Resource(
        group="apps",
        version="v1",
        names=_names(kind, plural, *short, categories=("all",)),
        namespaced=True,
        schema=_SPEC,
        has_status=True,
        has_generation=True,
    )


def _role(
    kind: str, plural: str, schema: BuiltinSchema, *, namespaced: bool
) -> Resource:
    return Resource(
        group=policies.GROUP,
        version="v1",
        names=_names(kind, plural),
        namespaced=namespaced,
        schema=schema,
        name_rule=path_segment_problem,
    )


NAMESPACES = Resource(
    group="",
    version="v1",
    names=_names("Namespace", "namespaces", "ns"),
    namespaced=False,
    schema=BuiltinSchema(
        fields={"spec": JSON_OBJECT, "status": JSON_OBJECT}, defaults=_fill_namespace
    ),
    columns=(Column("Status", "string", ".status.phase"), AGE),
    has_status=True,
    selectable=frozenset({"status.phase"}),
    name_rule=label_problem,
    terminate=_mark_terminating,
    is_held=_is_namespace_held,
)
SECRETS = Resource(
    group="",
    version="v1",
    names=_names("Secret", "secrets"),
    namespaced=True,
    schema=SECRET,
    columns=(Column("Type", "string", ".type"), AGE),
    selectable=frozenset({"type"}),
)
CONFIG_MAPS = Resource(
    group="",
    version="v1",
    names=_names("ConfigMap", "configmaps", "cm"),
    namespaced=True,
    schema=CONFIG_MAP,
)
SERVICE_ACCOUNTS = Resource(
    group="",
    version="v1",
    names=_names("ServiceAccount", "serviceaccounts", "sa"),
    namespaced=True,
    schema=_SERVICE_ACCOUNT,
)
EVENTS = Resource(
    group="",
    version="v1",
    names=_names("Event", "events", "ev"),
    namespaced=True,
    schema=BuiltinSchema(fields=_EVENT_FIELDS, validator=_validate_event),
    columns=_EVENT_COLUMNS,
    selectable=_EVENT_SELECTABLE,
)
PODS = Resource(
    group="",
    version="v1",
    names=_names("Pod", "pods", "po", categories=("all",)),
    namespaced=True,
    schema=_SPEC,
    columns=(Column("Status", "string", ".status.phase"), AGE),
    has_status=True,
    selectable=frozenset({"status.phase", "spec.nodeName", "spec.serviceAccountName"}),
)
SERVICES = Resource(
    group="",
    version="v1",
    names=_names("Service", "services", "svc", categories=("all",)),
    namespaced=True,
    schema=_SPEC,
    has_status=True,
)
LEASES = Resource(
    group="coordination.k8s.io",
    version="v1",
    names=_names("Lease", "leases"),
    namespaced=True,
    schema=BuiltinSchema(fields={"spec": _LeaseSpec}, validator=_validate_lease),
    columns=(Column("Holder", "string", ".spec.holderIdentity"), AGE),
    unconditional_update=False,
)
DEPLOYMENTS = _workload("Deployment", "deployments", "deploy")
ROLES = _role("Role", "roles", policies.ROLE, namespaced=True)
CLUSTER_ROLES = _role(
    "ClusterRole", "clusterroles", policies.CLUSTER_ROLE, namespaced=False
)
ROLE_BINDINGS = _role("RoleBinding", "rolebindings", policies.BINDING, namespaced=True)
CLUSTER_ROLE_BINDINGS = _role(
    "ClusterRoleBinding", "clusterrolebindings", policies.BINDING, namespaced=False
)
DEFINITIONS = Resource(
    group=DEFINITIONS_GROUP,
    version="v1",
    names=_names(
        "CustomResourceDefinition", "customresourcedefinitions", "crd", "crds"
    ),
    namespaced=False,
    schema=CUSTOM_RESOURCE_DEFINITION,
    columns=(Column("Created At", "date", ".metadata.creationTimestamp"),),
    has_status=True,
    has_generation=True,
    unconditional_update=False,
    terminate=hold_until_cleaned_up,
)

BUILTINS = (
    NAMESPACES,
    SECRETS,
    CONFIG_MAPS,
    SERVICE_ACCOUNTS,
    EVENTS,
    PODS,
    SERVICES,
    DEPLOYMENTS,
    _workload("StatefulSet", "statefulsets", "sts"),
    _workload("DaemonSet", "daemonsets", "ds"),
    _workload("ReplicaSet", "replicasets", "rs"),
    LEASES,
    ROLES,
    CLUSTER_ROLES,
    ROLE_BINDINGS,
    CLUSTER_ROLE_BINDINGS,
    DEFINITIONS,
    Resource(
        group="policy",
        version="v1",
        names=_names("PodDisruptionBudget", "poddisruptionbudgets", "pdb"),
        namespaced=True,
        schema=_SPEC,
        has_status=True,
        has_generation=True,
    ),
    Resource(
        group="networking.k8s.io",
        version="v1",
        names=_names("NetworkPolicy", "networkpolicies", "netpol"),
        namespaced=True,
        schema=_SPEC,
        has_generation=True,
    ),
)
