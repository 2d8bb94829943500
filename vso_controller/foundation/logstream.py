"""Where log lines go to: a write that fails costs its line and nothing else."""

from __future__ import annotations

import io
from typing import TextIO


class LossyFile(io.BufferedIOBase):
    """The file of a stream without its buffer, which drops what cannot be written.

    The disk behind it may be full, or its reader gone. Without a buffer nothing comes
    out late, and nothing is left that could fail when the interpreter ends.
    """

    name = "<log>"

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream  # which would close its file if it went
        self._raw = getattr(stream.buffer, "raw", stream.buffer)
        self._is_torn = False  # the last line is there in part
        self.dropped = 0
        """How many writes failed."""

    def as_text(self) -> TextIO:
        """Return a stream of text that has no buffer either."""
        return io.TextIOWrapper(
            self, encoding="utf-8", errors="backslashreplace", write_through=True
        )

    def writable(self) -> bool:
        """Return True, as a file must that is written to."""
        return True

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        """Write all of a line, or drop what of it cannot be written."""
        line = b"\n" + data if self._is_torn else data
        left = memoryview(line)
        try:
            while left:
                written = self._raw.write(left)
                if not written:  # a descriptor that does not block takes nothing now
                    raise BlockingIOError
                left = left[written:]
        except OSError:
            self.dropped += 1
            self._is_torn = self._is_torn or len(left) < len(line)
        else:
            self._is_torn = False
        return len(data)
