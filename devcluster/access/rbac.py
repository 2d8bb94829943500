"""RBAC: may this user do that? Answered from the roles and bindings in the store."""

from __future__ import annotations

from collections import defaultdict

import msgspec

from devcluster.access.identity import ACCOUNT_PREFIX, MASTERS, User
from devcluster.errors import ApiError, forbidden
from devcluster.kinds.builtins import BY_KIND
from devcluster.kinds.shapes import RBAC, Binding, PolicyRule, Role, Subject
from devcluster.storage.objects import Change, ObjectKey, Stored
from devcluster.storage.store import Collection, Store

_ALL = "*"
_EVERYWHERE = "at the cluster scope"


class Attributes(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for: a verb on a resource, or on a `path` that is none."""

    verb: str = ""
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    @property
    def qualified_resource(self) -> str:
        """The resource as rules name it: `secrets`, `serviceaccounts/token`."""
        return "/".join(filter(None, (self.resource, self.subresource)))


_Grant = tuple[str, tuple[PolicyRule, ...]]  # namespace ("" for all) and rules
_Holder = tuple[str, str]  # "User" or "Group", and its name


class Authorizer:
    """Follows the store: what was bound a moment ago holds now."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._grants: dict[_Holder, list[_Grant]] | None = None  # None: read again
        store.observe(self._notice)

    def require(self, user: User, asked: Attributes) -> None:
        """Raise ApiError (403) unless the user may do what is asked."""
        if not self.allows(user, asked):
            raise _refusal(user, asked)

    def allows(self, user: User, asked: Attributes) -> bool:
        """Say whether any role of the user allows what is asked."""
        if MASTERS in user.groups:
            return True
        if self._grants is None:
            self._grants = self._read()
        holders = [("User", user.name), *(("Group", group) for group in user.groups)]
        return any(
            _rule_allows(rule, asked)
            for holder in holders
            for namespace, rules in self._grants.get(holder, ())
            if namespace in {"", asked.namespace}
            for rule in rules
        )

    def _notice(self, change: Change) -> None:
        if change.collection.endswith(RBAC):
            self._grants = None

    def _read(self) -> dict[_Holder, list[_Grant]]:
        grants: dict[_Holder, list[_Grant]] = defaultdict(list)
        for kind in ("RoleBinding", "ClusterRoleBinding"):
            for stored in self._collection(kind).objects():
                self._grant(stored, grants)
        return grants

    def _grant(self, stored: Stored, grants: dict[_Holder, list[_Grant]]) -> None:
        """Add what a binding gives, nothing where its role is missing."""
        binding = msgspec.json.decode(stored.raw, type=Binding)
        kind, name = binding.role_ref.kind, binding.role_ref.name
        namespace = stored.key.namespace
        home = "" if kind == "ClusterRole" else namespace
        if role := self._collection(kind).get(ObjectKey(home, name)):
            rules = msgspec.json.decode(role.raw, type=Role).rules
            for subject in binding.subjects:
                grants[_holder(subject)].append((namespace, rules))

    def _collection(self, kind: str) -> Collection:
        return self._store.collection(BY_KIND[kind].collection)


def _holder(subject: Subject) -> _Holder:
    if subject.kind == "ServiceAccount":
        return "User", f"{ACCOUNT_PREFIX}{subject.namespace}:{subject.name}"
    return subject.kind, subject.name


def _rule_allows(rule: PolicyRule, asked: Attributes) -> bool:
    if not _covers(rule.verbs, asked.verb):
        return False
    if asked.path:
        return any(_covers_path(url, asked.path) for url in rule.non_resource_urls)
    return (
        _covers(rule.api_groups, asked.group)
        and _covers(rule.resources, asked.qualified_resource)
        and (not rule.resource_names or asked.name in rule.resource_names)
    )


def _covers(allowed: frozenset[str], asked: str) -> bool:
    return asked in allowed or _ALL in allowed


def _covers_path(url: str, path: str) -> bool:
    return path.startswith(url[:-1]) if url.endswith(_ALL) else path == url


def _refusal(user: User, asked: Attributes) -> ApiError:
    who = f'User "{user.name}" cannot {asked.verb}'
    if asked.path:
        return ApiError("Forbidden", f'forbidden: {who} path "{asked.path}"')
    what = f'resource "{asked.qualified_resource}" in API group "{asked.group}"'
    where = f'in the namespace "{asked.namespace}"' if asked.namespace else _EVERYWHERE
    about = f"{asked.resource}.{asked.group}".rstrip(".")
    return forbidden(about, asked.name, f"{who} {what} {where}")
