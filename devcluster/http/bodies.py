"""Bodies: from bytes to objects of a kind, or to a refusal in Kubernetes' words."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeVar

import msgspec
from aiohttp import web

from devcluster.errors import (
    ApiError,
    bad_request,
    invalid,
    invalid_value,
    unsupported_media_type,
)
from devcluster.http.queries import FieldValidation
from devcluster.kinds.resource import Resource
from devcluster.objects.json import Object, decode
from devcluster.objects.jsonpatch import (
    MalformedPatch,
    PatchRefused,
    apply_json_patch,
    merge,
)
from devcluster.objects.metadata import read_metadata
from devcluster.objects.strategicpatch import merge_strategically
from devcluster.protobuf import messages as protobuf

BODY_LIMIT = 3 * 1024 * 1024  # bytes, as a real server's
_JSON = "application/json"
_JSON_PATCH = "application/json-patch+json"
_MERGE_PATCH = "application/merge-patch+json"
_STRATEGIC_PATCH = "application/strategic-merge-patch+json"
_APPLY = frozenset({"application/apply-patch+yaml", "application/apply-patch+cbor"})

_UNKNOWN_FORMAT = (
    "the body of the request was in an unknown format - accepted media types include"
)

T = TypeVar("T", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Incoming:
    """An object that came in: decoded, of the right kind, pruned."""

    value: Object
    warnings: tuple[str, ...] = ()


async def read_body(request: web.Request) -> bytes:
    """Return the body. Raises ApiError (413) for one that is too large."""
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise ApiError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "RequestEntityTooLarge",
            f"Request entity too large: limit is {BODY_LIMIT}",
        ) from error


async def read_object(request: web.Request) -> Object:
    """Return the object in the body, sent as JSON or as Kubernetes protobuf.

    Raises ApiError (400, 415).
    """
    body = await read_body(request)
    if request.content_type == protobuf.CONTENT_TYPE:
        return _from_protobuf(body)
    # What is sent without a type is taken for JSON, as a real server does.
    if request.content_type not in {_JSON, "application/octet-stream"}:
        raise unsupported_media_type(
            f"{_UNKNOWN_FORMAT}: {_JSON}, {protobuf.CONTENT_TYPE}"
        )
    return _from_json(body)


async def read_struct(request: web.Request, kind: type[T]) -> T:
    """Return the body as a type of ours. Raises ApiError (400) where it is not one."""
    try:
        return msgspec.convert(await read_object(request), kind)
    except msgspec.ValidationError as error:
        raise bad_request(f"{kind.__name__}: {error}") from error


def accept_object(
    resource: Resource, value: Object, validation: FieldValidation
) -> Incoming:
    """Take an object in as one of `resource`. Raises ApiError (400, 422)."""
    _require_kind(resource, value)
    try:
        value["metadata"] = read_metadata(value.get("metadata"))
        unknown = resource.schema.prune(value)
    except ValueError as error:
        raise _not_decodable(resource, str(error)) from error
    told = tuple(f'unknown field "{path}"' for path in unknown)
    if told and validation is FieldValidation.STRICT:
        raise _not_decodable(resource, f"strict decoding error: {', '.join(told)}")
    return Incoming(value, told if validation is FieldValidation.WARN else ())


def patched(current: Object, content_type: str, body: bytes) -> Object:
    """Return `current` after the patch in `body`. Raises ApiError (400, 422)."""
    try:
        patch = decode(body)
        if content_type == _JSON_PATCH:
            result = apply_json_patch(current, patch)
        elif content_type == _MERGE_PATCH:
            result = merge(current, patch)
        else:
            result = merge_strategically(current, patch)
    except (ValueError, MalformedPatch) as error:
        raise bad_request(f"error decoding patch: {error}") from error
    except PatchRefused as error:
        raise ApiError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "Invalid",
            f"the server rejected our request due to an error in our request: {error}",
            details={},
        ) from error
    if not isinstance(result, dict):
        raise bad_request("a patch must leave an object")
    return result


def require_patch_type(resource: Resource, content_type: str) -> None:
    """Refuse a kind of patch that this kind of object does not take (415)."""
    if content_type in _APPLY:
        raise unsupported_media_type(
            "server-side apply is not supported by this development server; "
            f"use one of: {_JSON_PATCH}, {_MERGE_PATCH}"
        )
    known = [_JSON_PATCH, _MERGE_PATCH]
    if not resource.custom:
        known.append(_STRATEGIC_PATCH)
    if content_type not in known:
        raise unsupported_media_type(f"{_UNKNOWN_FORMAT}: {', '.join(known)}")


def _require_kind(resource: Resource, value: Object) -> None:
    kind, api_version = value.get("kind"), value.get("apiVersion")
    if resource.custom and not kind:
        raise _not_decodable(resource, "Object 'Kind' is missing")
    if kind not in {None, "", resource.kind}:
        if resource.custom:
            cause = invalid_value("kind", kind, f"must be {resource.kind}")
            raise invalid(resource.group, str(kind), "", [cause])
        raise bad_request(f"{kind} cannot be handled as a {resource.kind}")
    if api_version not in {None, "", resource.api_version}:
        raise bad_request(
            f"the API version in the data ({api_version}) does not match the expected "
            f"API version ({resource.api_version})"
        )


def _not_decodable(resource: Resource, why: str) -> ApiError:
    return bad_request(
        f'{resource.kind} in version "{resource.version}" cannot be handled as a '
        f"{resource.kind}: {why}"
    )


def _from_json(body: bytes) -> Object:
    try:
        value = decode(body)
    except ValueError as error:
        raise bad_request(f"couldn't get version/kind; {error}") from error
    if not isinstance(value, dict):
        raise bad_request("the object provided is unrecognized: not a JSON object")
    return value


def _from_protobuf(body: bytes) -> Object:
    try:
        return protobuf.decode_object(body)
    except ValueError as error:
        raise bad_request(str(error)) from error
    except LookupError as error:
        raise unsupported_media_type(f"{error}; send {_JSON}") from error
