"""Questions that are asked by creating something: tokens and reviews.

Nothing is stored. Source: the Kubernetes API reference, authentication.k8s.io/v1 and
authorization.k8s.io/v1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import msgspec
from aiohttp import web

from devcluster import errors
from devcluster.access.identity import User
from devcluster.access.rbac import Attributes
from devcluster.clock import timestamp
from devcluster.http.bodies import answer_json, read_object
from devcluster.http.calls import Call, Handler
from devcluster.objects.json import Object

_SHORTEST = 600  # seconds
_LONGEST = 1 << 32


class _Spec(msgspec.Struct, rename="camel"):
    @classmethod
    async def read(cls, call: Call) -> Self:
        """Read it from the body. Raises ApiError (400)."""
        value = await read_object(call.request)
        try:
            return msgspec.convert(value.get("spec", {}), cls)
        except msgspec.ValidationError as error:
            raise errors.bad_request(f"spec: {error}") from error


class _TokenRequest(_Spec):
    audiences: list[str] = []
    expiration_seconds: int = 3600
    bound_object_ref: Any = None


class _TokenReview(_Spec):
    token: str = ""
    audiences: list[str] = []


class _AccessReview(_Spec):
    resource_attributes: Attributes | None = None
    non_resource_attributes: Attributes | None = None
    user: str = ""
    groups: list[str] = []


async def request_token(call: Call) -> web.Response:
    """Answer a TokenRequest of a ServiceAccount."""
    wanted, identities = await _TokenRequest.read(call), call.backend.identities
    account = call.registry.get(call.resource, call.key)
    causes, seconds = [], wanted.expiration_seconds
    if not _SHORTEST <= seconds <= _LONGEST:
        told = "must be from 10 minutes to 2^32 seconds"
        causes.append(errors.invalid_value("spec.expirationSeconds", seconds, told))
    if wanted.bound_object_ref is not None:
        causes.append(errors.forbidden_field("spec.boundObjectRef", "not supported"))
    if causes:
        about = "TokenRequest.authentication.k8s.io"
        raise errors.invalid(about, call.target.name, causes)
    wanted.audiences = wanted.audiences or [identities.issuer]
    token, expiry = identities.issue(account, wanted.audiences, seconds)
    status = {"token": token, "expirationTimestamp": timestamp(expiry)}
    type_meta = {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1"}
    return _answer(type_meta, wanted, status)


async def review_token(call: Call) -> web.Response:
    """Answer whose a token is."""
    asked, identities = await _TokenReview.read(call), call.backend.identities
    asked.audiences = asked.audiences or [identities.issuer]
    found = identities.review(asked.token, asked.audiences)
    status: Object = {"user": {}, "error": "invalid bearer token"}
    if found is not None:
        known = {"user": found[0].as_json(), "audiences": found[1]}
        status = {"authenticated": True} | known
    return _answer(call.resource.type_meta, asked, status)


async def review_access(call: Call) -> web.Response:
    """Answer what somebody may do: who asks, unless the question names another."""
    asked = await _AccessReview.read(call)
    attributes = asked.resource_attributes or asked.non_resource_attributes
    if attributes is None:
        told = "neither resource nor nonResourceAttributes"
        raise errors.bad_request(f"{call.resource.names.kind} has {told}")
    user = call.user
    if not call.resource.names.kind.startswith("Self"):
        user = User(asked.user, groups=tuple(asked.groups))
    status = {"allowed": call.backend.authorizer.allows(user, attributes)}
    return _answer(call.resource.type_meta, asked, status)


REVIEWS: Mapping[str, Handler] = {
    "TokenReview": review_token,
    "SubjectAccessReview": review_access,
    "SelfSubjectAccessReview": review_access,
}


def _answer(type_meta: Object, spec: _Spec, status: Object) -> web.Response:
    content = {"metadata": {}, "spec": msgspec.to_builtins(spec), "status": status}
    return answer_json(type_meta | content, status=201)
