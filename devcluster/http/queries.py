"""Query strings: read for each verb, refused where they say what is not known.

Source of the rules: the Kubernetes documentation, "Kubernetes API Concepts".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from devcluster.errors import (
    Cause,
    bad_request,
    forbidden_field,
    invalid,
    unsupported,
)

TRUE_WORDS = frozenset({"true", "1", "True", "t", "T"})
_FALSE = frozenset({"false", "0", "False", "f", "F", ""})
_ANYWHERE = frozenset({"pretty", "timeout"})
_LISTS = frozenset(
    {
        "allowWatchBookmarks",
        "continue",
        "fieldSelector",
        "includeObject",
        "labelSelector",
        "limit",
        "resourceVersion",
        "resourceVersionMatch",
        "sendInitialEvents",
        "timeoutSeconds",
        "watch",
    }
)
_WRITES = frozenset({"dryRun", "fieldManager", "fieldValidation"})
_DELETES = frozenset(
    {
        "dryRun",
        "gracePeriodSeconds",
        "orphanDependents",
        "propagationPolicy",
    }
)
KNOWN_PARAMETERS: Mapping[str, frozenset[str]] = {
    "get": frozenset({"resourceVersion", "includeObject"}),
    "list": _LISTS,
    "watch": _LISTS,
    "create": _WRITES,
    "update": _WRITES,
    "patch": _WRITES | {"force"},
    "delete": _DELETES,
    "deletecollection": _DELETES | _LISTS,
    "document": frozenset({"hash"}),  # discovery and OpenAPI
}


class VersionMatch(StrEnum):
    """How a list's resourceVersion is meant."""

    UNSET = ""
    EXACT = "Exact"
    NOT_OLDER_THAN = "NotOlderThan"


class FieldValidation(StrEnum):
    """What becomes of a write with unknown fields."""

    IGNORE = "Ignore"
    WARN = "Warn"
    STRICT = "Strict"


@dataclass(frozen=True, slots=True)
class ListQuery:
    """The options of a list or a watch."""

    labels: str
    fields: str
    limit: int
    continue_token: str
    revision: int | None  # None: none given
    match: VersionMatch
    timeout: int | None  # seconds
    bookmarks: bool
    send_initial_events: bool | None


@dataclass(frozen=True, slots=True)
class WriteQuery:
    """The options of a create, an update or a patch."""

    dry_run: bool
    validation: FieldValidation


class Query:
    """Reads single parameters; each reader raises ApiError for a bad value."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def require_known(self, verb: str) -> None:
        """Refuse parameters that would have to be ignored."""
        known = KNOWN_PARAMETERS[verb] | _ANYWHERE
        causes = [
            forbidden_field(name, f"not a parameter of {verb} that is known here")
            for name in self._values
            if name not in known
        ]
        _refuse(f"{verb.capitalize()}Options", causes)

    def text(self, name: str) -> str:
        """Return a text, "" when it is not given."""
        return self._values.get(name, "")

    def flag(self, name: str) -> bool | None:
        """Return a boolean, None when it is not given."""
        if name not in self._values:
            return None
        value = self._values[name]
        if value in TRUE_WORDS:
            return True
        if value in _FALSE:
            return False
        raise bad_request(f'invalid value for "{name}": {value!r}')

    def number(self, name: str) -> int | None:
        """Return a whole number that is not negative, None when it is not given."""
        value = self.text(name)
        if not value:
            return None
        if not value.isascii() or not value.isdecimal():
            raise bad_request(f'{name}: parsing "{value}": invalid syntax')
        return int(value)

    def choice(self, name: str, options: type[StrEnum], kind: str) -> str:
        """Return one of a closed set, "" when it is not given."""
        value = self.text(name)
        known: Sequence[str] = [each.value for each in options]
        if value and value not in known:
            _refuse(kind, [unsupported(name, value, known)])
        return value


def read_list(query: Query) -> ListQuery:
    """Read the options of a list or a watch. Raises ApiError."""
    kind = "ListOptions"
    options = ListQuery(
        labels=query.text("labelSelector"),
        fields=query.text("fieldSelector"),
        limit=query.number("limit") or 0,
        continue_token=query.text("continue"),
        revision=query.number("resourceVersion"),
        match=VersionMatch(query.choice("resourceVersionMatch", VersionMatch, kind)),
        timeout=query.number("timeoutSeconds"),
        bookmarks=bool(query.flag("allowWatchBookmarks")),
        send_initial_events=query.flag("sendInitialEvents"),
    )
    problems = _watch_problems if query.flag("watch") else _list_problems
    _refuse(kind, problems(options))
    return options


def read_write(query: Query, kind: str) -> WriteQuery:
    """Read the options of a write. Raises ApiError."""
    validation = query.choice("fieldValidation", FieldValidation, kind)
    return WriteQuery(
        dry_run=read_dry_run(query.text("dryRun"), kind),
        validation=FieldValidation(validation or FieldValidation.WARN),
    )


def read_dry_run(value: str, kind: str) -> bool:
    """Read `dryRun`: all or nothing. Raises ApiError."""
    if value not in {"", "All"}:
        _refuse(kind, [unsupported("dryRun", value, ["All"])])
    return value == "All"


def _refuse(kind: str, causes: list[Cause]) -> None:
    if causes:
        raise invalid("meta.k8s.io", kind, "", causes)


def _list_problems(options: ListQuery) -> list[Cause]:
    causes = []
    if options.match and options.revision is None:
        causes.append(_match_problem("unless resourceVersion is provided"))
    if options.match and options.continue_token:
        causes.append(_match_problem("when continue is provided"))
    if options.match is VersionMatch.EXACT and options.revision == 0:
        told = 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
        causes.append(forbidden_field("resourceVersionMatch", told))
    if options.send_initial_events is not None:
        told = "sendInitialEvents is forbidden for list"
        causes.append(forbidden_field("sendInitialEvents", told))
    return causes


def _watch_problems(options: ListQuery) -> list[Cause]:
    causes = []
    asks_initial = options.send_initial_events is not None
    if asks_initial and options.match is not VersionMatch.NOT_OLDER_THAN:
        told = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        causes.append(forbidden_field("resourceVersionMatch", told))
    if options.match and not asks_initial:
        causes.append(_match_problem("for watch unless sendInitialEvents is provided"))
    return causes


def _match_problem(when: str) -> Cause:
    return forbidden_field(
        "resourceVersionMatch", f"resourceVersionMatch is forbidden {when}"
    )
