"""What becomes of tokens of logins that VaultAuths inherit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.unit.credentials.persisting import (
    entries,
    log_in_and_hand_over,
    outcomes,
    read,
    world,
)
from tests.unit.reconcilers.world import AUTH, AUTH_SPEC, World
from vso_controller.foundation.objects import ObjectKey

pytestmark = pytest.mark.looptime

GLOBAL = ObjectKey("apps", "global")
GLOBAL_SPEC = {key: AUTH_SPEC[key] for key in ("vaultConnectionRef", "kubernetes")} | {
    "defaultAuthMethod": "kubernetes",
    "defaultMount": "kubernetes",
}


def inheriting() -> World:
    """Return a world whose VaultAuth says nothing of its own."""
    made = world()
    made.put(made.auth_globals, GLOBAL, GLOBAL_SPEC)
    made.put(made.auths, AUTH, {"vaultAuthGlobalRef": {"name": "global"}})
    return made


async def test_token_of_an_inherited_login_is_used_while_that_is_the_same() -> None:
    made = await log_in_and_hand_over(inheriting())
    made.put(made.auth_globals, GLOBAL, GLOBAL_SPEC | {"jwt": {"role": "other"}})

    await read(made)

    assert outcomes(made)["restored"] == 1
    assert made.vault.logins == 1


async def test_token_of_what_was_inherited_otherwise_is_not_used() -> None:
    made = await log_in_and_hand_over(inheriting())
    made.put(made.auth_globals, GLOBAL, GLOBAL_SPEC | {"defaultVaultNamespace": "b"})

    await read(made)

    assert outcomes(made)["other_login"] == 1
    assert made.vault.logins == 2


@pytest.mark.parametrize(
    ("make", "used"), [(world, True), (inheriting, False)], ids=["own", "inherited"]
)
async def test_token_that_does_not_tell_its_login_is_used_if_nothing_is_inherited(
    make: Callable[[], World], used: bool
) -> None:
    made = await log_in_and_hand_over(make())
    (place,) = entries(made)
    entry = made.kubernetes.secrets[place]
    made.kubernetes.secrets[place] = replace(entry, annotations={})

    await read(made)

    assert outcomes(made).get("other_login", 0) == (not used)
    assert made.vault.logins == (1 if used else 2)
