"""Patches: RFC 6902 (operations), RFC 7396 (merge) and Kubernetes' strategic merge.

A strategic merge patch merges lists of objects by the key of each kind of list. Here
the keys are known by the name of the field, not by the type it lies in.
Source: the Kubernetes documentation, "Update API Objects in Place Using kubectl
patch", and the merge keys that its API reference gives.
"""

from __future__ import annotations

from collections.abc import Mapping

import jsonpatch
from jsonpointer import JsonPointerException

from devcluster.objects.json import JSONValue, Object

Keys = Mapping[str, str]
MERGE_KEYS: Keys = {
    "conditions": "type",
    "containers": "name",
    "env": "name",
    "imagePullSecrets": "name",
    "initContainers": "name",
    "ownerReferences": "uid",
    "ports": "containerPort",
    "secrets": "name",
    "volumeMounts": "mountPath",
    "volumes": "name",
}
_NO_KEYS: Keys = {}
# These say only in which order to put things, and what goes along with a choice.
_IGNORED = ("$setElementOrder/", "$retainKeys")

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"


class PatchRefused(Exception):
    """A well-formed patch that does not fit the document."""


def patched(document: Object, content_type: str, patch: JSONValue) -> JSONValue:
    """Return the document after a patch of this type.

    Raises ValueError for what is no patch, PatchRefused for one that does not fit.
    """
    if content_type != JSON_PATCH:
        keys = MERGE_KEYS if content_type == STRATEGIC_PATCH else _NO_KEYS
        return merge(document, patch, keys)
    try:
        return jsonpatch.apply_patch(document, patch)
    except jsonpatch.InvalidJsonPatch as error:
        raise ValueError(str(error)) from error
    except (jsonpatch.JsonPatchException, JsonPointerException) as error:
        raise PatchRefused(str(error)) from error


def merge(document: JSONValue, patch: JSONValue, keys: Keys = _NO_KEYS) -> JSONValue:
    """Return the document after a merge patch: null removes, objects merge.

    With `MERGE_KEYS` it is a strategic one. Raises ValueError for a directive that
    is not known.
    """
    if not isinstance(patch, dict):
        return patch
    merged = dict(document) if isinstance(document, dict) else {}
    for field, value in patch.items():
        if keys and field.startswith("$"):
            _require_known(field)
        elif value is None:
            merged.pop(field, None)
        else:
            merged[field] = _merge_field(field, merged.get(field), value, keys)
    return merged


def _merge_field(field: str, old: JSONValue, new: JSONValue, keys: Keys) -> JSONValue:
    """Merge a list of objects by the key of its field, anything else as it is."""
    is_list = isinstance(new, list) and all(isinstance(item, dict) for item in new)
    if field not in keys or not is_list:
        return merge(old, new, keys)
    key = keys[field]
    merged = {item.get(key): item for item in old or ()}
    for item in new:
        if item.get("$patch") == "delete":
            merged.pop(item.get(key), None)
        else:
            merged[item.get(key)] = merge(merged.get(item.get(key)), item, keys)
    return list(merged.values())


def _require_known(directive: str) -> None:
    if not directive.startswith(_IGNORED):
        raise ValueError(f"strategic merge patch directive {directive!r} is not known")
