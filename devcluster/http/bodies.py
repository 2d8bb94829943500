"""Bodies: from bytes to objects of a kind, or to a refusal, and back to JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from aiohttp import web

from devcluster import errors
from devcluster.errors import ApiError
from devcluster.http.calls import Call
from devcluster.kinds.resource import Resource
from devcluster.objects import patches, protobuf
from devcluster.objects.json import Object, decode, encode
from devcluster.objects.metadata import read_metadata

JSON_TYPE = "application/json"
BODY_LIMIT = 3 * 1024 * 1024  # bytes, as a real server's


async def read_body(request: web.Request) -> bytes:
    """Return the body. Raises ApiError (413) for one that is too large."""
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        told = f"Request entity too large: limit is {BODY_LIMIT}"
        raise ApiError("RequestEntityTooLarge", told) from error


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
        told = f"the object provided is unrecognized: {error}"
        raise errors.bad_request(told) from error
    raise _unknown_format(JSON_TYPE, protobuf.CONTENT_TYPE)


def accept_object(call: Call, value: Object) -> list[str]:
    """Check and prune an object as one of the kind asked for; return the warnings.

    Raises ApiError (400).
    """
    resource, validation = call.resource, call.options.field_validation
    try:
        _require_kind(resource, value)
        value["metadata"] = read_metadata(value.get("metadata"))
        unknown = [f'unknown field "{each}"' for each in resource.schema.prune(value)]
    except ValueError as error:
        raise _not_decodable(resource, str(error)) from error
    if unknown and validation == "Strict":
        raise _not_decodable(resource, f"strict decoding error: {', '.join(unknown)}")
    return unknown if validation == "Warn" else []


async def read_patch(call: Call) -> Callable[[Object], Object]:
    """Return what the patch in the body makes of an object.

    Raises ApiError: 415 at once, 400 and 422 when it is applied.
    """
    content_type = call.request.content_type
    if content_type.startswith("application/apply-patch+"):
        told = "server-side apply is not supported by this development server"
        raise ApiError("UnsupportedMediaType", told)
    known = [patches.JSON_PATCH, patches.MERGE_PATCH]
    if not call.resource.custom:
        known.append(patches.STRATEGIC_PATCH)
    if content_type not in known:
        raise _unknown_format(*known)
    body = await read_body(call.request)
    return lambda current: _patched(current, content_type, body)


def answer_bytes(
    body: bytes, *, status: int = 200, warnings: Sequence[str] = ()
) -> web.Response:
    """Answer with JSON that is encoded already."""
    response = web.Response(body=body, status=status, content_type=JSON_TYPE)
    for warning in warnings:
        quoted = warning.replace("\\", "\\\\").replace('"', '\\"')
        response.headers.add("Warning", f'299 - "{quoted}"')
    return response


def answer_json(value: Object, *, status: int = 200) -> web.Response:
    """Answer with a document."""
    return answer_bytes(encode(value), status=status)


def _patched(current: Object, content_type: str, body: bytes) -> Object:
    try:
        result = patches.patched(current, content_type, decode(body))
        return msgspec.convert(result, Object)
    except ValueError as error:
        raise errors.bad_request(f"error decoding patch: {error}") from error
    except patches.PatchRefused as error:
        told = "the server rejected our request due to an error in our request"
        raise ApiError("Invalid", f"{told}: {error}") from error


def _unknown_format(*known: str) -> ApiError:
    told = "the body of the request was in an unknown format - accepted are: "
    return ApiError("UnsupportedMediaType", told + ", ".join(known))


def _require_kind(resource: Resource, value: Object) -> None:
    """Raise ValueError for an object of another kind, or of none that can be told."""
    if resource.custom and not value.get("kind"):
        raise ValueError("Object 'Kind' is missing")
    for field, right in resource.type_meta.items():
        if value.get(field) not in {None, "", right}:
            raise ValueError(f"its {field} is {value[field]}")


def _not_decodable(resource: Resource, why: str) -> ApiError:
    kind, version = resource.names.kind, resource.version
    told = f'{kind} in version "{version}" cannot be handled as a {kind}'
    return errors.bad_request(f"{told}: {why}")
