"""Semantic versions in templates: `semver` and `semverCompare`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vso_controller.templating.errors import FunctionError
from vso_controller.templating.functions.constraints import parse_constraints
from vso_controller.templating.functions.methods import method
from vso_controller.templating.functions.paying import reading
from vso_controller.templating.functions.versions import (
    Version,
    check_metadata,
    check_prerelease,
    parse_version,
)
from vso_controller.templating.values import Kind, Object, UInt64

_LARGEST = 2**64


@dataclass(frozen=True, slots=True)
class VersionValue(Object):
    """A semver.Version, which methods of a version return."""

    version: Version

    TYPE = "semver.Version"

    def text(self) -> str:
        return str(self.version)


@dataclass(frozen=True, slots=True)
class SemanticVersion(VersionValue):
    """A *semver.Version, which `semver` returns."""

    TYPE = "*semver.Version"
    KIND = Kind.PTR

    def blank(self) -> SemanticVersion:
        """Return the version 0.0.0, of which nothing is known."""
        return SemanticVersion(Version(0, 0, 0))


def _next(numbers: Callable[[Version], tuple[int, int, int]]) -> Callable[..., object]:
    def increment(value: VersionValue) -> VersionValue:
        major, minor, patch = numbers(value.version)
        wrapped = (major % _LARGEST, minor % _LARGEST, patch % _LARGEST)
        return VersionValue(value.version.changed(numbers=wrapped))

    return method()(increment)


def _next_patch(version: Version) -> tuple[int, int, int]:
    # A pre-release comes before the version that it is named after.
    return version.major, version.minor, version.patch + (not version.prerelease)


def _set_prerelease(value: VersionValue, prerelease: str) -> VersionValue:
    _checked(check_prerelease, prerelease)
    metadata = value.version.metadata
    return VersionValue(value.version.changed(prerelease=prerelease, metadata=metadata))


def _set_metadata(value: VersionValue, metadata: str) -> VersionValue:
    _checked(check_metadata, metadata)
    prerelease = value.version.prerelease
    return VersionValue(value.version.changed(prerelease=prerelease, metadata=metadata))


def _checked(check: Callable[[str], None], part: str) -> None:
    try:
        check(part)
    except ValueError as error:
        raise FunctionError(str(error)) from None


def _comparison(holds: Callable[[int], object]) -> Callable[..., object]:
    def compare(value: SemanticVersion, other: SemanticVersion) -> object:
        return holds(value.version.compare(other.version))

    return method(SemanticVersion)(compare)


VersionValue.METHODS = {
    "String": method()(lambda value: str(value.version)),
    "Major": method()(lambda value: UInt64(value.version.major)),
    "Minor": method()(lambda value: UInt64(value.version.minor)),
    "Patch": method()(lambda value: UInt64(value.version.patch)),
    "Prerelease": method()(lambda value: value.version.prerelease),
    "Metadata": method()(lambda value: value.version.metadata),
    "IncMajor": _next(lambda version: (version.major + 1, 0, 0)),
    "IncMinor": _next(lambda version: (version.major, version.minor + 1, 0)),
    "IncPatch": _next(_next_patch),
    "SetPrerelease": method(str)(_set_prerelease),
    "SetMetadata": method(str)(_set_metadata),
}
SemanticVersion.METHODS = VersionValue.METHODS | {
    "Original": method()(lambda value: value.version.original),
    "Compare": _comparison(lambda order: order),
    "Equal": _comparison(lambda order: order == 0),
    "LessThan": _comparison(lambda order: order < 0),
    "LessThanEqual": _comparison(lambda order: order <= 0),
    "GreaterThan": _comparison(lambda order: order > 0),
    "GreaterThanEqual": _comparison(lambda order: order >= 0),
}


@reading("semver", "(string) *semver.Version")
def semver(text: str) -> SemanticVersion:
    """Return a semantic version, with `.Major`, `.Minor`, `.Patch` and more."""
    try:
        return SemanticVersion(parse_version(text))
    except ValueError as error:
        raise FunctionError(str(error)) from None


@reading("semverCompare", "(string, string) bool", weight=64)
def semver_compare(constraint: str, version: str) -> bool:
    """Say whether a version satisfies a constraint such as `>=1.2, <2`."""
    try:
        return parse_constraints(constraint).allow(parse_version(version))
    except ValueError as error:
        raise FunctionError(str(error)) from None


FUNCTIONS = (semver, semver_compare)
