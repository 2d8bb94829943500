"""Label selectors and field selectors, read from a query string.

Source: the Kubernetes documentation, "Labels and Selectors" and "Field Selectors".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from devcluster.objects import names


class Operator(Enum):
    """How a requirement compares."""

    IN = auto()
    NOT_IN = auto()
    EXISTS = auto()
    ABSENT = auto()
    GREATER = auto()
    LESS = auto()


_OPERATORS = {
    "=": Operator.IN,
    "==": Operator.IN,
    "in": Operator.IN,
    "!=": Operator.NOT_IN,
    "notin": Operator.NOT_IN,
    ">": Operator.GREATER,
    "<": Operator.LESS,
}
_WORD = r"[^\s,!=<>()]"
_REQUIREMENT = re.compile(
    rf"""\s*(?:
        !\s*(?P<absent>{_WORD}+)
      | (?P<key>{_WORD}+)
        (?: \s+(?P<set>in|notin)\s*\((?P<values>[^()]*)\)
          | \s*(?P<sign>==|=|!=|>|<)\s*(?P<value>{_WORD}*) )?
    )\s*(?P<more>,|$)""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Requirement:
    """One comparison; a selector holds when all of its requirements hold."""

    key: str
    operator: Operator
    values: frozenset[str] = frozenset()

    def matches(self, found: Mapping[str, str]) -> bool:
        """Say whether these labels (or fields) satisfy the requirement."""
        value = found.get(self.key)
        match self.operator:
            case Operator.IN:
                return value in self.values
            case Operator.NOT_IN:
                return value not in self.values
            case Operator.EXISTS:
                return value is not None
            case Operator.ABSENT:
                return value is None
            case _:
                return self._compares(value)

    def _compares(self, value: str | None) -> bool:
        (bound,) = self.values
        if value is None or not re.fullmatch(r"-?\d+", value):
            return False
        above = int(value) > int(bound)
        return above if self.operator is Operator.GREATER else int(value) < int(bound)


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
    key = found["absent"] or found["key"]
    if problem := names.qualified_name_problem(key):
        raise ValueError(f'unable to parse requirement: key: "{key}": {problem}')
    if found["absent"]:
        return Requirement(key, Operator.ABSENT)
    sign = found["set"] or found["sign"]
    if sign is None:
        return Requirement(key, Operator.EXISTS)
    texts = found["values"].split(",") if found["set"] else [found["value"]]
    values = frozenset(text.strip() for text in texts)
    operator = _OPERATORS[sign]
    _check_values(operator, values)
    return Requirement(key, operator, values)


def _check_values(operator: Operator, values: frozenset[str]) -> None:
    for value in values:
        if problem := names.label_value_problem(value):
            raise ValueError(
                f'unable to parse requirement: values: "{value}": {problem}'
            )
        if operator in {Operator.GREATER, Operator.LESS} and not re.fullmatch(
            r"-?\d+", value
        ):
            raise ValueError(
                "unable to parse requirement: values: for 'Gt', 'Lt' operators, "
                "the value must be an integer"
            )


def parse_fields(text: str, known: frozenset[str]) -> Selector:
    """Parse a field selector over `known` fields. Raises ValueError."""
    requirements = []
    for term in filter(None, text.split(",")):
        found = re.fullmatch(r"\s*([^=!\s]+)\s*(==|=|!=)(.*)", term)
        if found is None:
            raise ValueError(f"invalid selector: '{text}'; can't understand '{term}'")
        field, sign, value = found.groups()
        if field not in known:
            raise ValueError(f"field label not supported: {field}")
        operator = _OPERATORS[sign]
        requirements.append(Requirement(field, operator, frozenset({value})))
    return tuple(requirements)


def exact_value(selector: Selector, key: str) -> str | None:
    """Return the one value a selector allows for `key`, None where it allows more."""
    for requirement in selector:
        if requirement.key == key and requirement.operator is Operator.IN:
            (value,) = requirement.values
            return value
    return None
