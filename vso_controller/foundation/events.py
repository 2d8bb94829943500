"""What a Kubernetes Event is about, in words that reconcilers and `kube` share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from vso_controller.foundation.objects import Envelope, ObjectKey, ResourceType


class EventKind(StrEnum):
    """The `type` of an Event."""

    NORMAL = "Normal"
    WARNING = "Warning"


@dataclass(frozen=True, slots=True)
class EventSubject:
    """The object an Event is told about (its `involvedObject`)."""

    resource: ResourceType
    key: ObjectKey
    uid: str
    resource_version: str = ""


def subject_of(resource: ResourceType, envelope: Envelope) -> EventSubject:
    """Return the subject of Events about `envelope`, an object of `resource`."""
    return EventSubject(
        resource=resource,
        key=envelope.key,
        uid=envelope.uid,
        resource_version=envelope.resource_version,
    )
