"""Constraints on versions, such as `>=1.2 <2 || ~0.9`, as Masterminds/semver has them.

Alternatives are separated by `||`, what must hold together by spaces or commas.
A pre-release satisfies only alternatives that mention one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from vso_controller.foundation.regexes import compiled
from vso_controller.templating.functions.versions import (
    Version,
    compare_prereleases,
    parse_version,
)

_OPERATORS = r"=||!=|>|<|>=|=>|<=|=<|~|~>|\^"
_PATTERN = (
    r"v?([0-9|x|X|\*]+)(\.[0-9|x|X|\*]+)?(\.[0-9|x|X|\*]+)?"
    r"(-([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?"
    r"(\+([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?"
)
# What users write is matched by RE2, which takes linear time whatever it is.
_ONE = compiled(rf"\s*({_OPERATORS})\s*({_PATTERN})\s*")
_ANY = compiled(rf"({_OPERATORS})\s*({_PATTERN})")
_RANGE = compiled(rf"\s*({_PATTERN})\s+-\s+({_PATTERN})\s*")
_ALL = compiled(
    rf"(\s*({_OPERATORS})\s*({_PATTERN})\s*)"
    rf"((?:\s+|,\s*)({_OPERATORS})\s*({_PATTERN})\s*)*"
)
_WILDCARDS = {"x", "X", "*", ""}
_CACHED = 128


@dataclass(frozen=True, slots=True)
class Constraint:
    """One operator and the version that it compares with."""

    operator: str
    version: Version
    any_minor: bool = False
    """The version names no minor number."""
    any_patch: bool = False
    """The version names no patch number, but a minor one."""
    vague: bool = False
    """The version leaves out a number, or has a wildcard for it."""

    def allows(self, version: Version) -> bool:
        """Say whether `version` satisfies this constraint."""
        return _CHECKS[self.operator](self, version)


@dataclass(frozen=True, slots=True)
class Constraints:
    """Alternatives, each of constraints that must hold together."""

    alternatives: tuple[tuple[Constraint, ...], ...]

    def allow(self, version: Version) -> bool:
        """Say whether `version` satisfies one of the alternatives."""
        return any(_satisfies(version, each) for each in self.alternatives)


@lru_cache(_CACHED)
def parse_constraints(text: str) -> Constraints:
    """Read constraints. Raises ValueError, without the text."""
    alternatives = _without_ranges(text).split("||")
    return Constraints(tuple(_alternative(each) for each in alternatives))


def _without_ranges(text: str) -> str:
    """Return `text` with `1.2 - 3` spelt out as `>= 1.2, <= 3`."""
    rewritten = text
    for found in _RANGE.finditer(text):
        spelt = f">= {found[1]}, <= {found[11]} "
        rewritten = rewritten.replace(found[0], spelt, 1)
    return rewritten


def _alternative(text: str) -> tuple[Constraint, ...]:
    if not _ALL.fullmatch(text):
        raise ValueError("improper constraint")
    return tuple(_constraint(each[0]) for each in _ANY.finditer(text))


def _constraint(text: str) -> Constraint:
    found = _ONE.fullmatch(text)
    if found is None:
        raise ValueError("improper constraint")
    operator, version, major = found[1], found[2], found[3]
    minor, patch, prerelease = (found[each] or "" for each in (4, 5, 6))
    if major in _WILDCARDS:
        base = parse_version(f"0.0.0{prerelease}")
        return Constraint(operator, base, vague=True)
    if minor.removeprefix(".") in _WILDCARDS:
        base = parse_version(f"{major}.0.0{prerelease}")
        return Constraint(operator, base, any_minor=True, vague=True)
    if patch.removeprefix(".") in _WILDCARDS:
        base = parse_version(f"{major}{minor}.0{prerelease}")
        return Constraint(operator, base, any_patch=True, vague=True)
    return Constraint(operator, parse_version(version))


def _satisfies(version: Version, together: tuple[Constraint, ...]) -> bool:
    if version.prerelease and not any(each.version.prerelease for each in together):
        return False
    return all(each.allows(version) for each in together)


def _is_equal(constraint: Constraint, version: Version) -> bool:
    if constraint.vague:
        return _is_close(constraint, version)
    return version.compare(constraint.version) == 0


def _is_other(constraint: Constraint, version: Version) -> bool:
    base = constraint.version
    if not constraint.vague:
        return version.compare(base) != 0
    if version.major != base.major:
        return True
    if constraint.any_minor:
        return False
    if version.minor != base.minor:
        return True
    if constraint.any_patch:
        return compare_prereleases(version.prerelease, base.prerelease) != 0
    return version.compare(base) != 0


def _is_greater(constraint: Constraint, version: Version) -> bool:
    base = constraint.version
    if constraint.vague and version.major != base.major:
        return version.major > base.major
    if constraint.any_minor:
        return False
    if constraint.any_patch:
        return version.minor > base.minor
    return version.compare(base) > 0


def _is_less(constraint: Constraint, version: Version) -> bool:
    return version.compare(constraint.version) < 0


def _is_at_least(constraint: Constraint, version: Version) -> bool:
    return version.compare(constraint.version) >= 0


def _is_at_most(constraint: Constraint, version: Version) -> bool:
    base = constraint.version
    if not constraint.vague:
        return version.compare(base) <= 0
    if version.major != base.major or constraint.any_minor:
        return version.major <= base.major
    return version.minor <= base.minor


def _is_close(constraint: Constraint, version: Version) -> bool:
    """`~1.2.3` is 1.2.3 and what comes before 1.3.0."""
    base = constraint.version
    if version.compare(base) < 0:
        return False
    if base.numbers == (0, 0, 0) and not constraint.any_minor | constraint.any_patch:
        return True
    if version.major != base.major:
        return False
    return constraint.any_minor or version.minor == base.minor


def _is_compatible(constraint: Constraint, version: Version) -> bool:
    """`^1.2.3` is 1.2.3 and what comes before 2.0.0; `^0.2.3` ends at 0.3.0."""
    base = constraint.version
    if version.compare(base) < 0 or version.major != base.major:
        return False
    if base.major > 0 or constraint.any_minor:
        return True
    if version.minor != base.minor:
        return False
    return base.minor > 0 or constraint.any_patch or version.patch == base.patch


_CHECKS: dict[str, Callable[[Constraint, Version], bool]] = {
    "": _is_equal,
    "=": _is_equal,
    "!=": _is_other,
    ">": _is_greater,
    "<": _is_less,
    ">=": _is_at_least,
    "=>": _is_at_least,
    "<=": _is_at_most,
    "=<": _is_at_most,
    "~": _is_close,
    "~>": _is_close,
    "^": _is_compatible,
}
