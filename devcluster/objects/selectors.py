"""Label selectors and field selectors, read from a query string.

Source: the Kubernetes documentation, "Labels and Selectors" and "Field Selectors".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_WORD = r"[^\s,!=<>()]"
# A key that must be absent is compared with nothing.
_REQUIREMENT = re.compile(
    rf"""\s*(?P<absent>!\s*)?(?P<key>{_WORD}+)
    (?(absent)
      | (?: \s+(?P<set>in|notin)\s*\((?P<values>[^()]*)\)
          | \s*(?P<sign>==|=|!=)\s*(?P<value>{_WORD}*) )?
    )\s*(?P<more>,|$)""",
    re.VERBOSE,
)
_NEGATIONS = frozenset({"!=", "notin"})


@dataclass(frozen=True, slots=True)
class Requirement:
    """One comparison; a selector holds when all of its requirements hold."""

    key: str
    values: frozenset[str] | None  # None: any
    negated: bool = False

    def matches(self, found: Mapping[str, str]) -> bool:
        """Say whether these labels (or fields) satisfy the requirement."""
        value = found.get(self.key)
        holds = value is not None if self.values is None else value in self.values
        return holds is not self.negated


Selector = tuple[Requirement, ...]


def matches(selector: Selector, found: Mapping[str, str]) -> bool:
    """Say whether every requirement holds. The empty selector holds always."""
    return all(requirement.matches(found) for requirement in selector)


def parse_labels(text: str) -> Selector:
    """Parse a label selector, equality and set based. Raises ValueError."""
    requirements = []
    position = 0
    more = text.strip() != ""
    while more:
        found = _REQUIREMENT.match(text, position)
        if found is None:
            raise ValueError(f"unable to parse requirement: found {text[position:]!r}")
        requirements.append(_requirement(found))
        position = found.end()
        more = found["more"] == ","
    return tuple(requirements)


def _requirement(found: re.Match[str]) -> Requirement:
    told = found["values"] if found["value"] is None else found["value"]
    values = None if told is None else frozenset(map(str.strip, told.split(",")))
    is_negated = found["absent"] or (found["set"] or found["sign"]) in _NEGATIONS
    return Requirement(found["key"], values, negated=bool(is_negated))


def parse_fields(text: str, known: frozenset[str]) -> Selector:
    """Parse a field selector over `known` fields. Raises ValueError."""
    selector = parse_labels(text)
    for each in selector:
        if each.values is None or each.key not in known:
            raise ValueError(f"field label not supported: {each.key}")
    return selector


def exact_value(selector: Selector, key: str) -> str | None:
    """Return the one value a selector allows for `key`, None where it allows more."""
    for each in selector:
        if each.key == key and each.values and not each.negated:
            return next(iter(each.values))
    return None
