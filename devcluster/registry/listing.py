"""Lists: which revision, which objects, and where the next page starts.

Source: the Kubernetes documentation, "Kubernetes API Concepts" (resource versions,
retrieving large results sets in chunks). A continue token holds the revision of its
first page, so the pages together are one snapshot; it stays good as long as the
history reaches back to it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

from devcluster.errors import ApiError, Cause, bad_request, details
from devcluster.kinds.resource import Resource
from devcluster.objects.json import Object, dig
from devcluster.objects.selectors import Selector, matches, parse_fields, parse_labels
from devcluster.registry.options import Options
from devcluster.storage.objects import ObjectKey, Stored
from devcluster.storage.store import Store, TooOld

NAME_FIELD = "metadata.name"
KEY_FIELDS = frozenset({NAME_FIELD, "metadata.namespace"})


@dataclass(frozen=True, slots=True)
class Selection:
    """A label selector and a field selector together."""

    labels: Selector = ()
    fields: Selector = ()

    @classmethod
    def parse(cls, resource: Resource, options: Options) -> Selection:
        """Read both selectors of a query. Raises ApiError (400)."""
        known = resource.selectable | KEY_FIELDS
        try:
            fields = parse_fields(options.field_selector, known)
            return cls(parse_labels(options.label_selector), fields)
        except ValueError as error:
            raise bad_request(str(error)) from error

    @property
    def is_everything(self) -> bool:
        """Whether nothing is left out."""
        return not self.labels and not self.fields

    def matches(self, stored: Stored) -> bool:
        """Say whether an object is selected."""
        if not matches(self.labels, stored.labels):
            return False
        value = stored.value() if self.fields else {}
        found = {each.key: str(dig(value, each.key) or "") for each in self.fields}
        return matches(self.fields, found)


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list with the metadata that tells how to go on."""

    items: Sequence[Stored]
    metadata: Object


def list_page(
    store: Store, resource: Resource, namespace: str, options: Options
) -> Page:
    """Return a page of a kind's objects; namespace "" stands for all.

    Raises ApiError: 400 for a token that is none, 410 for a revision too old, 504 for
    one that is not reached.
    """
    require_reached(options, store.revision)
    selection = Selection.parse(resource, options)
    wanted, start = store.revision, None
    if options.continue_token:
        wanted, start = _read_token(options.continue_token)
    elif options.wants_exact_version:
        wanted = options.resource_version or 0
    try:
        objects = store.collection(resource.collection).objects_at(wanted, namespace)
    except TooOld as error:
        told = "The version of the list is too old; list anew."
        raise ApiError("Expired", told) from error
    if start is not None:
        objects = objects[bisect_left(objects, start, key=attrgetter("key")) :]
    return _cut(objects, selection, options.limit, wanted)


def require_reached(options: Options, revision: int) -> None:
    """Refuse a revision that was not made yet, as a server that waited in vain."""
    if (options.resource_version or 0) > revision:
        told = f"Too large resource version: {options.resource_version}"
        cause = Cause("ResourceVersionTooLarge", told, "")
        raise ApiError("Timeout", f"Timeout: {told}", details("", "", cause))


def _cut(
    objects: Sequence[Stored], selection: Selection, limit: int, revision: int
) -> Page:
    chosen = objects
    if not selection.is_everything:
        chosen = [each for each in objects if selection.matches(each)]
    metadata: Object = {"resourceVersion": str(revision)}
    if not limit or len(chosen) <= limit:
        return Page(chosen, metadata)
    metadata["continue"] = "/".join((str(revision), *chosen[limit].key))
    if selection.is_everything:
        metadata["remainingItemCount"] = len(chosen) - limit
    return Page(chosen[:limit], metadata)


def _read_token(text: str) -> tuple[int, ObjectKey]:
    """Return the revision and the first object of the page that a token names."""
    try:
        revision, namespace, name = text.split("/")
        return int(revision), ObjectKey(namespace, name)
    except ValueError as error:
        raise bad_request("continue key is not valid") from error
