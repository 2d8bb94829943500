"""RBAC objects as they are typed, for the schema and for the authorizer."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from devcluster.errors import Cause, invalid_value, required
from devcluster.kinds.builtin import JSON_OBJECT, BuiltinSchema
from devcluster.objects.json import Object

GROUP = "rbac.authorization.k8s.io"


class PolicyRule(msgspec.Struct, frozen=True, rename="camel"):
    """What may be done to what. `*` stands for all."""

    verbs: frozenset[str]
    api_groups: frozenset[str] = frozenset()
    resources: frozenset[str] = frozenset()
    resource_names: frozenset[str] = frozenset()  # empty: every name
    non_resource_urls: frozenset[str] = msgspec.field(
        default=frozenset(), name="nonResourceURLs"
    )


class Subject(msgspec.Struct, frozen=True, rename="camel"):
    """Who may."""

    kind: str
    name: str
    namespace: str = ""
    api_group: str = ""


class RoleReference(msgspec.Struct, frozen=True, rename="camel"):
    """Which role a binding gives."""

    kind: str
    name: str
    api_group: str = GROUP


_SUBJECT_KINDS = ("User", "Group", "ServiceAccount")


def _default_rules(role: Object) -> None:
    role.setdefault("rules", [])


def _validate_rules(new: Object, _old: Object | None) -> Iterator[Cause]:
    for index, rule in enumerate(new["rules"]):
        place = f"rules[{index}]"
        if not rule.get("verbs"):
            yield required(f"{place}.verbs", "verbs must contain at least one value")
        if rule.get("nonResourceURLs"):
            continue
        if not rule.get("apiGroups"):
            yield required(
                f"{place}.apiGroups",
                "resource rules must supply at least one api group",
            )
        if not rule.get("resources"):
            yield required(
                f"{place}.resources", "resource rules must supply at least one resource"
            )


def _validate_binding(new: Object, old: Object | None) -> Iterator[Cause]:
    if "roleRef" not in new:
        yield required("roleRef.name")
    elif old is not None and new["roleRef"] != old["roleRef"]:
        yield invalid_value("roleRef", new["roleRef"], "cannot change roleRef")
    for index, subject in enumerate(new.get("subjects", ())):
        if subject["kind"] not in _SUBJECT_KINDS:
            yield invalid_value(
                f"subjects[{index}].kind", subject["kind"], "is not a kind of subject"
            )
        if subject["kind"] == "ServiceAccount" and not subject.get("namespace"):
            yield required(f"subjects[{index}].namespace")


ROLE = BuiltinSchema(
    fields={"rules": list[PolicyRule]},
    defaults=_default_rules,
    validator=_validate_rules,
)
CLUSTER_ROLE = BuiltinSchema(
    fields={"rules": list[PolicyRule], "aggregationRule": JSON_OBJECT},
    defaults=_default_rules,
    validator=_validate_rules,
)
BINDING = BuiltinSchema(
    fields={"subjects": list[Subject], "roleRef": RoleReference},
    validator=_validate_binding,
)
