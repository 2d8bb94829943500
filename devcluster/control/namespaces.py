"""Fills new namespaces and empties those that go."""

from __future__ import annotations

from collections.abc import Iterator

from devcluster.kinds.builtins import CONFIG_MAPS, NAMESPACES, SERVICE_ACCOUNTS
from devcluster.kinds.catalog import Catalog
from devcluster.kinds.resource import Resource
from devcluster.objects.json import Object
from devcluster.registry.options import DeleteOptions
from devcluster.registry.registry import Registry
from devcluster.storage.objects import Change, ChangeType, ObjectKey
from devcluster.storage.store import Store


class NamespaceController:
    """Gives a namespace what every namespace has; takes all of it when it goes."""

    def __init__(
        self, *, store: Store, registry: Registry, catalog: Catalog, ca_pem: str
    ) -> None:
        self._store = store
        self._registry = registry
        self._catalog = catalog
        self._furniture: tuple[tuple[Resource, Object], ...] = (
            (SERVICE_ACCOUNTS, {"metadata": {"name": "default"}}),
            (
                CONFIG_MAPS,
                {
                    "metadata": {"name": "kube-root-ca.crt"},
                    "data": {"ca.crt": ca_pem},
                },
            ),
        )

    def handle(self, change: Change) -> None:
        """Look at the namespace that changed, or that something vanished from."""
        key = change.current.key
        if change.collection == NAMESPACES.collection:
            self._reconcile(key.name)
        elif change.type is ChangeType.DELETED and key.namespace:
            self._reconcile(key.namespace)

    def _reconcile(self, name: str) -> None:
        stored = self._store.collection(NAMESPACES.collection).get(ObjectKey("", name))
        if stored is None:
            return
        namespace = stored.value()
        if "deletionTimestamp" in namespace["metadata"]:
            self._empty(stored.key, namespace)
        else:
            self._furnish(name)

    def _furnish(self, name: str) -> None:
        for resource, template in self._furniture:
            key = ObjectKey(name, template["metadata"]["name"])
            if self._store.collection(resource.collection).get(key) is None:
                value = {**template, "metadata": dict(template["metadata"])}
                self._registry.create(resource, name, value)

    def _empty(self, key: ObjectKey, namespace: Object) -> None:
        for resource, content in list(self._contents(key.name)):
            self._registry.delete(resource, content, DeleteOptions())
        if any(True for _ in self._contents(key.name)):
            return
        if namespace["spec"].get("finalizers"):
            namespace["spec"] = {"finalizers": []}
            self._registry.update(NAMESPACES, key, namespace)

    def _contents(self, name: str) -> Iterator[tuple[Resource, ObjectKey]]:
        for resource in filter(_is_namespaced, self._catalog.collections()):
            for stored in self._store.collection(resource.collection).objects(name):
                yield resource, stored.key


def _is_namespaced(resource: Resource) -> bool:
    return resource.namespaced
