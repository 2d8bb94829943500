"""The protobuf messages that kubectl sends with its typed commands.

`kubectl create token`, `auth can-i`, `create secret` and the like send protobuf and
nothing else. Kinds without a table here are refused. Source of the field numbers: the
`generated.proto` files published with the Kubernetes API.
"""

from __future__ import annotations

from devcluster.objects.json import Object
from devcluster.protobuf.wire import (
    Field,
    Message,
    blob,
    flag,
    mapping,
    moment,
    nested,
    nested_list,
    number,
    read_message,
    text,
    texts,
)

CONTENT_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\0"

_ENVELOPE: Message = {
    1: nested("typeMeta", {1: text("apiVersion"), 2: text("kind")}),
    2: Field("raw", bytes),
    3: text("contentEncoding"),
    4: text("contentType"),
}
_OWNER: Message = {
    1: text("kind"),
    3: text("name"),
    4: text("uid"),
    5: text("apiVersion"),
    6: flag("controller"),
    7: flag("blockOwnerDeletion"),
}
_METADATA: Message = {
    1: text("name"),
    2: text("generateName"),
    3: text("namespace"),
    4: text("selfLink"),
    5: text("uid"),
    6: text("resourceVersion"),
    7: number("generation"),
    8: moment("creationTimestamp"),
    9: moment("deletionTimestamp"),
    10: number("deletionGracePeriodSeconds"),
    11: mapping("labels"),
    12: mapping("annotations"),
    13: nested_list("ownerReferences", _OWNER),
    14: texts("finalizers"),
}
_REFERENCE: Message = {
    1: text("kind"),
    2: text("namespace"),
    3: text("name"),
    4: text("uid"),
    5: text("apiVersion"),
    6: text("resourceVersion"),
    7: text("fieldPath"),
}
_RULE: Message = {
    1: texts("verbs"),
    2: texts("apiGroups"),
    3: texts("resources"),
    4: texts("resourceNames"),
    5: texts("nonResourceURLs"),
}
_SUBJECT: Message = {
    1: text("kind"),
    2: text("apiGroup"),
    3: text("name"),
    4: text("namespace"),
}
_ROLE_REFERENCE: Message = {1: text("apiGroup"), 2: text("kind"), 3: text("name")}
_BOUND_OBJECT: Message = {
    1: text("kind"),
    2: text("apiVersion"),
    3: text("name"),
    4: text("uid"),
}
_RESOURCE_ATTRIBUTES: Message = {
    1: text("namespace"),
    2: text("verb"),
    3: text("group"),
    4: text("version"),
    5: text("resource"),
    6: text("subresource"),
    7: text("name"),
}
_PATH_ATTRIBUTES: Message = {1: text("path"), 2: text("verb")}
_ACCESS: Message = {
    1: nested("resourceAttributes", _RESOURCE_ATTRIBUTES),
    2: nested("nonResourceAttributes", _PATH_ATTRIBUTES),
    3: text("user"),
    4: texts("groups"),
    6: text("uid"),
}
_ACCESS_STATUS: Message = {
    1: flag("allowed"),
    2: text("reason"),
    3: text("evaluationError"),
    4: flag("denied"),
}
_TOKEN_SPEC: Message = {
    1: texts("audiences"),
    3: nested("boundObjectRef", _BOUND_OBJECT),
    4: number("expirationSeconds"),
}
_TOKEN_STATUS: Message = {1: text("token"), 2: moment("expirationTimestamp")}
_USER: Message = {1: text("username"), 2: text("uid"), 3: texts("groups")}
_ROLE: Message = {1: nested("metadata", _METADATA), 2: nested_list("rules", _RULE)}
_BINDING: Message = {
    1: nested("metadata", _METADATA),
    2: nested_list("subjects", _SUBJECT),
    3: nested("roleRef", _ROLE_REFERENCE),
}
_ACCESS_REVIEW: Message = {
    1: nested("metadata", _METADATA),
    2: nested("spec", _ACCESS),
    3: nested("status", _ACCESS_STATUS),
}

_KINDS: dict[tuple[str, str], Message] = {
    ("v1", "Secret"): {
        1: nested("metadata", _METADATA),
        2: mapping("data", blob),
        3: text("type"),
        4: mapping("stringData"),
        5: flag("immutable"),
    },
    ("v1", "ConfigMap"): {
        1: nested("metadata", _METADATA),
        2: mapping("data"),
        3: mapping("binaryData", blob),
        4: flag("immutable"),
    },
    ("v1", "Namespace"): {
        1: nested("metadata", _METADATA),
        2: nested("spec", {1: texts("finalizers")}),
        3: nested("status", {1: text("phase")}),
    },
    ("v1", "ServiceAccount"): {
        1: nested("metadata", _METADATA),
        2: nested_list("secrets", _REFERENCE),
        3: nested_list("imagePullSecrets", {1: text("name")}),
        4: flag("automountServiceAccountToken"),
    },
    ("rbac.authorization.k8s.io/v1", "Role"): _ROLE,
    ("rbac.authorization.k8s.io/v1", "ClusterRole"): _ROLE,
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): _BINDING,
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"): _BINDING,
    ("authentication.k8s.io/v1", "TokenRequest"): {
        1: nested("metadata", _METADATA),
        2: nested("spec", _TOKEN_SPEC),
        3: nested("status", _TOKEN_STATUS),
    },
    ("authentication.k8s.io/v1", "SelfSubjectReview"): {
        1: nested("metadata", _METADATA),
        2: nested("status", {1: nested("userInfo", _USER)}),
    },
    ("authorization.k8s.io/v1", "SelfSubjectAccessReview"): _ACCESS_REVIEW,
    ("authorization.k8s.io/v1", "SubjectAccessReview"): _ACCESS_REVIEW,
}


def decode_object(document: bytes) -> Object:
    """Return the object in a Kubernetes protobuf envelope as JSON has it.

    Raises ValueError for what is malformed, LookupError for a kind without a table.
    """
    if not document.startswith(_MAGIC):
        raise ValueError("the protobuf document does not begin as Kubernetes' do")
    envelope = read_message(document[len(_MAGIC) :], _ENVELOPE)
    type_meta = envelope.get("typeMeta", {})
    kind = (type_meta.get("apiVersion", ""), type_meta.get("kind", ""))
    if kind not in _KINDS:
        raise LookupError(f"{' '.join(kind)} is not read from protobuf here")
    fields = read_message(envelope.get("raw", b""), _KINDS[kind])
    return {**type_meta, **fields}
