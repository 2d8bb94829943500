"""CA certificates in files that an administrator mounted into the controller.

The path is chosen by whoever may write a VaultConnection, and our files are none of
their business: nothing is read but regular files below given directories, after all
symbolic links were followed, and nothing of it is repeated or told. (Kubernetes mounts
a Secret as links through `..data`, which stay below the same directory.)
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vso_controller.foundation.errors import Invalid
from vso_controller.vault.messages import printable

FLAG = "--ca-path-roots"
LARGEST = 1 << 20  # bytes; the bundle of a whole system has a quarter of that


class CaFileUnusable(Invalid):
    """The file may not be read, is not there, or is not what a CA file can be."""


@dataclass(frozen=True, slots=True)
class FileVersion:
    """A file as it was; another version differs in one of these, as good as surely."""

    path: str
    device: int
    inode: int
    size: int
    changed: int  # nanoseconds, of content or name


@dataclass(frozen=True, slots=True)
class CaFile:
    """What was read, and of which version of the file it is."""

    pem: bytes
    version: FileVersion


class CaFiles:
    """Reads files below `roots`, beside the event loop."""

    def __init__(self, *, roots: Sequence[Path]) -> None:
        self._roots = tuple(roots)

    async def read(self, path: str) -> CaFile:
        """Return the file. Raises CaFileUnusable, which names no more than `path`."""
        return await asyncio.to_thread(self._read, path)

    async def is_unchanged(self, version: FileVersion) -> bool:
        """Whether the file is still the one of `version`."""
        return await asyncio.to_thread(_is_unchanged, version)

    def _read(self, path: str) -> CaFile:
        name = printable(path)
        try:
            resolved = Path(os.path.realpath(path))
        except ValueError as error:
            raise CaFileUnusable(f"{name} cannot be a path") from error
        # Before anything that tells whether there is such a file.
        if not self._may_read(path, resolved):
            roots = ", ".join(map(str, self._roots)) or "there is none"
            raise CaFileUnusable(
                f"{name} does not lie below a directory of {FLAG} ({roots})"
            )
        try:
            return _read_regular(path, resolved)
        except OSError as error:
            why = os.strerror(error.errno or 0)
            raise CaFileUnusable(f"{name} cannot be read: {why}") from error

    def _may_read(self, path: str, resolved: Path) -> bool:
        return Path(path).is_absolute() and any(
            resolved != root and resolved.is_relative_to(root)
            for root in (Path(os.path.realpath(each)) for each in self._roots)
        )


def _read_regular(path: str, resolved: Path) -> CaFile:
    # Neither a link that was put there meanwhile, nor a wait for a pipe's writer.
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    with open(os.open(resolved, flags), "rb") as file:  # noqa: PTH123 - a descriptor
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise CaFileUnusable(f"{printable(path)} is not a file")
        pem = file.read(LARGEST + 1)
    if len(pem) > LARGEST:
        raise CaFileUnusable(f"{printable(path)} has more than {LARGEST} bytes")
    return CaFile(pem, _version(path, status))


def _is_unchanged(version: FileVersion) -> bool:
    try:
        return _version(version.path, Path(version.path).stat()) == version
    except OSError:
        return False


def _version(path: str, status: os.stat_result) -> FileVersion:
    return FileVersion(
        path=path,
        device=status.st_dev,
        inode=status.st_ino,
        size=status.st_size,
        changed=status.st_ctime_ns,
    )
