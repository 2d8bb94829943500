"""Questions that are asked by creating something: tokens and reviews.

Nothing is stored. Source: the Kubernetes API reference, authentication.k8s.io/v1 and
authorization.k8s.io/v1.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus

import msgspec
from aiohttp import web

from devcluster.access.rbac import Attributes, Authorizer
from devcluster.access.tokens import TokenIssuer
from devcluster.access.users import Authenticator, User
from devcluster.clock import timestamp
from devcluster.errors import forbidden_field, invalid, invalid_value, required
from devcluster.http.answers import answer_json
from devcluster.http.bodies import read_struct
from devcluster.http.targets import Target
from devcluster.kinds.builtins import SERVICE_ACCOUNTS
from devcluster.objects.json import Object
from devcluster.registry.registry import Registry
from devcluster.storage.objects import ObjectKey

AUTHENTICATION = "authentication.k8s.io"
AUTHORIZATION = "authorization.k8s.io"
TOKEN = "token"

_SHORTEST = 600  # seconds
_LONGEST = 1 << 32
_USUAL = 3600


class _TokenRequestSpec(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    audiences: list[str] = []
    expiration_seconds: int | None = None
    bound_object_ref: Object | None = None


class _TokenRequest(msgspec.Struct):
    spec: _TokenRequestSpec = msgspec.field(default_factory=_TokenRequestSpec)


class _TokenReviewSpec(msgspec.Struct, forbid_unknown_fields=True):
    token: str = ""
    audiences: list[str] = []


class _TokenReview(msgspec.Struct):
    spec: _TokenReviewSpec = msgspec.field(default_factory=_TokenReviewSpec)


class _ResourceAttributes(msgspec.Struct, forbid_unknown_fields=True):
    verb: str = ""
    group: str = ""
    version: str = ""  # RBAC does not ask for it
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""


class _PathAttributes(msgspec.Struct, forbid_unknown_fields=True):
    verb: str = ""
    path: str = ""


class _AccessSpec(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    resource_attributes: _ResourceAttributes | None = None
    non_resource_attributes: _PathAttributes | None = None
    user: str = ""
    uid: str = ""
    groups: list[str] = []
    extra: dict[str, list[str]] = {}  # RBAC does not ask for it


class _AccessReview(msgspec.Struct):
    spec: _AccessSpec


Review = Callable[[web.Request, User], Awaitable[web.Response]]


@dataclass(frozen=True, slots=True)
class ReviewKind:
    """A kind that is only created, and answered at once."""

    group: str
    plural: str
    kind: str
    answer: Review


class Reviews:
    """Answers what tokens and users are worth."""

    def __init__(
        self,
        *,
        registry: Registry,
        authenticator: Authenticator,
        authorizer: Authorizer,
        tokens: TokenIssuer,
    ) -> None:
        self._registry = registry
        self._authenticator = authenticator
        self._authorizer = authorizer
        self._tokens = tokens
        self.kinds = (
            ReviewKind(AUTHENTICATION, "tokenreviews", "TokenReview", self._token),
            ReviewKind(
                AUTHENTICATION, "selfsubjectreviews", "SelfSubjectReview", self._self
            ),
            ReviewKind(
                AUTHORIZATION,
                "subjectaccessreviews",
                "SubjectAccessReview",
                self._access,
            ),
            ReviewKind(
                AUTHORIZATION,
                "selfsubjectaccessreviews",
                "SelfSubjectAccessReview",
                self._own_access,
            ),
        )

    async def issue_token(self, request: web.Request, target: Target) -> web.Response:
        """Answer a TokenRequest of a ServiceAccount."""
        wanted = (await read_struct(request, _TokenRequest)).spec
        key = ObjectKey(target.namespace, target.name)
        account = self._registry.get(SERVICE_ACCOUNTS, key)
        seconds = _checked_seconds(target.name, wanted)
        token, expiry = self._tokens.issue(
            namespace=key.namespace,
            name=key.name,
            uid=account.uid,
            audiences=wanted.audiences,
            seconds=seconds,
        )
        answer: Object = {
            "kind": "TokenRequest",
            "apiVersion": f"{AUTHENTICATION}/v1",
            "metadata": {"name": key.name, "namespace": key.namespace},
            "spec": {
                "audiences": wanted.audiences or [self._tokens.issuer],
                "expirationSeconds": seconds,
                "boundObjectRef": None,
            },
            "status": {"token": token, "expirationTimestamp": timestamp(expiry)},
        }
        return answer_json(answer, status=HTTPStatus.CREATED)

    async def _token(self, request: web.Request, _: User) -> web.Response:
        asked = (await read_struct(request, _TokenReview)).spec
        audiences = asked.audiences or [self._tokens.issuer]
        found = self._authenticator.review(asked.token, audiences)
        status: Object = {"user": {}, "error": "invalid bearer token"}
        if found is not None:
            reviewed, meant = found
            status = {
                "authenticated": True,
                "user": reviewed.as_json(),
                "audiences": meant,
            }
        spec: Object = {"token": asked.token, "audiences": audiences}
        return _answer(AUTHENTICATION, "TokenReview", spec, status)

    async def _self(self, _: web.Request, user: User) -> web.Response:
        status = {"userInfo": user.as_json()}
        return _answer(AUTHENTICATION, "SelfSubjectReview", {}, status)

    async def _access(self, request: web.Request, _: User) -> web.Response:
        asked = (await read_struct(request, _AccessReview)).spec
        if not asked.user and not asked.groups:
            cause = required("spec.user", "at least one of user or group must be given")
            raise invalid(AUTHORIZATION, "SubjectAccessReview", "", [cause])
        subject = User(asked.user, uid=asked.uid, groups=tuple(asked.groups))
        return self._answer_access("SubjectAccessReview", asked, subject)

    async def _own_access(self, request: web.Request, user: User) -> web.Response:
        asked = (await read_struct(request, _AccessReview)).spec
        return self._answer_access("SelfSubjectAccessReview", asked, user)

    def _answer_access(self, kind: str, asked: _AccessSpec, user: User) -> web.Response:
        allowed = self._authorizer.allows(user, _attributes(kind, asked))
        spec: Object = msgspec.to_builtins(asked)
        given = {name: value for name, value in spec.items() if value}
        return _answer(AUTHORIZATION, kind, given, {"allowed": allowed})


def _answer(group: str, kind: str, spec: Object, status: Object) -> web.Response:
    answer: Object = {"kind": kind, "apiVersion": f"{group}/v1", "metadata": {}}
    answer |= {"spec": spec} if spec else {}
    return answer_json(answer | {"status": status}, status=HTTPStatus.CREATED)


def _attributes(kind: str, asked: _AccessSpec) -> Attributes:
    resource, path = asked.resource_attributes, asked.non_resource_attributes
    if resource is not None and path is None:
        return Attributes(
            verb=resource.verb,
            group=resource.group,
            resource=resource.resource,
            subresource=resource.subresource,
            namespace=resource.namespace,
            name=resource.name,
        )
    if path is not None and resource is None:
        return Attributes(verb=path.verb, path=path.path)
    told = (
        "exactly one of nonResourceAttributes or resourceAttributes must be specified"
    )
    cause = invalid_value("spec.resourceAttributes", None, told)
    raise invalid(AUTHORIZATION, kind, "", [cause])


def _checked_seconds(name: str, wanted: _TokenRequestSpec) -> int:
    causes = []
    field = "spec.expirationSeconds"
    seconds = _USUAL if wanted.expiration_seconds is None else wanted.expiration_seconds
    if seconds < _SHORTEST:
        told = "may not specify a duration less than 10 minutes"
        causes.append(invalid_value(field, seconds, told))
    if seconds > _LONGEST:
        told = "may not specify a duration larger than 2^32 seconds"
        causes.append(invalid_value(field, seconds, told))
    if wanted.bound_object_ref is not None:
        causes.append(forbidden_field("spec.boundObjectRef", "not supported here"))
    if causes:
        raise invalid(AUTHENTICATION, "TokenRequest", name, causes)
    return seconds
