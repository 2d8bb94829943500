"""Requests about objects, by verb: get, list, create, update, patch, delete."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager

import msgspec
from aiohttp import web

from devcluster import errors
from devcluster.http import bodies
from devcluster.http.bodies import accept_object, answer_bytes, read_object
from devcluster.http.calls import Call, Handler
from devcluster.http.forms import Form, choose_form
from devcluster.http.watching import watch
from devcluster.kinds.resource import STATUS
from devcluster.objects.json import Object, dig
from devcluster.registry.listing import Page, list_page, require_reached
from devcluster.registry.options import DeleteOptions

_CHUNK = 1000  # items that are written before others get a turn


async def get(call: Call) -> web.StreamResponse:
    """Answer with one object."""
    form = choose_form(call)
    require_reached(call.options, call.registry.store.revision)
    return answer_bytes(form.single(call.registry.get(call.resource, call.key)))


async def list_objects(call: Call) -> web.StreamResponse:
    """Answer with a list, in pieces when it is long."""
    form, page = choose_form(call, is_list=True), _page(call)
    pieces = _pieces(form, page)
    if len(page.items) <= _CHUNK:
        return answer_bytes(b"".join(pieces))
    response = web.StreamResponse(headers={"Content-Type": bodies.JSON_TYPE})
    await response.prepare(call.request)
    for piece in pieces:
        await response.write(piece)
    await response.write_eof()
    return response


async def create(call: Call) -> web.StreamResponse:
    """Store the object in the body."""
    if call.resource.namespaced and not call.target.namespace:
        raise errors.method_not_allowed()
    form = choose_form(call)
    value = await read_object(call.request)
    warnings = accept_object(call, value)
    with _rehearsal(call):
        stored = call.registry.create(call.resource, call.target.namespace, value)
    return answer_bytes(form.single(stored), status=201, warnings=warnings)


async def update(call: Call) -> web.StreamResponse:
    """Store the object in the body in place of the one that is there."""
    value = await read_object(call.request)
    return _update(call, value, uid=dig(value, "metadata.uid") or "")


async def patch(call: Call) -> web.StreamResponse:
    """Store the object that is there as the body changes it."""
    change = await bodies.read_patch(call)
    # From here on nothing awaits: the object that was patched is the one stored.
    stored = call.registry.get(call.resource, call.key)
    return _update(call, change(call.resource.type_meta | stored.value()))


async def delete(call: Call) -> web.StreamResponse:
    """Delete one object."""
    options = await _read_delete_options(call)
    with _rehearsal(call, options.dry_run):
        stored, is_gone = call.registry.delete(call.resource, call.key, options)
    if not is_gone:
        return answer_bytes(Form(call.resource).single(stored))
    about = errors.details(call.resource.collection, call.key.name)
    return bodies.answer_json(errors.status("Success", about | {"uid": stored.uid}))


async def delete_collection(call: Call) -> web.StreamResponse:
    """Delete the objects that a list with these options would show."""
    options = await _read_delete_options(call)
    page, registry = _page(call), call.registry
    with _rehearsal(call, options.dry_run):
        deleted = [
            registry.delete(call.resource, each.key, options)[0] for each in page.items
        ]
    shown = _pieces(Form(call.resource), Page(deleted, page.metadata))
    return answer_bytes(b"".join(shown))


HANDLERS: Mapping[str, Handler] = {
    "get": get,
    "list": list_objects,
    "watch": watch,
    "create": create,
    "update": update,
    "patch": patch,
    "delete": delete,
    "deletecollection": delete_collection,
}


def _update(call: Call, value: Object, *, uid: str = "") -> web.Response:
    form = choose_form(call)
    warnings = accept_object(call, value)
    is_status = call.target.subresource == STATUS
    with _rehearsal(call):
        stored = call.registry.update(
            call.resource, call.key, value, status=is_status, uid=uid
        )
    return answer_bytes(form.single(stored), warnings=warnings)


def _rehearsal(call: Call, asked: Collection[str] = ()) -> AbstractContextManager[None]:
    is_one = bool(asked or call.options.dry_run)
    return call.registry.store.rehearsal(is_one=is_one)


def _page(call: Call) -> Page:
    store, namespace = call.registry.store, call.target.namespace
    return list_page(store, call.resource, namespace, call.options)


def _pieces(form: Form, page: Page) -> Iterator[bytes]:
    yield form.opening(page.metadata)
    for start in range(0, len(page.items), _CHUNK):
        chunk = page.items[start : start + _CHUNK]
        yield (b"," if start else b"") + b",".join(map(form.item, chunk))
    yield b"]}"


async def _read_delete_options(call: Call) -> DeleteOptions:
    """Read what the body and the query say; the body goes first."""
    body = await bodies.read_body(call.request)
    try:
        said = msgspec.json.decode(body or b"{}", type=DeleteOptions)
    except msgspec.DecodeError as error:
        raise errors.bad_request(f"DeleteOptions: {error}") from error
    policy = said.propagation_policy or call.options.propagation_policy
    return msgspec.structs.replace(said, propagation_policy=policy)
