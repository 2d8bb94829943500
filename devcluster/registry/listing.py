"""Lists: which revision, which objects, and where the next page starts.

Source: the Kubernetes documentation, "Kubernetes API Concepts" (resource versions,
retrieving large results sets in chunks). A continue token holds the revision of its
first page, so the pages together are one snapshot; it stays good as long as the
history reaches back to it.
"""

from __future__ import annotations

import base64
import binascii
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

import msgspec

from devcluster.errors import ApiError, bad_request, expired
from devcluster.objects.json import Object, encode
from devcluster.registry.selection import Selection
from devcluster.storage.collection import Collection, TooOld
from devcluster.storage.objects import ObjectKey, Stored

_TOKEN_VERSION = "meta.k8s.io/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRequest:
    """What is to be listed. `exact_revision` None: as it is now."""

    namespace: str = ""  # "" for all
    selection: Selection = field(default_factory=Selection)
    exact_revision: int | None = None
    limit: int = 0  # 0: everything
    continue_token: str = ""


@dataclass(frozen=True, slots=True)
class ListPage:
    """A page of a list with the metadata that tells how to go on."""

    items: Sequence[Stored]
    metadata: Object


class _Token(msgspec.Struct):
    v: str
    rv: int
    namespace: str
    name: str


def list_page(collection: Collection, request: ListRequest, revision: int) -> ListPage:
    """Return a page of the collection; `revision` is the newest one.

    Raises ApiError: 400 for a token that is none, 410 for a revision too old.
    """
    start = None
    if request.continue_token:
        token = _decode_token(request.continue_token)
        wanted, start = token.rv, ObjectKey(token.namespace, token.name)
    else:
        wanted = revision if request.exact_revision is None else request.exact_revision
    try:
        objects = collection.objects_at(wanted, request.namespace)
    except TooOld as error:
        raise expired(_too_old(continued=start is not None)) from error
    if start is not None:
        objects = objects[bisect_left(objects, start, key=_key) :]
    return _cut(objects, request, wanted)


def require_reached(wanted: int, revision: int) -> None:
    """Refuse a revision that was not made yet, as a server that waited in vain."""
    if wanted <= revision:
        return
    cause = {
        "reason": "ResourceVersionTooLarge",
        "message": "Too large resource version",
    }
    raise ApiError(
        HTTPStatus.GATEWAY_TIMEOUT,
        "Timeout",
        f"Timeout: Too large resource version: {wanted}, current: {revision}",
        details={"causes": [cause], "retryAfterSeconds": 1},
    )


def _cut(objects: Sequence[Stored], request: ListRequest, revision: int) -> ListPage:
    selection = request.selection
    chosen = objects
    if not selection.is_everything:
        chosen = [each for each in objects if selection.matches(each)]
    metadata: Object = {"resourceVersion": str(revision)}
    if not request.limit or len(chosen) <= request.limit:
        return ListPage(chosen, metadata)
    metadata["continue"] = _encode_token(revision, chosen[request.limit].key)
    if selection.is_everything:
        metadata["remainingItemCount"] = len(chosen) - request.limit
    return ListPage(chosen[: request.limit], metadata)


def _encode_token(revision: int, start: ObjectKey) -> str:
    token = _Token(_TOKEN_VERSION, revision, start.namespace, start.name)
    return base64.urlsafe_b64encode(encode(token)).decode()


def _decode_token(text: str) -> _Token:
    try:
        raw = base64.urlsafe_b64decode(text)
        return msgspec.json.decode(raw, type=_Token)
    except (binascii.Error, msgspec.DecodeError, ValueError) as error:
        raise bad_request("continue key is not valid") from error


def _too_old(*, continued: bool) -> str:
    if continued:
        return (
            "The provided continue parameter is too old to display a consistent list "
            "result. You must start a new list without the continue parameter."
        )
    return "The resourceVersion for the provided list is too old."


def _key(stored: Stored) -> ObjectKey:
    return stored.key
