"""How a request is refused: metav1.Status with Kubernetes' own words.

    ApiError            carries code, reason, message and details of one Status

The functions below make the refusals that several layers need; their wording is
that of kube-apiserver, since clients and people search for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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

    def as_json(self) -> dict[str, str]:
        """Return the entry as a Status spells it."""
        return {"reason": self.reason, "message": self.message, "field": self.field}


class ApiError(Exception):
    """A request that is answered with a Status of failure."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        *,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.details = details

    def as_json(self) -> dict[str, Any]:
        """Return the metav1.Status that the client is shown."""
        status: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": str(self),
        }
        if self.reason:
            status["reason"] = self.reason
        if self.details is not None:
            status["details"] = dict(self.details)
        return status | {"code": self.code}


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


def unsupported(field: str, value: object, supported: Iterable[object]) -> Cause:
    """Say that a field has a value outside of a closed set."""
    known = ", ".join(spell(each) for each in supported)
    message = f"Unsupported value: {spell(value)}: supported values: {known}"
    return Cause("FieldValueNotSupported", message, field)


def duplicate(field: str, value: object) -> Cause:
    """Say that a list which is a set has the same entry twice."""
    return Cause("FieldValueDuplicate", f"Duplicate value: {spell(value)}", field)


def forbidden_field(field: str, detail: str) -> Cause:
    """Say that a field may not be set here."""
    return Cause("FieldValueForbidden", f"Forbidden: {detail}", field)


def too_long(field: str, detail: str) -> Cause:
    """Say that a value is larger than may be stored."""
    return Cause("FieldValueTooLong", f"Too long: {detail}", field)


def immutable(field: str, value: object) -> Cause:
    """Say that a field was changed which never changes."""
    return invalid_value(field, value, "field is immutable")


def bad_request(message: str) -> ApiError:
    """Refuse what cannot be understood."""
    return ApiError(HTTPStatus.BAD_REQUEST, "BadRequest", message)


def unauthorized() -> ApiError:
    """Refuse who cannot be recognised."""
    return ApiError(HTTPStatus.UNAUTHORIZED, "Unauthorized", "Unauthorized")


def forbidden(group: str, plural: str, name: str, why: str) -> ApiError:
    """Refuse what the identity may not do, or what the object may not have done."""
    subject = qualified(group, plural) + (f' "{name}"' if name else "")
    return ApiError(
        HTTPStatus.FORBIDDEN,
        "Forbidden",
        f"{subject} is forbidden: {why}",
        details=_details(name, group, plural),
    )


def not_found(group: str, plural: str, name: str) -> ApiError:
    """Say that there is no such object."""
    return ApiError(
        HTTPStatus.NOT_FOUND,
        "NotFound",
        f'{qualified(group, plural)} "{name}" not found',
        details=_details(name, group, plural),
    )


def no_such_resource() -> ApiError:
    """Say that nothing is served under this path."""
    return ApiError(
        HTTPStatus.NOT_FOUND,
        "NotFound",
        "the server could not find the requested resource",
        details={},
    )


def method_not_allowed() -> ApiError:
    """Say that what is served here does not take this method."""
    return ApiError(
        HTTPStatus.METHOD_NOT_ALLOWED,
        "MethodNotAllowed",
        "the server does not allow this method on the requested resource",
        details={},
    )


def already_exists(group: str, plural: str, name: str) -> ApiError:
    """Say that the name is taken."""
    return ApiError(
        HTTPStatus.CONFLICT,
        "AlreadyExists",
        f'{qualified(group, plural)} "{name}" already exists',
        details=_details(name, group, plural),
    )


def conflict(group: str, kind: str, name: str, why: str) -> ApiError:
    """Say that a precondition does not hold (any more)."""
    return ApiError(
        HTTPStatus.CONFLICT,
        "Conflict",
        f'Operation cannot be fulfilled on {qualified(group, kind)} "{name}": {why}',
        details=_details(name, group, kind),
    )


def invalid(group: str, kind: str, name: str, causes: Sequence[Cause]) -> ApiError:
    """Refuse an object or options with the reason for each field."""
    told = str(causes[0]) if len(causes) == 1 else f"[{', '.join(map(str, causes))}]"
    return ApiError(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Invalid",
        f'{qualified(group, kind)} "{name}" is invalid: {told}',
        details=_details(name, group, kind)
        | {"causes": [cause.as_json() for cause in causes]},
    )


def expired(message: str) -> ApiError:
    """Say that a resourceVersion is older than what is remembered."""
    return ApiError(HTTPStatus.GONE, "Expired", message)


def unsupported_media_type(message: str) -> ApiError:
    """Refuse a body in a form that is not understood here."""
    return ApiError(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "UnsupportedMediaType",
        message,
        details={},
    )


def qualified(group: str, name: str) -> str:
    """Join a plural or a kind and its group: `widgets.ex.io`, `secrets`."""
    return f"{name}.{group}" if group else name


def _details(name: str, group: str, kind: str) -> dict[str, Any]:
    said = {"name": name, "group": group, "kind": kind}
    return {key: value for key, value in said.items() if value}
