"""Which keys of an entry of Vault become keys of the Secret.

As upstream has it: expressions are looked for anywhere in a key; a key that an exclude
matches goes, then, if there are includes, one that none of them matches.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from vso_controller.domain.reasons import Failure, Reason
from vso_controller.foundation.regexes import Pattern, compile_pattern

_SHOWN = 64  # characters of an expression, and of what is wrong with it, in a message


@dataclass(frozen=True, slots=True)
class KeyFilter:
    """Keeps keys, or drops them. Without expressions it keeps all."""

    includes: tuple[Pattern, ...] = ()
    excludes: tuple[Pattern, ...] = ()

    def keeps(self, key: str) -> bool:
        """Tell whether `key` stays."""
        if any(each.is_found_in(key) for each in self.excludes):
            return False
        return not self.includes or any(each.is_found_in(key) for each in self.includes)


def key_filter(
    *, includes: Iterable[str], excludes: Iterable[str]
) -> KeyFilter | Failure:
    """Return the filter of these expressions, each once, in their order as text."""
    try:
        return KeyFilter(
            _compiled("includes", includes), _compiled("excludes", excludes)
        )
    except ValueError as error:
        return Failure(Reason.TRANSFORMATION_INVALID, str(error))


def _compiled(field: str, texts: Iterable[str]) -> tuple[Pattern, ...]:
    return tuple(_pattern(field, each) for each in sorted(set(texts)))


def _pattern(field: str, text: str) -> Pattern:
    try:
        return compile_pattern(text)
    except ValueError as error:
        why = str(error)[:_SHOWN]  # it repeats the expression
        raise ValueError(
            f"{field}: {text[:_SHOWN]!r} is no regular expression (RE2): {why}"
        ) from error
