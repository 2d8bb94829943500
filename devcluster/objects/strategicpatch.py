"""Strategic merge patches for the lists that built-in kinds merge by key.

Maps merge as in a JSON merge patch. A list merges by the key that `_MERGE_KEYS`
knows for its field, or as a set where `_SETS` names it, and is replaced otherwise.
`$patch: delete | replace`, `$deleteFromPrimitiveList/<field>`,
`$setElementOrder/<field>` and `$retainKeys` are understood.
Source: the Kubernetes documentation, "Update API Objects in Place Using kubectl
patch", and the merge keys that its API reference gives.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

from devcluster.objects.json import JSONValue, Object
from devcluster.objects.jsonpatch import MalformedPatch

_MERGE_KEYS = {
    "ownerReferences": "uid",
    "conditions": "type",
    "containers": "name",
    "initContainers": "name",
    "ephemeralContainers": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
    "env": "name",
    "imagePullSecrets": "name",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
    "secrets": "name",
}
_SETS = frozenset({"finalizers"})
_DELETE_FROM_SET = "$deleteFromPrimitiveList/"
_ORDER = "$setElementOrder/"
_PORT_KEYS = ("containerPort", "port")


def merge_strategically(document: JSONValue, patch: JSONValue) -> JSONValue:
    """Return the document after a strategic merge patch, none of it shared.

    Raises MalformedPatch for a directive that is not known.
    """
    if not isinstance(patch, dict) or not isinstance(document, dict):
        return _plain(patch)
    if patch.get("$patch") == "replace":
        return _plain(patch)
    merged = deepcopy(document)
    _retain(merged, patch.get("$retainKeys"))
    for key, value in patch.items():
        if key.startswith("$"):
            _direct(merged, key, value)
        elif value is None or _deletes(value):
            merged.pop(key, None)
        else:
            merged[key] = _merge_field(key, merged.get(key), value)
    _order(merged, patch)
    return merged


def _merge_field(key: str, old: JSONValue, new: JSONValue) -> JSONValue:
    if not isinstance(new, list) or not isinstance(old, list):
        return merge_strategically(old, new)
    if key in _SETS:
        return old + [item for item in new if item not in old]
    merge_key = _merge_key(key, new)
    if merge_key is None or {"$patch": "replace"} in new:
        return _plain(new)
    return _merge_list(old, new, lambda item: item.get(merge_key))


def _merge_key(field: str, items: list[JSONValue]) -> str | None:
    if any(not isinstance(item, dict) for item in items):
        return None
    if field != "ports":
        return _MERGE_KEYS.get(field)
    return next((key for key in _PORT_KEYS if all(key in i for i in items)), None)


def _merge_list(
    old: list[Object], new: list[Object], key_of: Callable[[Object], object]
) -> list[Object]:
    merged = {key_of(item): item for item in old}
    for item in new:
        key = key_of(item)
        if _deletes(item):
            merged.pop(key, None)
        else:
            merged[key] = merge_strategically(merged.get(key), item)
    return list(merged.values())


def _direct(merged: Object, key: str, value: JSONValue) -> None:
    if key.startswith(_DELETE_FROM_SET):
        field = key.removeprefix(_DELETE_FROM_SET)
        kept = [item for item in merged.get(field, ()) if item not in value]
        merged[field] = kept
    elif key not in {"$patch", "$retainKeys"} and not key.startswith(_ORDER):
        raise MalformedPatch(f"unknown strategic merge patch directive {key!r}")


def _retain(merged: Object, keys: JSONValue) -> None:
    if keys is not None:
        for key in merged.keys() - set(keys):
            del merged[key]


def _order(merged: Object, patch: Object) -> None:
    for directive, wanted in patch.items():
        field = directive.removeprefix(_ORDER)
        items = merged.get(field)
        if field == directive or not isinstance(items, list):
            continue
        merge_key = None if field in _SETS else _merge_key(field, wanted)
        merged[field] = _ranked(items, wanted, merge_key)


def _ranked(
    items: list[JSONValue], wanted: list[JSONValue], merge_key: str | None
) -> list[JSONValue]:
    """Sort as `wanted` says; what it does not name stays behind, in its order."""

    def identity(item: JSONValue) -> JSONValue:
        return item.get(merge_key) if merge_key else item

    ranks = {identity(item): rank for rank, item in enumerate(wanted)}
    return sorted(items, key=lambda item: ranks.get(identity(item), len(ranks)))


def _deletes(value: object) -> bool:
    return isinstance(value, dict) and value.get("$patch") == "delete"


def _plain(value: JSONValue) -> JSONValue:
    """Copy a patch where there is nothing to merge with: directives fall away."""
    match value:
        case dict():
            return {
                key: _plain(each)
                for key, each in value.items()
                if not key.startswith("$") and each is not None and not _deletes(each)
            }
        case list():
            return [
                _plain(item)
                for item in value
                if not _deletes(item) and item != {"$patch": "replace"}
            ]
    return value
