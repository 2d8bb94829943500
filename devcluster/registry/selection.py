"""Which objects of a kind a list or a watch is about."""

from __future__ import annotations

from dataclasses import dataclass

from devcluster.errors import bad_request
from devcluster.kinds.resource import Resource
from devcluster.objects.json import dig
from devcluster.objects.selectors import (
    Selector,
    exact_value,
    matches,
    parse_fields,
    parse_labels,
)
from devcluster.storage.objects import Stored

NAME_FIELD = "metadata.name"
NAMESPACE_FIELD = "metadata.namespace"
_KEY_FIELDS = frozenset({NAME_FIELD, NAMESPACE_FIELD})


@dataclass(frozen=True, slots=True)
class Selection:
    """A label selector and a field selector together."""

    labels: Selector = ()
    fields: Selector = ()

    @property
    def is_everything(self) -> bool:
        """Whether nothing is left out."""
        return not self.labels and not self.fields

    def matches(self, stored: Stored) -> bool:
        """Say whether an object is selected."""
        if not matches(self.labels, stored.labels):
            return False
        return not self.fields or matches(self.fields, self._fields_of(stored))

    def _fields_of(self, stored: Stored) -> dict[str, str]:
        fields = {
            NAME_FIELD: stored.key.name,
            NAMESPACE_FIELD: stored.key.namespace,
        }
        asked = {each.key for each in self.fields} - _KEY_FIELDS
        value = stored.value() if asked else None
        for path in asked:
            found = dig(value, *path.split("."))
            fields[path] = "" if found is None else str(found)
        return fields


def parse_selection(resource: Resource, labels: str, fields: str) -> Selection:
    """Read both selectors of a query. Raises ApiError (400)."""
    try:
        return Selection(
            parse_labels(labels),
            parse_fields(fields, resource.selectable | _KEY_FIELDS),
        )
    except ValueError as error:
        raise bad_request(str(error)) from error


def selected_name(fields: str) -> str:
    """Return the one name that a field selector allows, "" where it allows more.

    The authorizer wants it: a role may be limited to names.
    """
    try:
        return exact_value(parse_fields(fields, _KEY_FIELDS), NAME_FIELD) or ""
    except ValueError:
        return ""
