"""From the keys of an entry of Vault to those of the Secret, without templates.

In this order: objects are flattened, `includes` and `excludes` choose, what is left is
renamed. Nothing is lost in silence: two values for one key are refused, and so is a key
to rename that is not there.
"""

from __future__ import annotations

from collections.abc import Mapping

from vso_controller.domain.reasons import Failure, Reason
from vso_controller.foundation.gojson import JSONValue

Source = Mapping[str, JSONValue]


def flattened(source: Source, separator: str) -> dict[str, JSONValue] | Failure:
    """Return the entry with a key for each value within its objects.

    Lists and empty objects are values. The order of keys is kept.
    """
    result: dict[str, JSONValue] = {}
    # What is yet to be looked at, the next one last: no depth is too deep.
    pending = list(source.items())[::-1]
    while pending:
        key, value = pending.pop()
        if isinstance(value, dict) and value:
            pending.extend(
                (f"{key}{separator}{name}", inner)
                for name, inner in list(value.items())[::-1]
            )
        elif key in result:
            return _refusal("flatten", key)
        else:
            result[key] = value
    return result


def renamed(source: Source, names: Mapping[str, str]) -> dict[str, JSONValue] | Failure:
    """Return the entry with each key of `names` called what it says there."""
    missing = sorted(names.keys() - source.keys())
    if missing:
        return Failure(
            Reason.INVALID_SECRET_DATA,
            f"rename: there is no key {missing[0][:64]!r} to rename; Vault has none, "
            "or includes and excludes drop it",
        )
    result: dict[str, JSONValue] = {}
    for key, value in source.items():
        name = names.get(key, key)
        if name in result:
            return _refusal("rename", name)
        result[name] = value
    return result


def _refusal(field: str, key: str) -> Failure:
    return Failure(
        Reason.INVALID_SECRET_DATA, f"{field}: two values for the key {key[:64]!r}"
    )
