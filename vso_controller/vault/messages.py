"""Text of others, made fit for conditions, Events and logs."""

from __future__ import annotations

import unicodedata

LONGEST = 256
"""Characters kept of a text that others chose."""


def printable(text: str) -> str:
    """Return `text` on one line, without control or format characters, bounded."""
    # Cut first: cleaning is linear, but a hostile text may be megabytes.
    kept = "".join(
        char if unicodedata.category(char)[0] != "C" else " "
        for char in text[: 4 * LONGEST]
    )
    line = " ".join(kept.split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
