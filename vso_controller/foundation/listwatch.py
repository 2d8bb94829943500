"""The words in which a list and a watch are told, from `kube` to `runtime`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

T = TypeVar("T")


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
