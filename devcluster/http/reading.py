"""Get and list."""

from __future__ import annotations

from collections.abc import Iterator

from aiohttp import web

from devcluster.clock import Now
from devcluster.http.answers import JSON_TYPE, answer_bytes
from devcluster.http.forms import Form, MetadataForm, PlainForm
from devcluster.http.negotiation import Shape, accepted_shape
from devcluster.http.queries import ListQuery, Query, VersionMatch, read_list
from devcluster.http.tables import Include, TableForm
from devcluster.http.targets import Target
from devcluster.kinds.resource import Resource
from devcluster.registry.listing import (
    ListPage,
    ListRequest,
    list_page,
    require_reached,
)
from devcluster.registry.registry import Registry
from devcluster.registry.selection import parse_selection
from devcluster.storage.objects import ObjectKey
from devcluster.storage.store import Store

_CHUNK = 1000  # items that are written before others get a turn


def choose_form(
    request: web.Request, resource: Resource, now: Now, *, is_list: bool
) -> Form:
    """Return the form that the request asks for. Raises ApiError (406)."""
    shape = accepted_shape(request.headers.get("Accept", ""), is_list=is_list)
    if shape is Shape.OBJECT:
        return PlainForm(resource)
    if shape is Shape.METADATA:
        return MetadataForm()
    chosen = Query(request.query).choice("includeObject", Include, "TableOptions")
    return TableForm(resource, Include(chosen or Include.METADATA), now)


class Reader:
    """Answers requests that change nothing."""

    def __init__(self, *, store: Store, registry: Registry, now: Now) -> None:
        self._store = store
        self._registry = registry
        self._now = now

    async def get(
        self, request: web.Request, resource: Resource, target: Target
    ) -> web.StreamResponse:
        """Answer with one object."""
        form = choose_form(request, resource, self._now, is_list=False)
        require_reached(
            Query(request.query).number("resourceVersion") or 0, self._store.revision
        )
        key = ObjectKey(target.namespace, target.name)
        return answer_bytes(form.single(self._registry.get(resource, key)))

    async def list(
        self, request: web.Request, resource: Resource, target: Target
    ) -> web.StreamResponse:
        """Answer with a list, in pieces when it is long."""
        form = choose_form(request, resource, self._now, is_list=True)
        page = self.page(resource, target.namespace, read_list(Query(request.query)))
        pieces = _pieces(form, page)
        if len(page.items) <= _CHUNK:
            return answer_bytes(b"".join(pieces))
        response = web.StreamResponse(headers={"Content-Type": JSON_TYPE})
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
        await response.write_eof()
        return response

    def page(self, resource: Resource, namespace: str, query: ListQuery) -> ListPage:
        """Return the objects that a query means. Raises ApiError."""
        require_reached(query.revision or 0, self._store.revision)
        selection = parse_selection(resource, query.labels, query.fields)
        # Without a match, a limited list means exactly the revision it names.
        is_exact = query.match is VersionMatch.EXACT or (
            query.limit > 0 and not query.match and bool(query.revision)
        )
        request = ListRequest(
            namespace=namespace,
            selection=selection,
            exact_revision=query.revision if is_exact else None,
            limit=query.limit,
            continue_token=query.continue_token,
        )
        collection = self._store.collection(resource.collection)
        return list_page(collection, request, self._store.revision)


def _pieces(form: Form, page: ListPage) -> Iterator[bytes]:
    yield form.opening(page.metadata)
    for start in range(0, len(page.items), _CHUNK):
        chunk = page.items[start : start + _CHUNK]
        yield (b"," if start else b"") + b",".join(map(form.item, chunk))
    yield b"]}"
