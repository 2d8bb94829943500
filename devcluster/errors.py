"""How a request is refused: metav1.Status with Kubernetes' own words.

    ApiError            carries reason, message and details of one Status; the reason
                        decides the code

The functions below make the refusals that several layers need; their wording is
that of kube-apiserver, since clients and people search for it. What a refusal is
about is called by plural (or kind) and group together: `secrets`, `widgets.ex.io`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason why a field is refused: an entry of `details.causes`."""

    reason: str
    message: str
    field: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


Details = Mapping[str, Any]
NO_DETAILS: Details = {}
# Most reasons are the phrases of HTTP in one word.
_CODES: Mapping[str, int] = {
    **{each.phrase.replace(" ", ""): each.value for each in HTTPStatus},
    "AlreadyExists": 409,
    "Expired": 410,
    "RequestEntityTooLarge": 413,
    "Invalid": 422,
    "Timeout": 504,
}


class ApiError(Exception):
    """A request that is answered with a Status of failure."""

    def __init__(
        self, reason: str, message: str, details: Details = NO_DETAILS
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.code = _CODES[reason]
        self._details = details

    def as_json(self) -> dict[str, Any]:
        """Return the metav1.Status that the client is shown."""
        told = {"message": str(self), "reason": self.reason, "code": self.code}
        return status("Failure", self._details) | told


def details(about: str, name: str, *causes: Cause) -> dict[str, Any]:
    """Return the details of a Status that is about an object."""
    kind, _, group = about.partition(".")
    told = [asdict(cause) for cause in causes]
    found = {"name": name, "group": group, "kind": kind, "causes": told}
    return {field: each for field, each in found.items() if each}


def status(outcome: str, details: Details) -> dict[str, Any]:
    """Return a metav1.Status."""
    head = {"kind": "Status", "apiVersion": "v1", "metadata": {}}
    return head | {"status": outcome, "details": details}


def spell(value: object) -> str:
    """Write a value the way a field error quotes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def required(field: str, detail: str = "") -> Cause:
    """Say that a field is missing."""
    message = f"Required value: {detail}" if detail else "Required value"
    return Cause("FieldValueRequired", message, field)


def invalid_value(field: str, value: object, detail: str) -> Cause:
    """Say that a field has a value it may not have."""
    return Cause("FieldValueInvalid", f"Invalid value: {spell(value)}: {detail}", field)


def unsupported(field: str, value: object, known: Iterable[object]) -> Cause:
    """Say that a field has a value outside of a closed set."""
    told = ", ".join(map(spell, known))
    message = f"Unsupported value: {spell(value)}: supported values: {told}"
    return Cause("FieldValueNotSupported", message, field)


def duplicate(field: str, value: object) -> Cause:
    """Say that a list which is a set has the same entry twice."""
    return Cause("FieldValueDuplicate", f"Duplicate value: {spell(value)}", field)


def forbidden_field(field: str, detail: str) -> Cause:
    """Say that a field may not be set here."""
    return Cause("FieldValueForbidden", f"Forbidden: {detail}", field)


def too_long(field: str, limit: int) -> Cause:
    """Say that a value is larger than may be stored."""
    message = f"Too long: must have at most {limit} bytes"
    return Cause("FieldValueTooLong", message, field)


def bad_request(message: str) -> ApiError:
    """Refuse what cannot be understood."""
    return ApiError("BadRequest", message)


def forbidden(about: str, name: str, why: str, *causes: Cause) -> ApiError:
    """Refuse what the identity may not do, or what the object may not have done."""
    subject = f'{about} "{name}"' if name else about
    message = f"{subject} is forbidden: {why}"
    return ApiError("Forbidden", message, details(about, name, *causes))


def not_found(about: str, name: str) -> ApiError:
    """Say that there is no such object."""
    return ApiError("NotFound", f'{about} "{name}" not found', details(about, name))


def no_such_resource() -> ApiError:
    """Say that nothing is served under this path."""
    return ApiError("NotFound", "the server could not find the requested resource")


def method_not_allowed() -> ApiError:
    """Say that what is served here does not take this method."""
    message = "the server does not allow this method on the requested resource"
    return ApiError("MethodNotAllowed", message)


def already_exists(about: str, name: str) -> ApiError:
    """Say that the name is taken."""
    message = f'{about} "{name}" already exists'
    return ApiError("AlreadyExists", message, details(about, name))


def conflict(about: str, name: str, why: str) -> ApiError:
    """Say that a precondition does not hold (any more)."""
    message = f'Operation cannot be fulfilled on {about} "{name}": {why}'
    return ApiError("Conflict", message, details(about, name))


def invalid(about: str, name: str, causes: Sequence[Cause]) -> ApiError:
    """Refuse an object or options with the reason for each field."""
    told = str(causes[0]) if len(causes) == 1 else f"[{', '.join(map(str, causes))}]"
    message = f'{about} "{name}" is invalid: {told}'
    return ApiError("Invalid", message, details(about, name, *causes))
