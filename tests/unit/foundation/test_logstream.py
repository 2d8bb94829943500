from __future__ import annotations

import errno
import io
from typing import TextIO

import pytest

from vso_controller.foundation.logstream import LossyFile


class Disk(io.BytesIO):
    """Takes what there is room for, as a file of a file system that fills up."""

    room = 1_000  # bytes

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = super().write(data[: self.room])
        self.room -= taken
        return taken


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def file(disk: Disk) -> LossyFile:
    return LossyFile(io.TextIOWrapper(disk))


@pytest.fixture
def text(file: LossyFile) -> TextIO:
    return file.as_text()


def test_line_is_there_as_soon_as_it_is_written(
    text: TextIO, disk: Disk, file: LossyFile
) -> None:
    text.write("one\n")

    assert disk.getvalue() == b"one\n"
    assert file.dropped == 0


def test_what_cannot_be_written_is_dropped_and_counted(
    text: TextIO, disk: Disk, file: LossyFile
) -> None:
    disk.room = 0

    text.write("one\n")
    text.write("two\n")
    disk.room = 1_000
    text.write("three\n")

    assert disk.getvalue() == b"three\n"
    assert file.dropped == 2


def test_line_that_was_cut_is_ended_before_the_next(text: TextIO, disk: Disk) -> None:
    disk.room = 2

    text.write("one\n")
    text.write("two\n")
    disk.room = 1_000
    text.write("three\n")
    text.write("four\n")

    assert disk.getvalue() == b"on\nthree\nfour\n"


def test_text_that_is_no_unicode_is_written_with_escapes(
    text: TextIO, disk: Disk
) -> None:
    text.write("a \udcff\n")

    assert disk.getvalue() == b"a \\udcff\n"
