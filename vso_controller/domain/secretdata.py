"""What Vault returned, as the data of a Kubernetes Secret.

Byte for byte as upstream builds it: a string becomes its UTF-8 bytes, anything
else its Go JSON, and `_raw` holds the whole of what Vault said as Go JSON.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from vso_controller.domain.reasons import Failure, Reason
from vso_controller.domain.sourcekeys import flattened, renamed
from vso_controller.domain.transformation import PLAIN, RAW_KEY, Recipe
from vso_controller.foundation import gojson
from vso_controller.foundation.gojson import JSONValue

MAX_DATA_BYTES = 1024 * 1024
"""The largest sum of all values, as Kubernetes' `MaxSecretSize` has it."""

# A name that could climb out of the folder a Secret is mounted on is no key.
_KEY = re.compile(r"(?!\.\.|\.$)[-._a-zA-Z0-9]{1,253}")


def build_data(
    source: Mapping[str, JSONValue],
    *,
    whole: JSONValue,
    recipe: Recipe = PLAIN,
    rendered: Mapping[str, bytes] = MappingProxyType({}),
) -> dict[str, bytes] | Failure:
    """Return the data that the recipe makes of `source`, with `whole` under `_raw`.

    What its templates say is `rendered` by key, and wins over a key of the source.
    What Kubernetes would refuse is told before anything is written.
    """
    kept = _kept(source, recipe)
    if isinstance(kept, Failure):
        return kept
    if not recipe.exclude_raw and RAW_KEY in {*source, *kept, *rendered}:
        return Failure(
            Reason.INVALID_SECRET_DATA, f"key {RAW_KEY!r} not permitted in Secret data"
        )
    data = dict(rendered)
    try:
        for key, value in kept.items():
            data.setdefault(key, to_bytes(value))
        if not recipe.exclude_raw:
            data[RAW_KEY] = gojson.dumps(whole)
    except ValueError as error:
        return Failure(Reason.INVALID_SECRET_DATA, str(error))
    return _refusal(data) or data


def _kept(
    source: Mapping[str, JSONValue], recipe: Recipe
) -> Mapping[str, JSONValue] | Failure:
    """Return what becomes data as it is, under the names that it has then."""
    if recipe.separator is not None:
        flat = flattened(source, recipe.separator)
        if isinstance(flat, Failure):
            return flat
        source = flat
    kept = {key: source[key] for key in source if recipe.filter.keeps(key)}
    return renamed(kept, recipe.names) if recipe.names else kept


def to_bytes(value: JSONValue) -> bytes:
    """Return the value as Secret bytes: text as it is, the rest as Go JSON."""
    if isinstance(value, str):  # a Number is its own literal too
        return value.encode()
    return gojson.dumps(value)


def _refusal(data: Mapping[str, bytes]) -> Failure | None:
    wrong = sorted(key for key in data if not _KEY.fullmatch(key))
    if wrong:
        return Failure(
            Reason.INVALID_SECRET_DATA,
            f"{wrong[0][:64]!r} cannot be a key of a Secret: at most 253 letters, "
            "digits, '-', '_' and '.', and no two dots at the start",
        )
    size = sum(map(len, data.values()))
    if size > MAX_DATA_BYTES:
        return Failure(
            Reason.INVALID_SECRET_DATA,
            f"the data has {size} bytes, a Secret holds {MAX_DATA_BYTES} at most",
        )
    return None
