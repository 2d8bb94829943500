"""Files that an administrator mounted into the controller for others to name.

The path is chosen by whoever may write a custom resource, and our files are none of
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
from vso_controller.foundation.secret import Secret
from vso_controller.vault.messages import printable

LARGEST = 1 << 20  # bytes


class FileUnusable(Invalid):
    """The file may not be read, is not there, or is not what it should be."""


@dataclass(frozen=True, slots=True)
class FileVersion:
    """A file as it was; another version differs in one of these, as good as surely."""

    path: str
    device: int
    inode: int
    size: int
    changed: int  # nanoseconds, of content or name


@dataclass(frozen=True, slots=True)
class RootedFile:
    """What was read, and of which version of the file it is."""

    content: Secret[bytes]
    version: FileVersion


class RootedFiles:
    """Reads files below `roots`, which the setting `flag` names, beside the loop."""

    def __init__(self, *, roots: Sequence[Path], flag: str) -> None:
        self._roots = tuple(roots)
        self._flag = flag

    async def read(self, path: str) -> RootedFile:
        """Return the file. Raises FileUnusable, which names no more than `path`."""
        return await asyncio.to_thread(self._read, path)

    async def is_unchanged(self, version: FileVersion) -> bool:
        """Whether the file is still the one of `version`."""
        return await asyncio.to_thread(_is_unchanged, version)

    def _read(self, path: str) -> RootedFile:
        name = printable(path)
        try:
            resolved = Path(os.path.realpath(path))
        except ValueError as error:
            raise FileUnusable(f"{name} cannot be a path") from error
        # Before anything that tells whether there is such a file.
        if not self._may_read(path, resolved):
            roots = ", ".join(map(str, self._roots)) or "there is none"
            raise FileUnusable(
                f"{name} does not lie below a directory of {self._flag} ({roots})"
            )
        try:
            return _read_regular(path, resolved)
        except OSError as error:
            why = os.strerror(error.errno or 0)
            raise FileUnusable(f"{name} cannot be read: {why}") from error

    def _may_read(self, path: str, resolved: Path) -> bool:
        return Path(path).is_absolute() and any(
            resolved != root and resolved.is_relative_to(root)
            for root in (Path(os.path.realpath(each)) for each in self._roots)
        )


def _read_regular(path: str, resolved: Path) -> RootedFile:
    # With an opener, what `open` refuses (a directory) is closed as well.
    with open(resolved, "rb", opener=_open_plainly) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise FileUnusable(f"{printable(path)} is not a file")
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise FileUnusable(f"{printable(path)} has more than {LARGEST} bytes")
    return RootedFile(Secret(content), _version(path, status))


def _open_plainly(path: str, _: int) -> int:
    # Neither a link that was put there meanwhile, nor a wait for a pipe's writer.
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)


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
