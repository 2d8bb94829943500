"""What is typed and judged of built-in kinds.

A real server decodes built-in objects into full Go structs. Here a kind has the shape
of its top level and of what a client can rely on being refused; all kinds without a
shape are stored as they come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec

from devcluster.errors import Cause, invalid_value, required, too_long
from devcluster.objects.json import Object, dig
from devcluster.objects.metadata import CONFIG_KEY

RBAC = "rbac.authorization.k8s.io"
TYPE_META = frozenset({"apiVersion", "kind", "metadata"})
_SIZE_LIMIT = 1024 * 1024  # bytes of all values, decoded
_REQUIRED_KEYS = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
}


@dataclass(frozen=True, slots=True)
class BuiltinSchema:
    """The schema of a built-in kind; unknown fields within its fields are kept."""

    shape: type[msgspec.Struct] | None = None  # None: any fields
    fill: Callable[[Object], None] = lambda _: None
    # Told the object in its shape, as it came where there is none.
    judge: Callable[[Any], Iterable[Cause]] = lambda _: ()
    blobs: str = ""  # the field whose values are base64

    def prune(self, value: Object) -> list[str]:
        for key in [key for key, each in value.items() if each is None]:
            del value[key]
        if self.shape is None:
            return []
        if isinstance(blobs := value.get(self.blobs), dict):
            # Go's decoder skips line ends, which generators of YAML leave in.
            value[self.blobs] = {k: "".join(str(v).split()) for k, v in blobs.items()}
        known = TYPE_META.union(self.shape.__struct_encode_fields__)
        unknown = [key for key in value if key not in known]
        for key in unknown:
            del value[key]
        msgspec.convert(value, self.shape)
        return unknown

    def default(self, value: Object) -> None:
        self.fill(value)

    def problems(self, value: Object) -> Iterable[Cause]:
        shape = self.shape
        return self.judge(value if shape is None else msgspec.convert(value, shape))


class _Secret(msgspec.Struct, rename="camel"):
    data: dict[str, bytes] = {}
    string_data: dict[str, str] = {}
    type: str = ""
    immutable: bool = False


class _ConfigMap(msgspec.Struct, rename="camel"):
    data: dict[str, str] = {}
    binary_data: dict[str, bytes] = {}
    immutable: bool = False


class _LeaseSpec(msgspec.Struct, rename="camel"):
    lease_duration_seconds: Annotated[int, msgspec.Meta(gt=0)] | None = None


class _Lease(msgspec.Struct):
    spec: _LeaseSpec | None = None


class PolicyRule(msgspec.Struct, frozen=True, rename="camel"):
    """What may be done to what. `*` stands for all."""

    verbs: frozenset[str]
    api_groups: frozenset[str] = frozenset()
    resources: frozenset[str] = frozenset()
    resource_names: frozenset[str] = frozenset()  # empty: every name
    non_resource_urls: frozenset[str] = msgspec.field(
        default=frozenset(), name="nonResourceURLs"
    )


class Subject(msgspec.Struct, frozen=True):
    """Who may."""

    kind: str
    name: str
    namespace: str = ""


class RoleReference(msgspec.Struct, frozen=True):
    """Which role a binding gives."""

    kind: Literal["Role", "ClusterRole"]
    name: str


class Role(msgspec.Struct, frozen=True):
    """A Role or ClusterRole."""

    rules: tuple[PolicyRule, ...] = ()


class Binding(msgspec.Struct, frozen=True, rename="camel"):
    """A RoleBinding or ClusterRoleBinding."""

    role_ref: RoleReference
    subjects: tuple[Subject, ...] = ()


def _fill_secret(secret: Object) -> None:
    if texts := secret.pop("stringData", {}):
        encoded = {key: text.encode() for key, text in texts.items()}
        secret["data"] = secret.get("data", {}) | msgspec.to_builtins(encoded)
    secret.setdefault("type", "Opaque")


def _judge_secret(secret: _Secret) -> Iterator[Cause]:
    yield from _content_problems("data", secret.data)
    for key in _REQUIRED_KEYS.get(secret.type, ()):
        if key not in secret.data:
            yield required(f"data[{key}]")


def _judge_config_map(content: _ConfigMap) -> Iterator[Cause]:
    texts = {key: text.encode() for key, text in content.data.items()}
    yield from _content_problems("data", texts)
    yield from _content_problems("binaryData", content.binary_data)


def _content_problems(field: str, data: Mapping[str, bytes]) -> Iterator[Cause]:
    for key in data:
        yield from CONFIG_KEY.problems(f"{field}[{key}]", key)
    if sum(map(len, data.values())) > _SIZE_LIMIT:
        yield too_long(field, _SIZE_LIMIT)


def _fill_namespace(namespace: Object) -> None:
    meta = namespace["metadata"]
    named = {"kubernetes.io/metadata.name": meta.get("name", "")}
    meta["labels"] = meta.get("labels", {}) | named
    namespace.setdefault("spec", {"finalizers": ["kubernetes"]})
    is_going = "deletionTimestamp" in meta
    namespace["status"] = {"phase": "Terminating" if is_going else "Active"}


def _judge_event(event: Object) -> Iterator[Cause]:
    about = dig(event, "involvedObject.namespace") or "default"
    if about != event["metadata"]["namespace"]:
        told = "does not match event.namespace"
        yield invalid_value("involvedObject.namespace", about, told)


ANYTHING = BuiltinSchema()
SCHEMAS: Mapping[str, BuiltinSchema] = {
    "Namespace": BuiltinSchema(fill=_fill_namespace),
    "Secret": BuiltinSchema(_Secret, _fill_secret, _judge_secret, blobs="data"),
    "ConfigMap": BuiltinSchema(_ConfigMap, judge=_judge_config_map, blobs="binaryData"),
    "Event": BuiltinSchema(judge=_judge_event),
    "Lease": BuiltinSchema(_Lease),
    "Role": BuiltinSchema(Role),
    "Binding": BuiltinSchema(Binding),
}
