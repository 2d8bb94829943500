"""The kinds that are served now; custom ones come and go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from devcluster.kinds.resource import Resource


class Catalog:
    """Finds a kind by the way it is called."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self._by_path: dict[tuple[str, str, str], Resource] = {}
        self.add(resources)

    def __iter__(self) -> Iterator[Resource]:
        return iter(self._by_path.values())

    def add(self, resources: Iterable[Resource]) -> None:
        """Serve these, in place of what was served under their paths."""
        for resource in resources:
            path = (resource.group, resource.version, resource.plural)
            self._by_path[path] = resource

    def remove(self, collection: str) -> None:
        """Serve no version of this kind any more."""
        self._by_path = {
            path: resource
            for path, resource in self._by_path.items()
            if resource.collection != collection
        }

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        """Find a kind by the segments of a URL."""
        return self._by_path.get((group, version, plural))

    def of_collection(self, collection: str) -> Resource | None:
        """Find a kind by where its objects lie; the first version that is served."""
        return next((each for each in self if each.collection == collection), None)

    def collections(self) -> list[Resource]:
        """Return each kind once, whatever the number of its versions."""
        return list({each.collection: each for each in self}.values())

    def groups(self) -> dict[str, list[str]]:
        """Return the versions of each group, the preferred one first."""
        groups: dict[str, list[str]] = {}
        for group, version, _ in self._by_path:
            versions = groups.setdefault(group, [])
            if version not in versions:
                versions.append(version)
        return groups

    def of_version(self, group: str, version: str) -> list[Resource]:
        """Return the kinds of one group and version."""
        return [each for each in self if (each.group, each.version) == (group, version)]
