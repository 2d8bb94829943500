"""What resources are called among those of other kinds."""

from __future__ import annotations

from vso_controller.api.kinds import VAULT_STATIC_SECRET, Kind, kind_named
from vso_controller.foundation.objects import Consumer, ObjectKey


def consumer_of(kind: Kind, key: ObjectKey) -> ObjectKey:
    """Return what the resource `key` of a kind is called among consumers."""
    if kind is VAULT_STATIC_SECRET:
        return key
    return Consumer(key.namespace, key.name, kind.singular)


def consumer_named(kind: str, namespace: str, name: str) -> ObjectKey:
    """Return the same, by the name of the kind as owner references have it."""
    known = kind_named(kind)
    return consumer_of(known or VAULT_STATIC_SECRET, ObjectKey(namespace, name))


def resource_of(consumer: ObjectKey) -> tuple[str, ObjectKey]:
    """Return the controller of a consumer, and the key that it knows it by."""
    if isinstance(consumer, Consumer):
        return consumer.kind, ObjectKey(consumer.namespace, consumer.name)
    return VAULT_STATIC_SECRET.singular, consumer
