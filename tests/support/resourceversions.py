"""Where a Kubernetes write says which version of the object it was made from."""

from __future__ import annotations

import json
from typing import Any

_POINTER = "/metadata/resourceVersion"


def version_in_body(body: bytes) -> str | None:
    """Return the resourceVersion that a request body insists on; None: on none.

    It is in the metadata of objects and merge patches, in the preconditions of
    DeleteOptions, and in a JSON patch a test or replace of its pointer.
    """
    try:
        document = json.loads(body)
    except ValueError:
        return None
    match document:
        case {"preconditions": {"resourceVersion": str(version)}}:
            return version
        case {"metadata": {"resourceVersion": str(version)}}:
            return version
        case list():
            return _version_in_patch(document)
        case _:
            return None


def _version_in_patch(operations: list[Any]) -> str | None:
    for operation in operations:
        match operation:
            case {"op": "test" | "replace", "path": path, "value": str(version)} if (
                path == _POINTER
            ):
                return version
    return None
