"""What the library offers, and what it says of itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.functions import page
from vso_controller.templating.functions import library

PAGE = Path(__file__).parents[4] / "docs" / "template-functions.md"
ALLOWED = """
abbrev abbrevboth trunc trim trimAll trimall trimPrefix trimSuffix upper lower title
untitle swapcase snakecase camelcase kebabcase nospace initials repeat substr replace
plural wrap wrapWith contains hasPrefix hasSuffix quote squote cat indent nindent
shuffle toString toStrings atoi int int64 float64 toDecimal seq add add1 sub mul div
mod max biggest min randInt add1f addf subf mulf divf maxf minf ceil floor round list
tuple first rest last initial append push prepend concat reverse uniq without has
slice chunk compact sortAlpha join until untilStep mustAppend mustPush mustPrepend
mustFirst mustRest mustLast mustInitial mustReverse mustUniq mustWithout mustHas
mustSlice mustChunk mustCompact split splitn splitList dict get set unset hasKey pluck
keys values pick omit merge mergeOverwrite mustMerge mustMergeOverwrite deepCopy
mustDeepCopy dig default empty coalesce all any ternary fail fromJson toJson
toPrettyJson toRawJson mustFromJson mustToJson mustToPrettyJson mustToRawJson b64enc
b64dec b32enc b32dec sha1sum sha256sum sha512sum adler32sum bcrypt htpasswd
buildCustomCert regexMatch regexFind regexFindAll regexReplaceAll
regexReplaceAllLiteral regexSplit regexQuoteMeta mustRegexMatch mustRegexFind
mustRegexFindAll mustRegexReplaceAll mustRegexReplaceAllLiteral mustRegexSplit typeOf
typeIs typeIsLike kindOf kindIs deepEqual base dir clean ext isAbs osBase osClean
osDir osExt osIsAbs ago duration durationRound mustToDate semver semverCompare
urlParse urlJoin
"""
"""Those of upstream's allow-list: Sprig's without the denied ones."""
DIFFERENT_EACH_TIME = {
    "ago",
    "bcrypt",
    "durationRound",
    "htpasswd",
    "randInt",
    "shuffle",
}


def test_library_has_the_functions_that_upstream_allows_and_no_others() -> None:
    allowed = ALLOWED.split()

    assert sorted(library()) == sorted(allowed)
    assert len(allowed) == 179


def test_functions_that_differ_each_time_say_so() -> None:
    found = {each.name for each in library().values() if not each.is_deterministic}

    assert found == DIFFERENT_EACH_TIME


def test_functions_that_are_slow_on_purpose_say_so() -> None:
    found = {each.name for each in library().values() if each.is_slow}

    assert found == {"bcrypt", "htpasswd"}


@pytest.mark.parametrize("name", sorted(library()))
def test_function_says_in_a_sentence_what_it_does(name: str) -> None:
    told = (library()[name].call.__doc__ or "").partition("\n\n")[0]

    assert told.endswith(".")
    assert "\n" not in told, "the page has a line for it"


def test_page_is_what_the_library_says() -> None:
    assert PAGE.read_text() == page(), "run `python -m tools.functions`"
