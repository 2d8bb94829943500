"""Values that must turn up nowhere, and the search for them.

A canary is a value that only a leak can bring into a log, an Event, a status or a
metric: one made for the purpose, or a token caught in flight. A leak need not be
verbatim, so each is looked for as it is, as JSON and URLs would escape it, and
within base64 of something longer. What is found is told by what the canary was and
where it was, never by its value.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

_SHORTEST = 6  # characters; anything shorter turns up by chance


@dataclass(frozen=True, slots=True)
class Leak:
    """A canary was found."""

    canary: str  # what it stood for
    where: str
    times: int  # in that text

    def __str__(self) -> str:
        return f"{self.canary} in {self.where}, {self.times} times"


class Canaries:
    """All canaries of a run, and where they were found."""

    def __init__(self) -> None:
        self._forms: dict[str, frozenset[str]] = {}
        self._names: dict[str, str] = {}
        self._leaks: dict[tuple[str, str], Leak] = {}

    def __len__(self) -> int:
        return len(self._names)

    @property
    def leaks(self) -> tuple[Leak, ...]:
        """Every canary that was found so far, once for each place."""
        return tuple(self._leaks.values())

    def make(self, what: str) -> str:
        """Return a new canary that stands for `what`."""
        value = f"canary-{secrets.token_hex(8)}"
        self.add(value, what)
        return value

    def add(self, value: str, what: str) -> None:
        """Make `value` a canary, unless it could turn up by chance.

        Of a JSON Web Token the claims and the signature are looked for one by one:
        a log may cut it.
        """
        for part in _parts(value):
            if is_distinctive(part) and part not in self._names:
                self._names[part] = what
                self._forms[part] = frozenset(_forms(part))

    def search(self, text: str, where: str) -> tuple[Leak, ...]:
        """Look for every canary in `text`; note and return what was found."""
        found = self.find(text, where)
        for leak in found:
            self._leaks[leak.canary, where] = leak
        return found

    def find(self, text: str, where: str) -> tuple[Leak, ...]:
        """Return which canaries are in `text`, where that may be no leak."""
        times = {
            value: sum(text.count(form) for form in forms)
            for value, forms in self._forms.items()
        }
        return tuple(
            Leak(self._names[value], where, count)
            for value, count in times.items()
            if count
        )


def is_distinctive(value: str) -> bool:
    """Whether a value is no word that may stand in a log for another reason."""
    has_digit = any(each.isdigit() for each in value)
    has_letter = any(each.isalpha() for each in value)
    return len(value) >= _SHORTEST and has_digit and has_letter


def _parts(value: str) -> list[str]:
    parts = value.split(".")
    is_jwt = len(parts) == 3 and value.startswith("eyJ")
    return parts[1:] if is_jwt else [value]


def _forms(value: str) -> Iterator[str]:
    yield value
    yield json.dumps(value)[1:-1]
    yield quote(value, safe="")
    for before in range(3):
        yield from _in_base64(value.encode(), before)


def _in_base64(value: bytes, before: int) -> Iterator[str]:
    """Yield what base64 makes of `value` with `before` bytes in front of it.

    The characters that depend on its neighbours are left out.
    """
    encoded = base64.b64encode(bytes(before) + value).decode()
    first = (before * 8 + 5) // 6
    last = (before + len(value)) * 8 // 6
    form = encoded[first:last]
    if len(form) >= _SHORTEST:
        yield form
