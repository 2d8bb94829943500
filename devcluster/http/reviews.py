"""Questions that are asked by creating something: tokens and reviews.

Nothing is stored. Source: the Kubernetes API reference, authentication.k8s.io/v1 and
authorization.k8s.io/v1.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from devcluster import errors
from devcluster.access.identity import Identities, User
from devcluster.access.rbac import Attributes, Authorizer
from devcluster.clock import timestamp
from devcluster.http.answers import answer_json
from devcluster.http.bodies import read_object
from devcluster.http.targets import Call
from devcluster.kinds.builtins import SERVICE_ACCOUNTS
from devcluster.objects.json import Object
from devcluster.registry.registry import Registry

_SHORTEST = 600  # seconds
_LONGEST = 1 << 32

T = TypeVar("T", bound=msgspec.Struct)


class _TokenRequest(msgspec.Struct, rename="camel"):
    audiences: list[str] = []
    expiration_seconds: int = 3600
    bound_object_ref: Any = None


class _TokenReview(msgspec.Struct):
    token: str = ""
    audiences: list[str] = []


class _AccessReview(msgspec.Struct, rename="camel"):
    resource_attributes: Attributes | None = None
    non_resource_attributes: Attributes | None = None
    user: str = ""
    groups: list[str] = []


class Reviews:
    """Answers what tokens and users are worth."""

    def __init__(
        self, *, registry: Registry, identities: Identities, authorizer: Authorizer
    ) -> None:
        self._registry = registry
        self.identities = identities
        self.authorizer = authorizer
        self.answers = {
            "TokenReview": self._token,
            "SubjectAccessReview": self._access,
            "SelfSubjectAccessReview": self._access,
        }

    async def issue_token(self, call: Call) -> web.Response:
        """Answer a TokenRequest of a ServiceAccount."""
        wanted = await _read_spec(call.request, _TokenRequest)
        account = self._registry.get(SERVICE_ACCOUNTS, call.key)
        causes, seconds = [], wanted.expiration_seconds
        if not _SHORTEST <= seconds <= _LONGEST:
            told = "must be from 10 minutes to 2^32 seconds"
            place = "spec.expirationSeconds"
            causes.append(errors.invalid_value(place, seconds, told))
        if wanted.bound_object_ref is not None:
            place = "spec.boundObjectRef"
            causes.append(errors.forbidden_field(place, "not supported here"))
        if causes:
            about = "TokenRequest.authentication.k8s.io"
            raise errors.invalid(about, call.target.name, causes)
        wanted.audiences = wanted.audiences or [self.identities.issuer]
        token, expiry = self.identities.issue(account, wanted.audiences, seconds)
        status = {"token": token, "expirationTimestamp": timestamp(expiry)}
        type_meta = {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1"}
        return _answer(type_meta, wanted, status)

    async def _token(self, call: Call, _: User) -> web.Response:
        asked = await _read_spec(call.request, _TokenReview)
        asked.audiences = asked.audiences or [self.identities.issuer]
        found = self.identities.review(asked.token, asked.audiences)
        status: Object = {"user": {}, "error": "invalid bearer token"}
        if found is not None:
            known = {"user": found[0].as_json(), "audiences": found[1]}
            status = {"authenticated": True} | known
        return _answer(call.resource.type_meta, asked, status)

    async def _access(self, call: Call, user: User) -> web.Response:
        asked = await _read_spec(call.request, _AccessReview)
        attributes = asked.resource_attributes or asked.non_resource_attributes
        if attributes is None:
            told = "neither resource nor nonResourceAttributes"
            raise errors.bad_request(f"{call.resource.names.kind} has {told}")
        if not call.resource.names.kind.startswith("Self"):
            user = User(asked.user, groups=tuple(asked.groups))
        status = {"allowed": self.authorizer.allows(user, attributes)}
        return _answer(call.resource.type_meta, asked, status)


async def _read_spec(request: web.Request, kind: type[T]) -> T:
    try:
        return msgspec.convert((await read_object(request)).get("spec", {}), kind)
    except msgspec.ValidationError as error:
        raise errors.bad_request(f"spec: {error}") from error


def _answer(type_meta: Object, spec: msgspec.Struct, status: Object) -> web.Response:
    content = {"metadata": {}, "spec": msgspec.to_builtins(spec), "status": status}
    return answer_json(type_meta | content, status=HTTPStatus.CREATED)
