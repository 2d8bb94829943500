"""Manifests in files, as the API server would hand them out."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from vso_controller.api.kinds import GROUP
from vso_controller.foundation import gojson
from vso_controller.foundation.errors import Invalid
from vso_controller.foundation.gojson import JSONValue
from vso_controller.foundation.objects import Envelope, ObjectKey
from vso_controller.kube.decoding import LAST_APPLIED

STANDARD_INPUT = "-"
DEFAULT_NAMESPACE = "default"


def manifests_in(file: str) -> Iterator[tuple[str, Envelope]]:
    """Yield our objects of a YAML file, each with its kind; others are passed over.

    Raises Invalid if it cannot be read.
    """
    try:
        documents = list(yaml.safe_load_all(_content(file)))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        # The words of the parser show lines of the file.
        raise Invalid(f"{file}: this is no YAML{_place(error)}") from error
    for document in documents:
        for each in _objects(document):
            if str(each.get("apiVersion", "")).startswith(f"{GROUP}/"):
                yield str(each.get("kind", "")), _envelope(file, each)


def json_object_in(file: str) -> dict[str, JSONValue]:
    """Return the JSON object in a file. Raises Invalid if there is none."""
    try:
        document = gojson.loads(_content(file))
    except ValueError as error:
        raise Invalid(f"{file}: this is no JSON document") from error
    if not isinstance(document, dict):
        raise Invalid(f"{file}: this is no JSON object")
    return document


def _content(file: str) -> bytes:
    if file == STANDARD_INPUT:
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise Invalid(f"{file}: {error.strerror}") from error


def _place(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return "" if mark is None else f", line {mark.line + 1}"


def _objects(document: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - YAML
    if not isinstance(document, dict):
        return
    if document.get("kind") == "List":
        for each in document.get("items") or ():
            yield from _objects(each)
    else:
        yield document


def _envelope(file: str, manifest: dict[str, Any]) -> Envelope:
    metadata = manifest.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        raise Invalid(f"{file}: an object has no metadata.name")
    annotations = _texts(metadata.get("annotations"))
    annotations.pop(LAST_APPLIED, None)
    key = ObjectKey(
        str(metadata.get("namespace") or DEFAULT_NAMESPACE), metadata["name"]
    )
    return Envelope(
        key=key,
        uid=str(metadata.get("uid") or ""),
        resource_version="",
        generation=1,
        spec=json.dumps(manifest.get("spec") or {}, default=str).encode(),
        labels=_texts(metadata.get("labels")),
        annotations=annotations,
    )


def _texts(mapping: Any) -> dict[str, str]:  # noqa: ANN401 - YAML
    if not isinstance(mapping, dict):
        return {}
    return {str(name): str(value) for name, value in mapping.items()}
