"""The base of all API models: how custom resources are read and written.

Attributes are snake_case, JSON names are Kubernetes' camelCase. What an object
holds beyond its model is ignored, as the API server prunes it anyway. A field
that was left out is None, its default, or empty; where even that matters
(`{}` against nothing), `model_fields_set` tells.

A docstring below a field is its description in the CRD. Its default is the
CRD's default too, None and empty collections aside.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

from vso_controller.foundation.errors import Invalid

_REPORTED = 5  # reasons in one message; a status condition is read by people


class ApiModel(BaseModel):
    """A part of a custom resource."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        strict=True,
        use_attribute_docstrings=True,
        validate_by_alias=True,
        validate_by_name=True,
    )


T = TypeVar("T")
M = TypeVar("M", bound=ApiModel)

ALWAYS_PRESENT = "x-always-present"

AlwaysPresent = Annotated[T, Field(json_schema_extra={ALWAYS_PRESENT: True})]
"""A field that the schema requires although the model has a default for it."""

Int64 = Annotated[int, Field(json_schema_extra={"format": "int64"})]
"""An integer that Go's clients decode into 64 bits."""


def parse_spec(model: type[M], raw: bytes) -> M:
    """Parse an envelope's spec. Raises Invalid with each bad field and its reason."""
    return _parse(model, raw, root="spec")


def parse_status(model: type[M], raw: bytes) -> M:
    """Parse an envelope's status; an absent one is the model's defaults.

    Raises Invalid with each bad field and its reason.
    """
    return _parse(model, raw, root="status")


def status_json(status: ApiModel) -> dict[str, object]:
    """Return a status as the JSON object to write: None is left out, nothing else.

    Fields that the schema requires are therefore always in it.
    """
    return status.model_dump(mode="json", by_alias=True, exclude_none=True)


def _parse(model: type[M], raw: bytes, *, root: str) -> M:
    try:
        return model.model_validate_json(raw or b"{}", by_alias=True, by_name=False)
    except ValidationError as error:
        # Values stay out of the message: headers, for one, may carry a token.
        details = error.errors(
            include_url=False, include_context=False, include_input=False
        )
        raise Invalid(_explain(details, root=root)) from error


def _explain(details: Sequence[ErrorDetails], *, root: str) -> str:
    reasons = [f"{_path(root, one['loc'])}: {one['msg']}" for one in details]
    hidden = len(reasons) - _REPORTED
    if hidden > 0:
        reasons[_REPORTED:] = [f"and {hidden} more"]
    return "; ".join(reasons)


def _path(root: str, location: tuple[int | str, ...]) -> str:
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)
    return root + "".join(steps)
