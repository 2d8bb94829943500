"""An index, whatever is filed under whatever."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vso_controller.foundation.objects import ObjectKey
from vso_controller.runtime.index import Index

KEYS = st.sampled_from([ObjectKey("shop", name) for name in "abc"])
COLOURS = st.lists(st.sampled_from(["red", "green"]), max_size=3)


@given(st.lists(st.tuples(KEYS, st.none() | COLOURS)))
def test_index_finds_what_is_filed_under_a_value_in_the_order_it_came(
    updates: list[tuple[ObjectKey, list[str] | None]],
) -> None:
    index: Index[list[str]] = Index(lambda colours: colours)
    filed: dict[str, list[ObjectKey]] = {"red": [], "green": []}
    last: dict[ObjectKey, list[str]] = {}

    for key, colours in updates:
        index.update(key, colours)
        wanted = list(dict.fromkeys(colours or ()))
        if wanted == last.get(key, []):
            continue
        last[key] = wanted
        for keys in filed.values():
            keys[:] = [each for each in keys if each != key]
        for colour in wanted:
            filed[colour].append(key)

    assert {colour: list(index.keys(colour)) for colour in filed} == filed
