"""Fills new namespaces and empties those that go."""

from __future__ import annotations

from devcluster.kinds.builtins import BY_KIND, NAMESPACES
from devcluster.kinds.resource import Resource
from devcluster.objects.json import Object
from devcluster.registry.registry import Registry
from devcluster.storage.objects import Change, ChangeType, ObjectKey


class NamespaceController:
    """Gives a namespace what every namespace has; takes all of it when it goes."""

    def __init__(self, *, registry: Registry, ca_pem: str) -> None:
        self._registry = registry
        self._furniture: tuple[tuple[Resource, str, Object], ...] = (
            (BY_KIND["ServiceAccount"], "default", {}),
            (BY_KIND["ConfigMap"], "kube-root-ca.crt", {"data": {"ca.crt": ca_pem}}),
        )

    def handle(self, change: Change) -> None:
        """Look at the namespace that changed, or that something vanished from."""
        key = change.current.key
        if change.collection == NAMESPACES.collection:
            self._reconcile(key.name)
        elif change.type is ChangeType.DELETED and key.namespace:
            self._reconcile(key.namespace)

    def _reconcile(self, name: str) -> None:
        stored = self._registry.find(NAMESPACES, ObjectKey("", name))
        if stored is None:
            return
        if stored.is_going:
            self._empty(stored.key, stored.value())
            return
        for resource, furniture, content in self._furniture:
            if self._registry.find(resource, ObjectKey(name, furniture)) is None:
                value = content | {"metadata": {"name": furniture}}
                self._registry.create(resource, name, value)

    def _empty(self, key: ObjectKey, namespace: Object) -> None:
        kinds = self._registry.catalog.namespaced()
        are_empty = [self._registry.clear(kind, key.name) for kind in kinds]
        if all(are_empty) and namespace["spec"].get("finalizers"):
            namespace["spec"] = {"finalizers": []}
            self._registry.update(NAMESPACES, key, namespace)
