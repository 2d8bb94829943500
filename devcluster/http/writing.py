"""Create, update, patch and delete."""

from __future__ import annotations

from http import HTTPStatus

import msgspec
from aiohttp import web

from devcluster.errors import bad_request, method_not_allowed
from devcluster.http.answers import answer_bytes, answer_json
from devcluster.http.bodies import (
    Incoming,
    accept_object,
    patched,
    read_body,
    read_object,
    require_patch_type,
)
from devcluster.http.forms import PlainForm
from devcluster.http.negotiation import require_json
from devcluster.http.queries import (
    Query,
    WriteQuery,
    read_dry_run,
    read_list,
    read_write,
)
from devcluster.http.reading import Reader
from devcluster.http.targets import Target
from devcluster.kinds.resource import Resource
from devcluster.objects.json import Object
from devcluster.registry.options import DeleteOptions, Preconditions, Propagation
from devcluster.registry.registry import Registry
from devcluster.storage.objects import ObjectKey, Stored

STATUS = "status"
_DELETE_OPTIONS = "DeleteOptions"


class _Preconditions(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    uid: str = ""
    resource_version: str = ""


class _DeleteOptions(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    kind: str = ""
    api_version: str = ""
    preconditions: _Preconditions | None = None
    propagation_policy: Propagation | None = None
    orphan_dependents: bool | None = None
    grace_period_seconds: int | None = None
    dry_run: list[str] = []


class Writer:
    """Answers requests that change something."""

    def __init__(self, *, registry: Registry, reader: Reader) -> None:
        self._registry = registry
        self._reader = reader

    async def create(
        self, request: web.Request, resource: Resource, target: Target
    ) -> web.Response:
        """Store the object in the body."""
        require_json(request.headers.get("Accept", ""))
        if resource.namespaced and not target.namespace:
            raise method_not_allowed()
        query = read_write(Query(request.query), "CreateOptions")
        incoming = accept_object(resource, await read_object(request), query.validation)
        stored = self._registry.create(
            resource, target.namespace, incoming.value, dry_run=query.dry_run
        )
        return _answer(resource, stored, incoming, HTTPStatus.CREATED)

    async def update(
        self, request: web.Request, resource: Resource, target: Target
    ) -> web.Response:
        """Store the object in the body in place of the one that is there."""
        require_json(request.headers.get("Accept", ""))
        query = read_write(Query(request.query), "UpdateOptions")
        incoming = accept_object(resource, await read_object(request), query.validation)
        uid = incoming.value["metadata"].get("uid", "")
        return self._store(resource, target, incoming, query, Preconditions(uid=uid))

    async def patch(
        self, request: web.Request, resource: Resource, target: Target
    ) -> web.Response:
        """Store the object that is there as the body changes it."""
        require_json(request.headers.get("Accept", ""))
        require_patch_type(resource, request.content_type)
        query = read_write(Query(request.query), "PatchOptions")
        body = await read_body(request)
        # From here on nothing awaits: the object that was patched is the one stored.
        stored = self._registry.get(resource, ObjectKey(target.namespace, target.name))
        type_meta = {"kind": resource.kind, "apiVersion": resource.api_version}
        current = type_meta | stored.value()
        changed = patched(current, request.content_type, body)
        incoming = accept_object(resource, changed, query.validation)
        return self._store(resource, target, incoming, query, Preconditions())

    async def delete(
        self, request: web.Request, resource: Resource, target: Target
    ) -> web.Response:
        """Delete one object."""
        require_json(request.headers.get("Accept", ""))
        options = await _read_delete_options(request)
        key = ObjectKey(target.namespace, target.name)
        stored, is_gone = self._registry.delete(resource, key, options)
        if not is_gone:
            return answer_bytes(PlainForm(resource).single(stored))
        details = {
            "name": key.name,
            "group": resource.group,
            "kind": resource.plural,
            "uid": stored.uid,
        }
        success: Object = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Success",
            "details": {name: value for name, value in details.items() if value},
        }
        return answer_json(success)

    async def delete_collection(
        self, request: web.Request, resource: Resource, target: Target
    ) -> web.Response:
        """Delete the objects that a list with these options would show."""
        require_json(request.headers.get("Accept", ""))
        options = await _read_delete_options(request)
        query = read_list(Query(request.query))
        page = self._reader.page(resource, target.namespace, query)
        deleted = [
            self._registry.delete(resource, each.key, options)[0] for each in page.items
        ]
        form = PlainForm(resource)
        items = b",".join(map(form.item, deleted))
        return answer_bytes(form.opening(page.metadata) + items + b"]}")

    def _store(
        self,
        resource: Resource,
        target: Target,
        incoming: Incoming,
        query: WriteQuery,
        preconditions: Preconditions,
    ) -> web.Response:
        is_status = target.subresource == STATUS
        write = self._registry.update_status if is_status else self._registry.update
        stored = write(
            resource,
            ObjectKey(target.namespace, target.name),
            incoming.value,
            preconditions=preconditions,
            dry_run=query.dry_run,
        )
        return _answer(resource, stored, incoming, HTTPStatus.OK)


def _answer(
    resource: Resource, stored: Stored, incoming: Incoming, status: HTTPStatus
) -> web.Response:
    body = PlainForm(resource).single(stored)
    return answer_bytes(body, status=status, warnings=incoming.warnings)


async def _read_delete_options(request: web.Request) -> DeleteOptions:
    """Read what the body and the query say; the body goes first."""
    body = await read_body(request)
    try:
        said = msgspec.json.decode(body or b"{}", type=_DeleteOptions)
    except msgspec.DecodeError as error:
        raise bad_request(f"DeleteOptions: {error}") from error
    query = Query(request.query)
    wanted = said.preconditions or _Preconditions()
    dry_runs = [
        read_dry_run(each, _DELETE_OPTIONS)
        for each in said.dry_run or [query.text("dryRun")]
    ]
    return DeleteOptions(
        preconditions=Preconditions(wanted.uid, wanted.resource_version),
        propagation=_propagation(said, query),
        dry_run=all(dry_runs),
    )


def _propagation(said: _DeleteOptions, query: Query) -> Propagation | None:
    asked = query.choice("propagationPolicy", Propagation, _DELETE_OPTIONS)
    if said.propagation_policy or asked:
        return said.propagation_policy or Propagation(asked)
    orphans = said.orphan_dependents
    if orphans is None:
        orphans = query.flag("orphanDependents")
    if orphans is None:
        return None
    return Propagation.ORPHAN if orphans else Propagation.BACKGROUND
