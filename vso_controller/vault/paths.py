"""Paths and namespaces: from what a user wrote to what goes on the wire.

Each segment below `/v1/` is quoted by itself. Whatever a server, or a proxy that
decodes once more than it should, could read as another path is refused and never
repaired.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from urllib.parse import quote, unquote, urlencode

_DECODINGS = 4  # as often as a chain of proxies could plausibly decode


def split_path(text: str) -> tuple[str, ...]:
    """Split a mount or a path as users write it; slashes at its ends do not count."""
    return tuple(text.strip("/").split("/"))


def quote_path(segments: Iterable[str]) -> str:
    """Quote and join `segments`. Raises ValueError for one that is not safe."""
    return "/".join(_quote_segment(segment) for segment in segments)


def check_namespace(text: str) -> str:
    """Return a namespace as Vault knows it: without slashes at its ends; "": root.

    Raises ValueError for one that could be read as another namespace, or that the
    way there would change.
    """
    namespace = text.strip("/")
    if namespace != namespace.strip():
        raise ValueError("the namespace begins or ends with a space")
    for segment in namespace.split("/") if namespace else ():
        _check_segment(segment, "the namespace")
    return namespace


def quote_query(query: Mapping[str, str]) -> str:
    """Encode `query`. Raises ValueError for control characters."""
    for text in (*query.keys(), *query.values()):
        if not is_clean(text):
            raise ValueError("a query parameter contains control characters")
    return urlencode(query, quote_via=quote, safe="")


def is_clean(text: str) -> bool:
    """Whether `text` has neither control characters nor lone surrogates."""
    return not any(unicodedata.category(char) in {"Cc", "Cs"} for char in text)


def _quote_segment(segment: str) -> str:
    _check_segment(segment, "the path")
    return quote(segment, safe="")


def _check_segment(segment: str, what: str) -> None:
    if not segment:
        raise ValueError(f"{what} has an empty segment (two slashes in a row?)")
    if not is_clean(segment):
        raise ValueError(f"{what} contains control characters")
    reading = segment
    for _ in range(_DECODINGS):
        if _leads_elsewhere(reading):
            raise ValueError(
                f"{what} has a segment that a server could read as another path"
            )
        reading = unquote(reading)


def _leads_elsewhere(reading: str) -> bool:
    # Some servers take a backslash for a slash, or fold wide dots into plain ones.
    folded = unicodedata.normalize("NFKC", reading)
    pieces = folded.replace("\\", "/").split("/")
    return "/" in reading or not is_clean(reading) or not {".", ".."}.isdisjoint(pieces)
