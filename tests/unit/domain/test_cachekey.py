from __future__ import annotations

from vso_controller.domain.cachekey import cache_key, clone_key


def test_key_is_the_one_that_upstream_makes() -> None:
    key = cache_key(
        "appRole",
        auth_uid="11111111-1111-4111-8111-111111111111",
        auth_generation=3,
        connection_uid="22222222-2222-4222-8222-222222222222",
        connection_generation=1,
        provider_uid="33333333-3333-4333-8333-333333333333",
    )

    # From `printf '%s' AUTH-3.CONNECTION-1.PROVIDER | sha256sum`, its first 14 and
    # last 8 digits.
    assert key == "approle-cce9d1e92d821716923ac5"


def test_key_in_another_vault_namespace_is_that_of_the_parent_and_its_name() -> None:
    assert clone_key("jwt-0123", "team/a") == "jwt-0123-team/a"
