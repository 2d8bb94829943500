"""Values that cannot be printed.

A secret travels in one of these types from the socket to the write. `reveal()`
is the one way out; it is easy to grep for and nothing calls it by accident:
`str`, `repr`, `format`, pickling and JSON encoding show `***` or fail.
"""

from __future__ import annotations

import hmac
from typing import Generic, NoReturn, TypeVar

T = TypeVar("T")

MASK = "***"


class Secret(Generic[T]):
    """Holds one secret value (a token, a JWT, the data of a Secret)."""

    __slots__ = ("_value",)

    def __init__(self, value: T) -> None:
        self._value = value

    def reveal(self) -> T:
        """Return the value. The caller answers for where it goes."""
        return self._value

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, format_spec: str) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        mine, theirs = self._value, other._value
        if isinstance(mine, bytes) and isinstance(theirs, bytes):
            return hmac.compare_digest(mine, theirs)
        if isinstance(mine, str) and isinstance(theirs, str):
            return hmac.compare_digest(mine.encode(), theirs.encode())
        return bool(mine == theirs)

    # Hashes of secrets would end up in dictionaries and sets that print.
    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret value cannot be pickled")


SecretData = Secret[dict[str, bytes]]
"""The data of a Kubernetes Secret, decoded: key to value bytes."""
