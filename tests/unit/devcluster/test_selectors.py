"""Selectors: what the contract does not ask about them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devcluster.objects.selectors import (
    exact_value,
    matches,
    parse_fields,
    parse_labels,
)

LABELS = {"team": "red", "size": "10"}
FIELDS = frozenset({"metadata.name", "type"})
WORDS = st.text("abc", min_size=1, max_size=3)


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("", True),
        ("team == red", True),
        ("absent!=red", True),
        ("absent notin (red)", True),
        ("absent in ()", False),
        ("! absent", True),
        ("team=", False),
        (" team=red , size=10 ", True),
        ("team=red,size=11", False),
        ("example.com/team!=red", True),
    ],
)
def test_label_selector_matches(selector: str, expected: bool) -> None:
    assert matches(parse_labels(selector), LABELS) is expected


@pytest.mark.parametrize(
    "selector",
    [
        "a,",
        "a in (b",
        "size>9",
        "!team=red",
    ],
)
def test_malformed_label_selector_is_refused(selector: str) -> None:
    with pytest.raises(ValueError, match="unable to parse requirement"):
        parse_labels(selector)


@given(st.dictionaries(WORDS, WORDS))
def test_labels_match_the_selector_made_of_them(labels: dict[str, str]) -> None:
    selector = ",".join(f"{key}={value}" for key, value in labels.items())

    assert matches(parse_labels(selector), labels)


@given(st.dictionaries(WORDS, WORDS), WORDS, WORDS)
def test_requirement_and_its_opposite_never_agree(
    labels: dict[str, str], key: str, value: str
) -> None:
    one = matches(parse_labels(f"{key}={value}"), labels)
    other = matches(parse_labels(f"{key}!={value}"), labels)

    assert one is not other


def test_field_selector_matches_known_fields() -> None:
    selector = parse_fields("metadata.name=s,type!=Opaque", FIELDS)

    assert matches(selector, {"metadata.name": "s", "type": "other"})
    assert not matches(selector, {"metadata.name": "s", "type": "Opaque"})


@pytest.mark.parametrize("selector", ["spec.size=1", "metadata.name", "a>b"])
def test_field_selector_refuses_what_it_does_not_know(selector: str) -> None:
    with pytest.raises(ValueError, match=r"not supported|unable to parse"):
        parse_fields(selector, FIELDS)


def test_exact_value_is_that_of_an_equality() -> None:
    selector = parse_fields("metadata.name=s,type!=Opaque", FIELDS)

    assert exact_value(selector, "metadata.name") == "s"
    assert exact_value(selector, "type") is None
