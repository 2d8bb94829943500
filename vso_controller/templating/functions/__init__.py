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
from vso_controller.templating.registry import Library
from vso_controller.templating.registry import library as collected


@cache
def library() -> Library:
    """Return all functions by name."""
    return collected(
        case.FUNCTIONS,
        certificates.FUNCTIONS,
        dates.FUNCTIONS,
        defaults.FUNCTIONS,
        dicts.FUNCTIONS,
        encoding.FUNCTIONS,
        hashes.FUNCTIONS,
        jsontext.FUNCTIONS,
        lists.FUNCTIONS,
        numbers.FUNCTIONS,
        passwords.FUNCTIONS,
        paths.FUNCTIONS,
        randomness.FUNCTIONS,
        regexes.FUNCTIONS,
        strings.FUNCTIONS,
        texts.FUNCTIONS,
        types.FUNCTIONS,
        urls.FUNCTIONS,
        versioning.FUNCTIONS,
        wrapping.FUNCTIONS,
    )
