"""What a request asks for besides the object: its query and its DeleteOptions.

Source of the rules: the Kubernetes documentation, "Kubernetes API Concepts".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Literal

import msgspec

from devcluster import errors
from devcluster.errors import Cause

_WITHOUT_EFFECT = {"fieldManager", "force", "gracePeriodSeconds", "pretty", "timeout"}
_EXACT, _NOT_OLDER = "Exact", "NotOlderThan"
_CHOICES: Mapping[str, frozenset[str]] = {
    "dryRun": frozenset({"All"}),
    "resourceVersionMatch": frozenset({_EXACT, _NOT_OLDER}),
}


class Propagation(StrEnum):
    """What becomes of the dependents of an object that is deleted."""

    BACKGROUND = "Background"
    FOREGROUND = "Foreground"
    ORPHAN = "Orphan"


class Options(msgspec.Struct, frozen=True, rename="camel"):
    """The query of a request. A field that is not given has its default."""

    label_selector: str = ""
    field_selector: str = ""
    limit: int = 0  # 0: everything
    continue_token: str = msgspec.field(default="", name="continue")
    resource_version: int | None = None
    resource_version_match: str = ""
    watch: bool = False
    timeout_seconds: int = 0  # 0: as long as the server likes
    allow_watch_bookmarks: bool = False
    send_initial_events: bool | None = None
    include_object: Literal["None", "Metadata", "Object"] = "Metadata"
    dry_run: str = ""
    field_validation: Literal["Ignore", "Warn", "Strict"] = "Warn"
    propagation_policy: Propagation | None = None

    @property
    def wants_exact_version(self) -> bool:
        """Whether a list is of the version given and no newer one.

        Without a match, a list with a limit means exactly the version it names.
        """
        if self.resource_version_match:
            return self.resource_version_match == _EXACT
        return self.limit > 0 and bool(self.resource_version)


class Preconditions(msgspec.Struct, frozen=True, rename="camel"):
    """The object that is meant; "" where any will do."""

    uid: str = ""
    resource_version: str = ""


class DeleteOptions(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """How to delete. Without a policy it goes as the object's finalizers say."""

    kind: str = ""
    api_version: str = ""
    grace_period_seconds: int | None = None  # nothing here takes time to end
    preconditions: Preconditions = Preconditions()
    propagation_policy: Propagation | None = None
    dry_run: tuple[Literal["All"], ...] = ()


def read_options(query: Mapping[str, str]) -> Options:
    """Read a query. Raises ApiError: 422 for what would have to be ignored, or 400."""
    given = {name: value for name, value in query.items() if value}
    if causes := list(_problems(given)):
        raise errors.invalid("Options.meta.k8s.io", "", causes)
    try:
        return msgspec.convert(given, Options, strict=False)
    except msgspec.ValidationError as error:
        raise errors.bad_request(f"invalid query: {error}") from error


def _problems(query: Mapping[str, str]) -> Iterator[Cause]:
    for name in query.keys() - _WITHOUT_EFFECT - {*Options.__struct_encode_fields__}:
        yield errors.forbidden_field(name, "not a parameter that is known here")
    for name, choices in _CHOICES.items():
        if query.get(name, "") not in choices | {""}:
            yield errors.unsupported(name, query[name], sorted(choices))
    match = query.get("resourceVersionMatch", "")
    if told := _match_problem(query, match):
        yield errors.forbidden_field("resourceVersionMatch", told)
    if "sendInitialEvents" in query and "watch" not in query:
        yield errors.forbidden_field("sendInitialEvents", "forbidden for list")


def _match_problem(query: Mapping[str, str], match: str) -> str:
    version = query.get("resourceVersion", "")
    if "watch" in query:
        is_right = (match == _NOT_OLDER) == ("sendInitialEvents" in query)
        return "" if is_right else "goes with sendInitialEvents, and NotOlderThan"
    if match and (not version or "continue" in query):
        return "forbidden without resourceVersion, and with continue"
    if match == _EXACT and version == "0":
        return "Exact is forbidden for resourceVersion 0"
    return ""
