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
        for each in resources:
            self._by_path[each.group, each.version, each.names.plural] = each

    def remove(self, collection: str) -> None:
        """Serve no version of this kind any more."""
        kept = {p: r for p, r in self._by_path.items() if r.collection != collection}
        self._by_path = kept

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        """Find a kind by the segments of a URL."""
        return self._by_path.get((group, version, plural))

    def of_collection(self, collection: str) -> Resource | None:
        """Find a kind by where its objects lie; the first version that is served."""
        return next((each for each in self if each.collection == collection), None)

    def namespaced(self) -> Iterable[Resource]:
        """Return each kind that lies in namespaces, once for all its versions."""
        return {each.collection: each for each in self if each.namespaced}.values()

    def roots(self) -> dict[str, list[Resource]]:
        """Return the kinds below each root, those of preferred versions first."""
        roots: dict[str, list[Resource]] = {}
        for each in self:
            roots.setdefault(each.root, []).append(each)
        return roots
