"""Stories of transformations: what is in Vault is in the Secret, but otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.e2e.admin import Manifest, decoded
from tests.e2e.team import PATIENCE, Team
from tests.e2e.world import Controller, World
from tests.support.conditions import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(60)]

AT_ONCE = 1.0  # second
VALUE: Mapping[str, Callable[[str], str]] = {
    "go": lambda key: f"{{{{ .Secrets.{key} }}}}",
    "jinja2": lambda key: f"{{{{ Secrets.{key} }}}}",
}
BROKEN = {"go": "{{ nope", "jinja2": "{{ nope("}
RANDOM = {
    "go": "{{ randInt 0 1000000000 }}",
    "jinja2": "{{ randInt(0, 1000000000) }}",
}
by_engine = pytest.mark.parametrize("engine", VALUE)
SHARED = {"transformationRefs": [{"name": "shared"}], "excludeRaw": True}


def made_by(engine: str, text: str) -> dict[str, Any]:
    """Return a transformation with one template, for the key `out`."""
    template = {"engine": engine, "text": text}
    return {"templates": {"out": template}, "excludes": [".*"], "excludeRaw": True}


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
    await team.transform(includes=["^one$"])
    await transform(team, SHARED, refreshAfter="1h")
    await wait_data(team, {"one": b"1"})
    await team.wait_condition(
        "True", "Ready", kind="SecretTransformation", name="shared"
    )

    await team.transform(includes=["^two$"])

    await team.wait_value("two", b"2", within=AT_ONCE)
    await wait_data(team, {"two": b"2"})


async def test_reference_that_leads_nowhere_is_told_and_waited_for(team: Team) -> None:
    await team.put(one="1", two="2")
    await transform(team, SHARED, refreshAfter="1h")
    message = await team.wait_condition("False", "SecretTransformationNotFound")
    assert message == f"SecretTransformation {team.namespace}/shared does not exist"

    await team.transform(includes=["^one$"])

    await wait_data(team, {"one": b"1"})
    await team.wait_ready()


async def test_expression_that_cannot_be_read_leaves_the_secrets_as_they_are(
    team: Team,
) -> None:
    await team.put(one="1", two="2")
    await team.transform(includes=["^one$"])
    await transform(team, SHARED)
    await wait_data(team, {"one": b"1"})

    await team.transform(includes=["("])

    told = await team.wait_condition(
        "False", "InvalidSpec", kind="SecretTransformation", name="shared"
    )
    assert told == "spec: includes: '(' is no regular expression (RE2): missing ): ("
    message = await team.wait_condition("False", "SecretTransformationInvalid")
    assert message == f"SecretTransformation {team.namespace}/shared: {told}"
    await team.put(one="n3w", two="n3w")
    await asyncio.sleep(2)
    await wait_data(team, {"one": b"1"})
    await team.transform(includes=["^two$"])
    await wait_data(team, {"two": b"n3w"})
    await team.wait_ready()


@by_engine
async def test_template_makes_a_key_and_follows_the_entry(
    team: Team, engine: str
) -> None:
    await team.put(user="admin", port=5432)
    text = f"{VALUE[engine]('user')}:{VALUE[engine]('port')}"
    await transform(team, made_by(engine, text))
    await wait_data(team, {"out": b"admin:5432"})

    await team.put(user="root", port=5433)

    await wait_data(team, {"out": b"root:5433"})
    await team.wait_ready()


@by_engine
async def test_edit_of_what_is_referred_to_is_rendered_at_once(
    team: Team, engine: str
) -> None:
    await team.put(user="admin")
    text = VALUE[engine]("user")
    await team.transform(templates={"out": {"engine": engine, "text": f"one {text}"}})
    await transform(team, SHARED | {"excludes": [".*"]}, refreshAfter="1h")
    await wait_data(team, {"out": b"one admin"})

    await team.transform(templates={"out": {"engine": engine, "text": f"two {text}"}})

    await team.wait_value("out", b"two admin", within=AT_ONCE)


@by_engine
async def test_template_that_cannot_be_read_says_where(team: Team, engine: str) -> None:
    await team.put(user="admin")
    await transform(team, made_by(engine, f"ok\n{BROKEN[engine]}"))

    message = await team.wait_condition("False", "TransformationInvalid")

    assert message.startswith(f"{team.namespace}/app/out:2")
    assert await team.secret() is None
    synced = await team.condition("VaultStaticSecret", "app", "SecretSynced")
    assert synced is not None
    assert synced["status"] == "False"
    await transform(team, made_by(engine, VALUE[engine]("user")))
    await wait_data(team, {"out": b"admin"})


async def test_template_that_fails_says_where_and_shows_nothing(team: Team) -> None:
    await team.put(user="admin")
    await transform(team, made_by("jinja2", "\n\n{{ Secrets.user + 1 }}"))

    message = await team.wait_condition("False", "TemplateFailed")
    assert message == f"{team.namespace}/app/out:3: + takes numbers"
    await team.put(user=1)

    await wait_data(team, {"out": b"\n\n2"})
    await team.wait_ready()


@by_engine
async def test_defect_40_template_with_a_will_of_its_own_writes_nothing(
    world: World, controller: Controller, team: Team, engine: str
) -> None:
    await team.put(user="admin")
    await transform(team, made_by(engine, RANDOM[engine]))
    await team.wait_ready()
    before = await version(team)
    reads = await vault_reads(controller, team)

    async def refreshed() -> None:
        assert await vault_reads(controller, team) >= reads + 3

    await eventually(refreshed, within=PATIENCE)
    assert await version(team) == before
    async with world.controller() as other:
        await controller.process.stop()
        reads = await vault_reads(other, team)

        async def refreshed_by_the_other() -> None:
            assert await vault_reads(other, team) >= reads + 3

        await eventually(refreshed_by_the_other, within=2 * PATIENCE)
        assert await version(team) == before
        await controller.process.start()


async def vault_reads(controller: Controller, team: Team) -> float:
    return await controller.metric(
        "vso_client_operations_total",
        operation="read",
        vault_connection=f"{team.namespace}/vault",
    )
