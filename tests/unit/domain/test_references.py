from __future__ import annotations

import pytest

from vso_controller.domain.references import (
    ReferenceMalformed,
    connection_candidates,
    is_namespace_allowed,
    parse_reference,
)
from vso_controller.foundation.objects import ObjectKey

OPERATOR = "vso-system"
AUTH = ObjectKey("apps", "auth")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", ObjectKey(OPERATOR, "default"), id="empty"),
        pytest.param("vault", ObjectKey("apps", "vault"), id="beside"),
        pytest.param("infra/vault", ObjectKey("infra", "vault"), id="elsewhere"),
    ],
)
def test_reference_names_an_object(text: str, expected: ObjectKey) -> None:
    assert parse_reference(text, beside=AUTH, operator_namespace=OPERATOR) == expected


@pytest.mark.parametrize("text", ["a/b/c", "/b", "a/", "/"])
def test_malformed_reference_is_told_to_the_user(text: str) -> None:
    with pytest.raises(ReferenceMalformed, match="write `name` or `namespace/name`"):
        parse_reference(text, beside=AUTH, operator_namespace=OPERATOR)


@pytest.mark.parametrize(
    ("text", "fallback", "expected"),
    [
        pytest.param("vault", True, ["apps/vault", "vso-system/vault"], id="bare"),
        pytest.param("vault", False, ["apps/vault"], id="bare, fallback off"),
        pytest.param("apps/vault", True, ["apps/vault"], id="with its namespace"),
        pytest.param("", True, ["vso-system/default"], id="empty"),
    ],
)
def test_bare_connection_reference_falls_back_to_the_operators_namespace(
    text: str, fallback: bool, expected: list[str]
) -> None:
    found = connection_candidates(
        text, auth=AUTH, operator_namespace=OPERATOR, fallback=fallback
    )

    assert [str(key) for key in found] == expected


@pytest.mark.parametrize(
    ("namespace", "provider", "allowed", "expected"),
    [
        ("apps", "apps/auth", [], True),
        ("apps", "apps/auth", ["other"], True),
        ("apps", "infra/auth", [], False),
        ("apps", "infra/auth", ["*"], True),
        ("apps", "infra/auth", ["*", "x"], False),
        ("apps", "infra/auth", ["x", "apps"], True),
        ("apps", "infra/auth", ["ap*"], False),
        ("apps", "vso-system/default", [], True),
        ("apps", "vso-system/default", ["x"], False),
        ("apps", "vso-system/default", ["apps"], True),
        ("apps", "vso-system/other", [], False),
        ("vso-system", "vso-system/default", ["x"], True),
    ],
)
def test_namespace_guard(
    namespace: str, provider: str, allowed: list[str], expected: bool
) -> None:
    provider_key = ObjectKey(*provider.split("/"))

    answer = is_namespace_allowed(
        namespace, provider=provider_key, allowed=allowed, operator_namespace=OPERATOR
    )

    assert answer is expected
