"""Who may do what in a cluster: ServiceAccounts, their tokens, rights under RBAC.

Works on any API server, as its administrator.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from itertools import product

from cryptography.hazmat.primitives import serialization
from jwt import PyJWKSet

from tests.support.conditions import NotYet, eventually
from tests.support.kubeapi import Answer, KubeApi, Object

_GROUP = "rbac.authorization.k8s.io"
_KEYS = "/openid/v1/jwks"
_REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
_PROPAGATION = 10.0  # seconds until an authorizer knows of a grant


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a Role: verbs on resources of one API group ("" is core)."""

    verbs: tuple[str, ...]
    resources: tuple[str, ...]
    group: str = ""

    @property
    def manifest(self) -> Object:
        """The rule as a Role has it."""
        return {
            "apiGroups": [self.group],
            "resources": list(self.resources),
            "verbs": list(self.verbs),
        }


class SubjectKind(StrEnum):
    """Whom rights are given to."""

    USER = "User"
    GROUP = "Group"


@dataclass(frozen=True, slots=True)
class Subject:
    """A user or a group by name."""

    kind: SubjectKind
    name: str


@dataclass(frozen=True, slots=True)
class Account:
    """A ServiceAccount."""

    namespace: str
    name: str

    @property
    def subject(self) -> Subject:
        """The user that Kubernetes takes it for."""
        user = f"system:serviceaccount:{self.namespace}:{self.name}"
        return Subject(SubjectKind.USER, user)


@dataclass(frozen=True, slots=True)
class Grant:
    """Rights that were given, and the objects that say so."""

    subject: Subject
    rules: tuple[Rule, ...]
    namespace: str  # "": the whole cluster
    role: str
    binding: str


class Access:
    """Gives rights and takes them, with the rights of `api`."""

    def __init__(self, *, api: KubeApi) -> None:
        self._api = api

    async def create_account(self, namespace: str, name: str) -> Account:
        """Create a ServiceAccount, which may do nothing yet."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts"
        await self._create(path, {"metadata": {"name": name}})
        return Account(namespace, name)

    async def token(
        self, account: Account, *audiences: str, seconds: int = 3600
    ) -> str:
        """Return a token of `account`; without `audiences` for the API server.

        It is good for `seconds`, of which Kubernetes wants at least 600.
        """
        path = f"/api/v1/namespaces/{account.namespace}/serviceaccounts/{account.name}"
        spec = {"audiences": audiences, "expirationSeconds": seconds}
        answer = await self._create(f"{path}/token", {"spec": spec})
        token: str = answer.body["status"]["token"]
        return token

    async def signing_keys(self) -> list[str]:
        """Return the public keys (PEM) that verify ServiceAccount tokens."""
        answer = await self._api.get(_KEYS, accept="application/jwk-set+json")
        assert answer.status == HTTPStatus.OK, answer
        return [
            jwk.key.public_bytes(
                serialization.Encoding.PEM,
                serialization.PublicFormat.SubjectPublicKeyInfo,
            ).decode()
            for jwk in PyJWKSet.from_dict(answer.body).keys
        ]

    async def grant(self, subject: Subject, *rules: Rule, namespace: str = "") -> Grant:
        """Allow what `rules` say, and wait until it holds.

        `namespace` "" is the whole cluster.
        """
        name = f"grant-{secrets.token_hex(4)}"
        kind, path = _scope(namespace)
        roles, bindings = f"{path}/{kind.lower()}s", f"{path}/{kind.lower()}bindings"
        metadata = {"metadata": {"name": name}}
        role = metadata | {"rules": [rule.manifest for rule in rules]}
        binding = metadata | {
            "roleRef": {"apiGroup": _GROUP, "kind": kind, "name": name},
            "subjects": [
                {"apiGroup": _GROUP, "kind": subject.kind, "name": subject.name}
            ],
        }
        await self._create(roles, role)
        await self._create(bindings, binding)

        grant = Grant(
            subject=subject,
            rules=rules,
            namespace=namespace,
            role=f"{roles}/{name}",
            binding=f"{bindings}/{name}",
        )
        await self._wait_decided(grant, allowed=True)
        return grant

    async def withdraw(self, grant: Grant) -> None:
        """Take rights back, and wait until they are gone.

        They must not be granted in another way as well.
        """
        for path in (grant.binding, grant.role):
            answer = await self._api.delete(path)
            assert answer.status == HTTPStatus.OK, answer
        await self._wait_decided(grant, allowed=False)

    async def _create(self, path: str, body: Object) -> Answer:
        answer = await self._api.create(path, body)
        assert answer.status == HTTPStatus.CREATED, answer
        return answer

    async def _wait_decided(self, grant: Grant, *, allowed: bool) -> None:
        async def decided() -> None:
            for review in _reviews(grant):
                answer = await self._create(_REVIEWS, {"spec": review})
                if answer.body["status"]["allowed"] != allowed:
                    raise NotYet(f"{review} is not yet decided as {allowed}")

        await eventually(decided, within=_PROPAGATION)


def _scope(namespace: str) -> tuple[str, str]:
    """Return the kind of role that holds there, and where its kind is kept."""
    path = f"/apis/{_GROUP}/v1"
    if namespace:
        return "Role", f"{path}/namespaces/{namespace}"
    return "ClusterRole", path


def _reviews(grant: Grant) -> Iterator[Object]:
    """Yield a question about each right, as a SubjectAccessReview asks it."""
    subject = grant.subject
    who: Object = (
        {"user": subject.name}
        if subject.kind is SubjectKind.USER
        else {"user": "somebody", "groups": [subject.name]}
    )
    for rule in grant.rules:
        for verb, resource in product(rule.verbs, rule.resources):
            plural, _, subresource = resource.partition("/")
            attributes = {
                "namespace": grant.namespace,
                "verb": verb,
                "group": rule.group,
                "resource": plural,
                "subresource": subresource,
            }
            yield who | {"resourceAttributes": attributes}
