"""Semantic versions, read as leniently as Masterminds/semver reads them.

`v1.2` is 1.2.0, and leading zeros are forgiven in the three numbers.
Source: semver.org, and the documentation of that library.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import zip_longest

_IDENTIFIERS = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
_VERSION = re.compile(
    r"v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?"
    rf"(?:-({_IDENTIFIERS}))?(?:\+({_IDENTIFIERS}))?",
    re.ASCII,
)
_IDENTIFIER = re.compile("[0-9A-Za-z-]*")
_NUMERIC = re.compile("[0-9]+")
_LARGEST = 2**64 - 1
_MOST_DIGITS = len(str(_LARGEST))


@dataclass(frozen=True, slots=True)
class Version:
    """A semantic version."""

    major: int
    minor: int
    patch: int
    prerelease: str = ""
    metadata: str = ""
    original: str = ""
    """The text that it was read from."""

    def __str__(self) -> str:
        text = f"{self.major}.{self.minor}.{self.patch}"
        text += f"-{self.prerelease}" if self.prerelease else ""
        return f"{text}+{self.metadata}" if self.metadata else text

    @property
    def numbers(self) -> tuple[int, int, int]:
        """The three numbers."""
        return self.major, self.minor, self.patch

    def compare(self, other: Version) -> int:
        """Return -1, 0 or 1: how this one is ordered against `other`."""
        if self.numbers != other.numbers:
            return -1 if self.numbers < other.numbers else 1
        return compare_prereleases(self.prerelease, other.prerelease)

    def changed(
        self,
        *,
        numbers: tuple[int, int, int] | None = None,
        prerelease: str = "",
        metadata: str = "",
    ) -> Version:
        """Return a version made from this one, which keeps whether it has a `v`."""
        made = Version(*(numbers or self.numbers), prerelease, metadata)
        prefix = "v" if self.original.startswith("v") else ""
        return Version(*made.numbers, prerelease, metadata, f"{prefix}{made}")


def parse_version(text: str) -> Version:
    """Read a version. Raises ValueError, without the text."""
    found = _VERSION.fullmatch(text)
    if found is None:
        raise ValueError("invalid semantic version")
    major, minor, patch, prerelease, metadata = found.groups(default="")
    check_prerelease(prerelease)
    return Version(
        _number(major), _number(minor), _number(patch), prerelease, metadata, text
    )


def check_prerelease(text: str) -> None:
    """Raise ValueError when `text` cannot be a pre-release."""
    parts = text.split(".") if text else []
    if not all(_IDENTIFIER.fullmatch(each) for each in parts):
        raise ValueError("invalid prerelease string")
    if any(
        _NUMERIC.fullmatch(each) and len(each) > 1 and each[0] == "0" for each in parts
    ):
        raise ValueError("version segment starts with 0")


def check_metadata(text: str) -> None:
    """Raise ValueError when `text` cannot be build metadata."""
    if not all(_IDENTIFIER.fullmatch(each) for each in text.split(".")):
        raise ValueError("invalid metadata string")


def compare_prereleases(mine: str, theirs: str) -> int:
    """Return -1, 0 or 1. No pre-release comes after every pre-release."""
    if mine == theirs:
        return 0
    if not mine or not theirs:
        return 1 if not mine else -1
    for left, right in zip_longest(mine.split("."), theirs.split("."), fillvalue=""):
        if left != right:
            return -1 if _order(left) < _order(right) else 1
    return 0


def _order(part: str) -> tuple[int, int, str]:
    """Nothing comes before numbers, numbers before words."""
    if not part:
        return 0, 0, ""
    if _NUMERIC.fullmatch(part) and _fits(part):
        return 1, int(part), ""
    return 2, 0, part


def _number(text: str) -> int:
    if text and not _fits(text):
        raise ValueError("error parsing version segment: value out of range")
    return int(text or "0")


def _fits(digits: str) -> bool:
    significant = digits.lstrip("0")
    return len(significant) <= _MOST_DIGITS and int(significant or "0") <= _LARGEST
