"""Which object a path of the Kubernetes API names."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote


@dataclass(frozen=True, slots=True)
class ObjectPath:
    """An object, or a collection where there is no name."""

    group: str  # "" is the core group
    namespace: str
    plural: str
    name: str = ""
    subresource: str = ""

    def __str__(self) -> str:
        parts = (self.plural, self.namespace, self.name, self.subresource)
        return "/".join(part for part in parts if part)


def parse_path(path: str) -> ObjectPath | None:
    """Return what `path` names, None where it is no path of an API."""
    match [unquote(part) for part in path.strip("/").split("/")]:
        case ["api", _, *rest]:
            return _within("", rest)
        case ["apis", group, _, *rest]:
            return _within(group, rest)
        case _:
            return None


def _within(group: str, rest: list[str]) -> ObjectPath | None:
    match rest:
        case ["namespaces", namespace, plural, *names] if plural not in _OF_NAMESPACES:
            return _object(group, namespace, plural, names)
        case [plural, *names]:
            return _object(group, "", plural, names)
        case _:
            return None


def _object(
    group: str, namespace: str, plural: str, names: list[str]
) -> ObjectPath | None:
    match names:
        case []:
            return ObjectPath(group, namespace, plural)
        case [name]:
            return ObjectPath(group, namespace, plural, name)
        case [name, subresource]:
            return ObjectPath(group, namespace, plural, name, subresource)
        case _:
            return None


_OF_NAMESPACES = frozenset({"status", "finalize"})
"""What follows the name of a Namespace and is no kind of object."""
