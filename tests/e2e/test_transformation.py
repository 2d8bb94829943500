"""Stories of transformations: what is in Vault is in the Secret, but otherwise."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.e2e.admin import Manifest, decoded
from tests.e2e.team import PATIENCE, Team
from tests.support.conditions import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(60)]

AT_ONCE = 1.0  # second
SHARED = {"transformationRefs": [{"name": "shared"}], "excludeRaw": True}


def template(text: str, **more: object) -> dict[str, Any]:
    """Return a transformation with one template, for the key `out`."""
    fields = {"templates": {"out": {"text": text} | more}}
    return fields | {"excludes": [".*"], "excludeRaw": True}


async def transform(team: Team, transformation: dict[str, Any], **changes: Any) -> None:  # noqa: ANN401
    """Have the resource of a team ask for a transformation."""
    await team.sync(destination={"transformation": transformation}, **changes)


async def wait_data(team: Team, expected: dict[str, bytes]) -> Manifest:
    """Wait until the Secret holds this, and nothing else."""

    async def probe() -> Manifest:
        secret = await team.secret()
        assert secret is not None
        assert decoded(secret) == expected
        return secret

    return await eventually(probe, within=PATIENCE)


async def version(team: Team) -> str:
    secret = await team.secret()
    assert secret is not None
    found: str = secret["metadata"]["resourceVersion"]
    return found


async def test_keys_are_flattened_filtered_and_renamed(team: Team) -> None:
    await team.put(db={"host": "h", "port": 5432}, internal="x", token="t0ken")

    await transform(
        team,
        {
            "flatten": {},
            "excludes": ["^internal$"],
            "rename": [{"from": "db_host", "to": "DB_HOST"}],
            "excludeRaw": True,
        },
    )

    await wait_data(team, {"DB_HOST": b"h", "db_port": b"5432", "token": b"t0ken"})
    await team.wait_ready()


async def test_filters_come_by_reference_and_an_edit_of_them_is_there_at_once(
    team: Team,
) -> None:
    await team.put(one="1", two="2")
    await team.share(includes=["^one$"])
    await transform(team, SHARED, refreshAfter="1h")
    await wait_data(team, {"one": b"1"})
    await team.wait_condition(
        "True", "Ready", kind="SecretTransformation", name="shared"
    )

    await team.share(includes=["^two$"])

    await team.wait_value("two", b"2", within=AT_ONCE)
    await wait_data(team, {"two": b"2"})


async def test_reference_that_leads_nowhere_is_told_and_waited_for(team: Team) -> None:
    await team.put(one="1", two="2")
    await transform(team, SHARED, refreshAfter="1h")
    message = await team.wait_condition("False", "SecretTransformationNotFound")
    assert message == f"SecretTransformation {team.namespace}/shared does not exist"

    await team.share(includes=["^one$"])

    await wait_data(team, {"one": b"1"})
    await team.wait_ready()


async def test_expression_that_cannot_be_read_leaves_the_secrets_as_they_are(
    team: Team,
) -> None:
    await team.put(one="1", two="2")
    await team.share(includes=["^one$"])
    await transform(team, SHARED)
    await wait_data(team, {"one": b"1"})

    await team.share(includes=["("])

    told = await team.wait_condition(
        "False", "InvalidSpec", kind="SecretTransformation", name="shared"
    )
    assert told == "spec: includes: '(' is no regular expression (RE2): missing ): ("
    message = await team.wait_condition("False", "SecretTransformationInvalid")
    assert message == f"SecretTransformation {team.namespace}/shared: {told}"
    await team.put(one="n3w", two="n3w")
    await asyncio.sleep(2)
    await wait_data(team, {"one": b"1"})
    await team.share(includes=["^two$"])
    await wait_data(team, {"two": b"n3w"})
    await team.wait_ready()
