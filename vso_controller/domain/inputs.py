"""What the data of a Secret was made from, and whether it has to be made again.

A template may say something else each time (`randInt`, `bcrypt`): that must not look
like a change. So what goes into a rendering is digested, with the key of
`status.secretMAC`, and while that digest is the recorded one nothing is rendered: what
is in the Secret is judged by the digest of its data alone.

A status that upstream left has no such digest. It is recorded then, and the Secret kept
as it is, unless Vault got a newer version of the entry after upstream had looked.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from vso_controller.domain.transformation import Recipe
from vso_controller.foundation import gojson
from vso_controller.foundation.gojson import JSONValue

RENDERING = b"1"
"""Is part of each digest: another number has everything rendered again, as is due when
this program prints something else for the same input."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What is known of the last sync; b"" is not known."""

    data: bytes = b""  # digest of what was written
    transformation: bytes = b""  # digest of what made it
    input: bytes = b""  # digest of what it was made from
    synced_at: float | None = None  # seconds since the epoch; None: not in order


def transformation_parts(
    recipe: Recipe, *, annotations: Mapping[str, str], labels: Mapping[str, str]
) -> dict[str, bytes]:
    """Return what to digest of a transformation: all that is known without Vault.

    Annotations and labels count where templates can see them.
    """
    parts: dict[str, JSONValue] = {
        "templates": [
            [each.name, each.key, each.text, each.engine, each.left, each.right]
            for each in recipe.templates
        ],
        "includes": [each.text for each in recipe.filter.includes],
        "excludes": [each.text for each in recipe.filter.excludes],
        "names": dict(recipe.names),
        "separator": recipe.separator,
        "excludeRaw": recipe.exclude_raw,
    }
    if recipe.templates:
        parts |= {"annotations": dict(annotations), "labels": dict(labels)}
    documents = {name: gojson.dumps(value) for name, value in parts.items()}
    return documents | {"rendering": RENDERING}


def input_parts(
    transformation: bytes,
    *,
    data: Mapping[str, JSONValue],
    metadata: Mapping[str, JSONValue],
) -> dict[str, bytes]:
    """Return what to digest of all that goes into a rendering.

    `transformation` is the digest of its parts. Raises ValueError where the entry is
    nested too deeply.
    """
    return {
        "transformation": transformation,
        "data": gojson.dumps(dict(data)),
        "metadata": gojson.dumps(dict(metadata)),
    }


def is_made_from(
    found: bytes,
    recorded: Recorded,
    *,
    created: float | None,
    deterministic: bool,
) -> bool:
    """Tell whether what was recorded was made from the input with the digest `found`.

    `created` is when the version of the entry was, None if there are no versions.
    Where nothing says so or otherwise, it was if rendering would show nothing: if the
    templates say something else each time.
    """
    if recorded.input:
        return hmac.compare_digest(recorded.input, found)
    if recorded.transformation or recorded.synced_at is None:
        return False
    return not deterministic if created is None else created < recorded.synced_at
