"""The words in which a list and a watch are told, from `kube` to `runtime`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from vso_controller.foundation.errors import Throttled

T = TypeVar("T")

EVERYWHERE = ""
"""The scope of a watch that is all namespaces; any other is one namespace."""


class VersionTooLarge(Throttled):
    """The server has not come to the version asked for.

    It lags behind the one that told of that version, or its history began anew.
    """


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list. `continue_token` is "" on the last one."""

    items: tuple[T, ...]
    resource_version: str
    continue_token: str = ""


class EventType(StrEnum):
    """What a watch event says happened."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    BOOKMARK = "BOOKMARK"


@dataclass(frozen=True, slots=True)
class WatchEvent(Generic[T]):
    """One event of a watch. A bookmark carries no item, only how far it has seen."""

    type: EventType
    resource_version: str
    item: T | None = None
    ends_initial_events: bool = False
    """Set on the bookmark after which nothing of the initial state is missing."""
