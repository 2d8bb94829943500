from __future__ import annotations

import json
import pickle

import pytest

from vso_controller.foundation.secret import Secret

CANARY = "canary-4711"


@pytest.mark.parametrize("value", [CANARY, CANARY.encode(), {"key": CANARY}])
def test_secret_cannot_be_printed(value: object) -> None:
    secret = Secret(value)

    printed = f"{secret} {secret!r} {secret!s:>9} {[secret]} {secret.__class__(1)}"

    assert CANARY not in printed
    assert "***" in printed


def test_secret_cannot_be_encoded() -> None:
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(Secret(CANARY))
    with pytest.raises(TypeError, match="not JSON serializable"):
        json.dumps(Secret(CANARY))


def test_secret_is_no_key_of_a_dictionary() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        {Secret(CANARY): 1}


@pytest.mark.parametrize("value", [CANARY, CANARY.encode(), {"key": CANARY}])
def test_secrets_compare_by_value(value: object) -> None:
    assert Secret(value) == Secret(value)
    assert Secret(value) != Secret("another")
    assert Secret(value) != value


def test_reveal_is_the_way_out() -> None:
    assert Secret(CANARY).reveal() == CANARY
