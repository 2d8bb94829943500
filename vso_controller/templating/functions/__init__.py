"""The functions of the template library: those of Sprig that upstream allows.

What Sprig has and is missing here reads the environment, the clock or the network,
or makes keys: a template that uses it does not parse.
"""

from __future__ import annotations

from functools import cache

from vso_controller.templating.functions import (
    case,
    certificates,
    dates,
    defaults,
    dicts,
    encoding,
    hashes,
    jsontext,
    lists,
    numbers,
    passwords,
    paths,
    randomness,
    regexes,
    strings,
    texts,
    types,
    urls,
    versioning,
    wrapping,
)
from vso_controller.templating.registry import Function, Library
from vso_controller.templating.registry import library as collected

GROUPS: dict[str, tuple[Function, ...]] = {
    "Text": strings.FUNCTIONS + wrapping.FUNCTIONS,
    "Upper and lower case": case.FUNCTIONS,
    "Values as text": texts.FUNCTIONS,
    "Numbers": numbers.FUNCTIONS,
    "Lists": lists.FUNCTIONS,
    "Dictionaries": dicts.FUNCTIONS,
    "Defaults": defaults.FUNCTIONS,
    "Types": types.FUNCTIONS,
    "JSON": jsontext.FUNCTIONS,
    "Encodings": encoding.FUNCTIONS,
    "Hashes": hashes.FUNCTIONS,
    "Passwords and certificates": passwords.FUNCTIONS + certificates.FUNCTIONS,
    "Regular expressions": regexes.FUNCTIONS,
    "Paths": paths.FUNCTIONS,
    "URLs": urls.FUNCTIONS,
    "Versions": versioning.FUNCTIONS,
    "Times": dates.FUNCTIONS,
    "Chance": randomness.FUNCTIONS,
}
"""The functions by what they are about."""


@cache
def library() -> Library:
    """Return all functions by name."""
    return collected(*GROUPS.values())
