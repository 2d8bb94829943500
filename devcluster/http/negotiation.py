"""Which form of an answer the Accept header asks for."""

from __future__ import annotations

from enum import Enum, auto

from devcluster.errors import ApiError


class Shape(Enum):
    """What is made of the objects that answer a request."""

    OBJECT = auto()
    TABLE = auto()
    METADATA = auto()


_META_GROUP = ("meta.k8s.io", "v1")
_JSON = frozenset({"application/json", "application/*", "*/*"})
_IGNORED_PARAMETERS = frozenset({"q", "charset", "stream"})


def accepted_shape(accept: str, *, is_list: bool) -> Shape:
    """Return the first shape in the header that is known. Raises ApiError (406)."""
    for media_range in accept.split(",") if accept else ("*/*",):
        shape = _shape_of(media_range, is_list=is_list)
        if shape is not None:
            return shape
    raise ApiError(
        406,
        "NotAcceptable",
        "only the following media types are accepted: application/json, "
        "application/json;as=Table;v=v1;g=meta.k8s.io, "
        "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
        details={},
    )


def require_json(accept: str) -> None:
    """Refuse an Accept header that leaves no room for plain JSON (406)."""
    accepted_shape(accept, is_list=False)


def _shape_of(media_range: str, *, is_list: bool) -> Shape | None:
    media_type, *texts = (part.strip() for part in media_range.split(";"))
    if media_type not in _JSON:
        return None
    parameters = dict(text.partition("=")[::2] for text in texts)
    for name in _IGNORED_PARAMETERS:
        parameters.pop(name, None)
    if not parameters:
        return Shape.OBJECT
    if (parameters.pop("g", None), parameters.pop("v", None)) != _META_GROUP:
        return None
    metadata = "PartialObjectMetadataList" if is_list else "PartialObjectMetadata"
    shapes = {"Table": Shape.TABLE, metadata: Shape.METADATA}
    return shapes.get(parameters.pop("as", "")) if len(parameters) == 1 else None
