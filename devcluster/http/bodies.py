"""Bodies: from bytes to objects of a kind, or to a refusal in Kubernetes' words."""

from __future__ import annotations

from http import HTTPStatus

import msgspec
from aiohttp import web

from devcluster import errors
from devcluster.errors import ApiError
from devcluster.http.answers import JSON_TYPE
from devcluster.kinds.resource import Resource
from devcluster.objects import protobuf
from devcluster.objects.json import Object, decode
from devcluster.objects.metadata import read_metadata
from devcluster.objects.patches import (
    MERGE_KEYS,
    PatchRefused,
    apply_json_patch,
    merge,
)

BODY_LIMIT = 3 * 1024 * 1024  # bytes, as a real server's
_JSON_PATCH = "application/json-patch+json"
_MERGE_PATCH = "application/merge-patch+json"
_STRATEGIC_PATCH = "application/strategic-merge-patch+json"
_APPLY = "application/apply-patch+"


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
    try:
        if request.content_type == protobuf.CONTENT_TYPE:
            return protobuf.decode_object(body)
        # What is sent without a type is taken for JSON, as a real server does.
        if request.content_type in {JSON_TYPE, "application/octet-stream"}:
            return msgspec.convert(decode(body), Object)
    except ValueError as error:
        raise errors.bad_request(
            f"the object provided is unrecognized: {error}"
        ) from error
    raise _unknown_format(JSON_TYPE, protobuf.CONTENT_TYPE)


def accept_object(resource: Resource, value: Object, validation: str) -> list[str]:
    """Check and prune an object as one of `resource`; return the warnings.

    `validation` is what becomes of unknown fields: Ignore, Warn or Strict. Raises
    ApiError (400).
    """
    _require_kind(resource, value)
    try:
        value["metadata"] = read_metadata(value.get("metadata"))
        unknown = resource.schema.prune(value)
    except ValueError as error:
        raise _not_decodable(resource, str(error)) from error
    told = [f'unknown field "{path}"' for path in unknown]
    if told and validation == "Strict":
        raise _not_decodable(resource, f"strict decoding error: {', '.join(told)}")
    return told if validation == "Warn" else []


def patched(current: Object, content_type: str, body: bytes) -> Object:
    """Return `current` after the patch in `body`. Raises ApiError (400, 422)."""
    keys = MERGE_KEYS if content_type == _STRATEGIC_PATCH else {}
    try:
        patch = decode(body)
        if content_type == _JSON_PATCH:
            result = apply_json_patch(current, patch)
        else:
            result = merge(current, patch, keys)
        return msgspec.convert(result, Object)
    except ValueError as error:
        raise errors.bad_request(f"error decoding patch: {error}") from error
    except PatchRefused as error:
        code = HTTPStatus.UNPROCESSABLE_ENTITY
        told = "the server rejected our request due to an error in our request"
        raise ApiError(code, "Invalid", f"{told}: {error}") from error


def require_patch_type(resource: Resource, content_type: str) -> None:
    """Refuse a kind of patch that this kind of object does not take (415)."""
    if content_type.startswith(_APPLY):
        raise errors.unsupported_media_type(
            "server-side apply is not supported by this development server"
        )
    known = [_JSON_PATCH, _MERGE_PATCH]
    if not resource.custom:
        known.append(_STRATEGIC_PATCH)
    if content_type not in known:
        raise _unknown_format(*known)


def _unknown_format(*known: str) -> ApiError:
    told = "the body of the request was in an unknown format"
    return errors.unsupported_media_type(f"{told} - accepted are: {', '.join(known)}")


def _require_kind(resource: Resource, value: Object) -> None:
    kind, api_version = value.get("kind"), value.get("apiVersion")
    if resource.custom and not kind:
        raise _not_decodable(resource, "Object 'Kind' is missing")
    if kind not in {None, "", resource.names.kind}:
        raise _not_decodable(resource, f"it is a {kind}")
    if api_version not in {None, "", resource.api_version}:
        raise _not_decodable(resource, f"its apiVersion is {api_version}")


def _not_decodable(resource: Resource, why: str) -> ApiError:
    kind, version = resource.names.kind, resource.version
    return errors.bad_request(
        f'{kind} in version "{version}" cannot be handled as a {kind}: {why}'
    )
