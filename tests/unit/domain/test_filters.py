from __future__ import annotations

import pytest

from vso_controller.domain.filters import KeyFilter, key_filter
from vso_controller.domain.reasons import Failure, Reason

KEYS = ("password", "username", "tls.crt", "tls.key", "Ünïcode")


@pytest.mark.parametrize(
    ("includes", "excludes", "kept"),
    [
        pytest.param([], [], set(KEYS), id="neither"),
        pytest.param(["^tls"], [], {"tls.crt", "tls.key"}, id="include"),
        pytest.param(
            ["s"], [], {"password", "username", "tls.crt", "tls.key"}, id="in"
        ),
        pytest.param([], ["key$", "^u"], {"password", "tls.crt", "Ünïcode"}, id="some"),
        pytest.param(["^tls"], ["key$"], {"tls.crt"}, id="exclude first"),
        pytest.param(["^tls"], [".*"], set(), id="exclude all"),
        pytest.param(["(?i)^TLS"], [], {"tls.crt", "tls.key"}, id="flags"),
        pytest.param(["^Ü"], [], {"Ünïcode"}, id="unicode"),
        pytest.param([""], [], set(KEYS), id="empty matches all"),
        pytest.param([], ["none"], set(KEYS), id="nothing matches"),
    ],
)
def test_keys_are_chosen_by_expressions_anywhere_in_them(
    includes: list[str], excludes: list[str], kept: set[str]
) -> None:
    found = key_filter(includes=includes, excludes=excludes)

    assert isinstance(found, KeyFilter)
    assert {key for key in KEYS if found.keeps(key)} == kept


def test_expressions_count_once_and_in_order() -> None:
    found = key_filter(includes=["b", "a", "b"], excludes=[])

    assert isinstance(found, KeyFilter)
    assert [each.text for each in found.includes] == ["a", "b"]


@pytest.mark.parametrize("text", ["(", "a{2,1}", r"(a)\1", "(?=a)", "a" + "(" * 5000])
def test_what_re2_cannot_read_is_told_with_its_field(text: str) -> None:
    failure = key_filter(includes=[], excludes=["ok", text])

    assert isinstance(failure, Failure)
    assert failure.reason is Reason.TRANSFORMATION_INVALID
    assert failure.message.startswith("excludes: '")
    assert len(failure.message) < 300


def test_expression_that_other_engines_never_finish_is_quick() -> None:
    found = key_filter(includes=[r"^(a+)+$"], excludes=[])

    assert isinstance(found, KeyFilter)
    assert not found.keeps("a" * 100_000 + "!")
