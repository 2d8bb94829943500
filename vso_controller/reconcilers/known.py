"""Which resources this process has dealt with since it began to lead."""

from __future__ import annotations

from vso_controller.foundation.objects import Envelope, ObjectKey


class KnownResources:
    """Remembers the resources of one kind that were read from Vault, or adopted."""

    def __init__(self) -> None:
        self._uids: dict[ObjectKey, str] = {}

    def __contains__(self, resource: Envelope) -> bool:
        """Whether it is known; one that was made anew under its name is not."""
        return self._uids.get(resource.key) == resource.uid

    def add(self, resource: Envelope) -> None:
        """Remember the resource."""
        self._uids[resource.key] = resource.uid

    def forget(self, key: ObjectKey) -> None:
        """Forget a resource that is gone. It is no error not to have known it."""
        self._uids.pop(key, None)

    def clear(self) -> None:
        """Forget all: somebody else may lead from now on."""
        self._uids.clear()
