"""Paths with slashes. `os…` is the same: the paths of Linux are meant."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from vso_controller.templating.functions.paying import reading
from vso_controller.templating.registry import Function


def base(path: str) -> str:
    """Return the last element of a path."""
    if not path:
        return "."
    stripped = path.rstrip("/")
    return stripped.rpartition("/")[2] if stripped else "/"


def directory(path: str) -> str:
    """Return all but the last element of a path."""
    return clean(path[: path.rfind("/") + 1])


def clean(path: str) -> str:
    """Return the shortest path to the same place."""
    rooted = path.startswith("/")
    kept: list[str] = []
    for part in path.split("/"):
        if part == ".." and kept and kept[-1] != "..":
            kept.pop()
        elif (part == ".." and not rooted) or part not in {"", ".", ".."}:
            kept.append(part)
    return ("/" if rooted else "") + "/".join(kept) or "."


def extension(path: str) -> str:
    """Return what follows the last dot of the last element, with the dot."""
    _, dot, ending = path.rpartition("/")[2].rpartition(".")
    return dot + ending if dot else ""


def is_absolute(path: str) -> bool:
    """Say whether a path begins at the root."""
    return path.startswith("/")


_BY_NAMES: dict[tuple[str, str], Callable[[str], object]] = {
    ("base", "osBase"): base,
    ("dir", "osDir"): directory,
    ("clean", "osClean"): clean,
    ("ext", "osExt"): extension,
    ("isAbs", "osIsAbs"): is_absolute,
}


def _declared() -> Iterator[Function]:
    for names, call in _BY_NAMES.items():
        result = "bool" if call is is_absolute else "string"
        for name in names:
            yield reading(name, f"(string) {result}", weight=4)(call)


FUNCTIONS = tuple(_declared())
