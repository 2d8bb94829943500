"""When the data of a Secret was made from what there is now."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vso_controller.api.v1beta1.shared import TemplateEngine
from vso_controller.domain.filters import KeyFilter, key_filter
from vso_controller.domain.inputs import (
    Recorded,
    input_parts,
    is_made_from,
    transformation_parts,
)
from vso_controller.domain.transformation import Recipe, TemplateSource
from vso_controller.foundation.digest import digest_of
from vso_controller.foundation.gojson import Number

TEMPLATE = TemplateSource("n", "k", "t")
RECIPE = Recipe(templates=(TEMPLATE,))


def digest(recipe: Recipe, **seen: dict[str, str]) -> bytes:
    visible = {"annotations": {"a": "1"}, "labels": {"l": "1"}} | seen
    return digest_of(transformation_parts(recipe, **visible), b"key")


def filtered(**patterns: list[str]) -> KeyFilter:
    found = key_filter(**{"includes": [], "excludes": []} | patterns)
    assert isinstance(found, KeyFilter)
    return found


OTHERS = [
    replace(RECIPE, templates=()),
    *(
        replace(RECIPE, templates=(replace(TEMPLATE, **change),))
        for change in (
            {"name": "m"},
            {"key": "j"},
            {"text": "u"},
            {"engine": TemplateEngine.JINJA2},
            {"left": "<"},
            {"right": "<"},
        )
    ),
    replace(RECIPE, filter=filtered(includes=["a"])),
    replace(RECIPE, filter=filtered(excludes=["a"])),
    replace(RECIPE, names={"a": "b"}),
    replace(RECIPE, separator="_"),
    replace(RECIPE, exclude_raw=True),
]


def test_whatever_is_asked_for_is_in_the_digest() -> None:
    digests = [digest(each) for each in (RECIPE, *OTHERS)]

    assert len(set(digests)) == len(digests)


@pytest.mark.parametrize("seen", ["annotations", "labels"])
def test_what_templates_see_counts_where_there_are_templates(seen: str) -> None:
    plain = Recipe(exclude_raw=True)

    assert digest(RECIPE) != digest(RECIPE, **{seen: {"x": "y"}})
    assert digest(plain) == digest(plain, **{seen: {"x": "y"}})


JSON = st.recursive(
    st.none() | st.booleans() | st.text() | st.integers().map(lambda n: Number(str(n))),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
ENTRIES = st.dictionaries(st.text(), JSON, max_size=3)


@given(ENTRIES, ENTRIES)
def test_inputs_are_told_apart_exactly_where_they_differ(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    parts = [input_parts(b"t", data=each, metadata={}) for each in (one, other)]

    assert (parts[0] == parts[1]) == (
        repr(sorted_json(one)) == repr(sorted_json(other))
    )


def sorted_json(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {key: sorted_json(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [sorted_json(each) for each in value]
    return ("number", str(value)) if isinstance(value, Number) else value


def test_data_is_not_taken_for_metadata() -> None:
    some: dict[str, Any] = {"a": "1"}

    assert input_parts(b"t", data=some, metadata={}) != input_parts(
        b"t", data={}, metadata=some
    )


FOUND = b"found"
OURS = Recorded(data=b"d", transformation=b"t", input=FOUND, synced_at=100)
UPSTREAMS = Recorded(data=b"d", synced_at=100)
BEFORE, AFTER = 99.9, 100.1


@pytest.mark.parametrize(
    ("recorded", "created", "deterministic", "expected"),
    [
        pytest.param(OURS, AFTER, True, True, id="the same input"),
        pytest.param(
            replace(OURS, input=b"other"), BEFORE, False, False, id="another input"
        ),
        pytest.param(
            replace(OURS, input=b""), BEFORE, False, False, id="ours, nothing rendered"
        ),
        pytest.param(UPSTREAMS, BEFORE, True, True, id="upstream saw that version"),
        pytest.param(UPSTREAMS, BEFORE, False, True, id="it did, at random"),
        pytest.param(UPSTREAMS, AFTER, True, False, id="it did not see it"),
        pytest.param(UPSTREAMS, AFTER, False, False, id="it did not, at random"),
        pytest.param(UPSTREAMS, None, True, False, id="nobody knows: rendering tells"),
        pytest.param(UPSTREAMS, None, False, True, id="nobody knows, nor would it"),
        pytest.param(
            replace(UPSTREAMS, synced_at=None), BEFORE, False, False, id="not in order"
        ),
        pytest.param(Recorded(), BEFORE, False, False, id="never synced"),
    ],
)
def test_it_is_known_what_the_secret_was_made_from(
    recorded: Recorded,
    created: float | None,
    *,
    deterministic: bool,
    expected: bool,
) -> None:
    found = is_made_from(FOUND, recorded, created=created, deterministic=deterministic)

    assert found is expected
