"""VaultStaticSecrets with a transformation: what is written, rendered and told."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from typing import Any

import pytest

from tests.fakes.templates import FakeRenderer
from tests.unit.reconcilers.syncing import fail, ready, sync
from tests.unit.reconcilers.transforming import (
    REFERENCE,
    SHARED,
    out,
    rendered,
    rendering,
    share,
    status,
    transform,
    values,
)
from tests.unit.reconcilers.world import (
    DESTINATION,
    OPERATOR,
    RESOURCE,
    RESOURCE_SPEC,
    World,
)
from vso_controller.domain.references import Tenancy
from vso_controller.foundation.objects import ObjectKey, ObservedSecret
from vso_controller.runtime.ports import Outcome
from vso_controller.vault.requests import Operation

pytestmark = pytest.mark.looptime

ELSEWHERE = ObjectKey("common", "shared")
TO_ELSEWHERE = {"name": ELSEWHERE.name, "namespace": ELSEWHERE.namespace}


def asking(transformation: dict[str, Any], **changes: object) -> World:
    return transform(World().in_order(), transformation, **changes)


async def test_template_makes_a_key_of_its_own() -> None:
    world = asking(rendering("user:$password"))

    await sync(world)

    assert values(world) == {"out": "user:s3cret", "password": "s3cret"}
    assert ready(world)[0] == "True"


async def test_entry_is_filtered_flattened_and_renamed() -> None:
    world = asking(
        {
            "flatten": {},
            "excludes": ["^skip"],
            "rename": [{"from": "db_host", "to": "HOST"}],
            "excludeRaw": True,
        }
    )
    world.vault.put(db={"host": "h", "port": "1"}, skipped="x")

    await sync(world)

    assert values(world) == {"HOST": "h", "db_port": "1"}
    assert "_raw" not in world.kubernetes.values[DESTINATION]


async def test_raw_is_left_out_of_all_secrets_where_that_is_said_for_all() -> None:
    world = World(excludes_raw=True).in_order()

    await sync(world)

    assert world.kubernetes.values[DESTINATION].keys() == {"password"}


async def test_templates_and_filters_come_by_reference() -> None:
    world = asking({"transformationRefs": [REFERENCE]})
    share(world, templates={"out": {"text": "$password"}}, excludes=["^password$"])

    await sync(world)

    assert values(world) == {"out": "s3cret"}


async def test_reference_without_a_namespace_means_the_resources_own() -> None:
    world = asking({"transformationRefs": [{"name": "own"}]})
    own = ObjectKey(RESOURCE.namespace, "own")
    world.put(world.transformations, own, {"templates": {"out": {"text": "here"}}})

    await sync(world)

    assert out(world) == "here"


async def test_annotations_are_visible_and_their_edit_counts() -> None:
    world = asking(rendering("@team"))
    for team in ("red", "blue"):
        annotate(world, {"team": team})
        await sync(world)

        assert out(world) == team


def annotate(world: World, annotations: dict[str, str]) -> None:
    held = world.resources.get(RESOURCE)
    assert held is not None
    world.put(
        world.resources,
        RESOURCE,
        json.loads(held.spec),
        change=lambda seen: replace(seen, annotations=annotations),
    )


async def test_entry_of_version_1_shows_its_member_metadata() -> None:
    world = asking(rendering("$password"), type="kv-v1", mount="old")
    world.vault.stored["old/prod/db"] = {"password": "0ld", "metadata": {"a": "b"}}

    await sync(world)

    assert out(world) == "0ld"


async def test_unchanged_input_is_not_rendered_again() -> None:
    world = asking(rendering("$password"))
    await sync(world)
    writes = world.kubernetes.writes

    await sync(world)

    assert (rendered(world), world.kubernetes.writes - writes) == (1, 0)


async def test_defect_40_template_with_a_will_of_its_own_changes_nothing() -> None:
    world = asking(rendering("%"))
    await sync(world)
    writes = world.kubernetes.writes

    for _ in range(3):
        await sync(world)

    assert (out(world), world.kubernetes.writes - writes) == ("1", 0)


async def test_defect_40_nor_does_it_after_a_change_of_leader() -> None:
    world = asking(rendering("%"))
    await sync(world)
    writes = world.kubernetes.writes
    await world.hand_over()

    for _ in range(2):
        await sync(world)

    assert (out(world), world.kubernetes.writes - writes) == ("1", 0)


async def test_defect_40_nor_where_the_status_keeps_no_digest() -> None:
    world = asking(rendering("%"), hmacSecretData=False)
    await sync(world)
    writes = world.kubernetes.writes

    await sync(world)

    assert (out(world), world.kubernetes.writes - writes) == ("1", 0)
    assert (
        status(world).keys() & {"secretMAC", "inputMAC", "transformationMAC"} == set()
    )


async def test_new_label_is_written_without_rendering() -> None:
    world = asking(rendering("%"))
    await sync(world)
    transform(world, rendering("%"), destination={"labels": {"app": "web"}})

    await sync(world)

    assert world.kubernetes.secrets[DESTINATION].labels["app"] == "web"
    assert (out(world), rendered(world)) == ("1", 1)


@pytest.mark.parametrize("change", ["entry", "template", "type", "edit", "deletion"])
async def test_whatever_makes_the_data_wrong_has_it_rendered(change: str) -> None:
    world = asking(rendering("%"))
    await sync(world)
    match change:
        case "entry":
            world.vault.put(version=2, password="n3w")
        case "template":
            transform(world, rendering("<%>"))
        case "type":
            transform(world, rendering("%"), destination={"type": "example.com/db"})
        case "edit":
            world.kubernetes.edit(DESTINATION, out=b"tampered")
        case _:
            world.kubernetes.remove(DESTINATION)

    await sync(world)

    assert out(world).strip("<>") == "2"


async def test_users_own_secret_keeps_what_was_rendered() -> None:
    world = asking(rendering("%"), destination={"create": False})
    world.kubernetes.put(ObservedSecret(DESTINATION, "own", "1", "Opaque", b""), {})
    await sync(world)
    writes = world.kubernetes.writes

    await sync(world)

    assert (out(world), world.kubernetes.writes - writes) == ("1", 0)


async def test_secret_that_changes_while_it_is_looked_at_is_looked_at_again() -> None:
    world = asking(rendering("%"))
    await sync(world)
    transform(world, rendering("%"), destination={"labels": {"app": "web"}})
    # The watch is behind: another has written.
    seen = world.kubernetes.secrets[DESTINATION]
    world.kubernetes.edit(DESTINATION, out=b"tampered")
    world.kubernetes.watched.replace([seen], world.kubernetes.next_version())

    await fail(world)
    assert ready(world)[1] == "KubernetesUnavailable"
    world.kubernetes.watched.replace(
        list(world.kubernetes.secrets.values()), world.kubernetes.next_version()
    )
    await sync(world)

    assert out(world) == "2"


async def test_slow_templates_are_rendered_in_a_thread() -> None:
    world = asking(rendering("slow"))

    await sync(world)

    assert isinstance(world.renderer, FakeRenderer)
    assert threading.get_ident() not in world.renderer.threads
    assert out(world) == "slow"


@pytest.mark.parametrize(
    ("transformation", "told"),
    [
        pytest.param(
            rendering("broken"),
            "apps/database/out:1: it is broken",
            id="template",
        ),
        pytest.param(
            {"includes": ["("]},
            "spec.destination.transformation: includes: '(' is no regular expression",
            id="expression",
        ),
        pytest.param(
            rendering("x", rename=[{"from": "password", "to": "out"}]),
            "spec.destination.transformation: rename: a template has the key",
            id="contradiction",
        ),
    ],
)
async def test_transformation_that_cannot_be_read_waits_for_an_edit(
    transformation: dict[str, Any], told: str
) -> None:
    world = asking(transformation)

    assert await sync(world) == Outcome()

    state, reason, message = ready(world)
    assert (state, reason) == ("False", "TransformationInvalid")
    assert told in message
    assert world.vault.calls[Operation.READ] == 0
    assert [each.reason for each in world.kubernetes.told] == ["TransformationError"]


async def test_template_that_fails_says_so_and_leaves_the_secret() -> None:
    world = asking(rendering("$password"))
    await sync(world)
    transform(world, rendering("fail"))

    outcome = await sync(world)

    synced = world.condition(world.resources, RESOURCE, "SecretSynced")
    assert synced == ("False", "TemplateFailed", "apps/database/out:1: it fails")
    assert out(world) == "s3cret"
    assert outcome.requeue_after is not None, "another entry may do"


async def test_what_came_of_templates_is_counted() -> None:
    world = asking(rendering("$password"))
    for _ in range(3):
        await sync(world)
    transform(world, rendering("fail"))
    await sync(world)

    counted = {
        result: world.metrics.registry.get_sample_value(
            "vso_renderings_total", {"result": result}
        )
        for result in ("rendered", "kept", "failed")
    }
    assert counted == {"rendered": 1, "kept": 2, "failed": 1}


async def test_template_that_fails_is_rendered_once_for_each_input() -> None:
    world = asking(rendering("fail"))

    for _ in range(3):
        await sync(world)
    assert rendered(world) == 1
    world.vault.put(version=2, password="n3w")
    await sync(world)

    assert rendered(world) == 2
    assert ready(world)[1] == "TemplateFailed"


async def test_entry_that_fits_ends_the_failure() -> None:
    world = asking({"rename": [{"from": "user", "to": "USER"}]})
    await fail(world)
    assert ready(world)[1] == "InvalidSecretData"
    world.vault.put(version=2, user="me")

    await sync(world)

    assert values(world) == {"USER": "me"}


@pytest.mark.parametrize(
    ("shared", "reason"),
    [
        pytest.param(None, "SecretTransformationNotFound", id="missing"),
        pytest.param(
            {"templates": {"other": {"text": "broken"}}},
            "SecretTransformationInvalid",
            id="broken",
        ),
        pytest.param(
            {"includes": ["("]}, "SecretTransformationInvalid", id="expression"
        ),
        pytest.param(
            {"templates": "none"}, "SecretTransformationInvalid", id="no templates"
        ),
    ],
)
async def test_reference_to_what_is_of_no_use_leaves_the_secret_and_says_so(
    shared: dict[str, Any] | None, reason: str
) -> None:
    world = World().in_order()
    await sync(world)
    transform(world, {"transformationRefs": [REFERENCE]})
    if shared is not None:
        share(world, **shared)

    assert await sync(world) == Outcome(), "what is edited wakes it"

    state, told, message = ready(world)
    assert (state, told) == ("False", reason)
    assert message.startswith(f"SecretTransformation {SHARED}")
    assert values(world) == {"password": "s3cret"}


async def test_reference_out_of_what_is_watched_is_told() -> None:
    tenancy = Tenancy(OPERATOR, shared_namespaces=(ELSEWHERE.namespace,))
    world = transform(
        World(scopes=("apps", OPERATOR), tenancy=tenancy).in_order(),
        {"transformationRefs": [TO_ELSEWHERE]},
    )

    await sync(world)

    assert ready(world)[1] == "NamespaceNotWatched"


@pytest.mark.parametrize("shared", [("common",), ("*",)])
async def test_transformation_of_a_shared_namespace_is_for_all(
    shared: tuple[str, ...],
) -> None:
    world = World(tenancy=Tenancy(OPERATOR, shared_namespaces=shared)).in_order()
    world.put(world.transformations, ELSEWHERE, rendering("one"))
    transform(world, {"transformationRefs": [TO_ELSEWHERE]})

    await sync(world)

    assert out(world) == "one"


async def test_transformation_of_another_namespace_is_not_used() -> None:
    world = World(tenancy=Tenancy(OPERATOR, shared_namespaces=("apps",))).in_order()
    await sync(world)
    world.put(world.transformations, ELSEWHERE, rendering("one"))
    transform(world, {"transformationRefs": [TO_ELSEWHERE]})

    await sync(world)

    assert ready(world) == (
        "False",
        "SecretTransformationNotAllowed",
        "SecretTransformation common/shared is not for namespace apps: common is not "
        "among the --shared-namespaces of the controller",
    )
    assert values(world) == {"password": "s3cret"}


async def test_reference_that_leads_out_of_a_namespace_by_its_name_is_refused() -> None:
    world = asking({"transformationRefs": [{"name": f"../{OPERATOR}/shared"}]})

    await sync(world)

    state, reason, message = ready(world)
    assert (state, reason) == ("False", "InvalidReference")
    assert message.startswith("spec.destination.transformation.transformationRefs: ")


async def test_edit_of_what_is_referred_to_is_rendered() -> None:
    world = asking({"transformationRefs": [REFERENCE]})
    share(world, templates={"out": {"text": "one"}})
    await sync(world)
    world.woken.clear()

    share(world, templates={"out": {"text": "two"}})
    assert set(world.woken) == {SHARED, RESOURCE}
    await sync(world)

    assert out(world) == "two"


async def test_edit_that_nobody_was_there_to_see_is_rendered_by_the_next_leader() -> (
    None
):
    world = asking({"transformationRefs": [REFERENCE]})
    share(world, templates={"out": {"text": "one"}})
    await sync(world)
    share(world, templates={"out": {"text": "two"}})
    await world.hand_over()

    await sync(world)

    assert out(world) == "two"


async def test_resource_in_step_costs_the_next_leader_nothing() -> None:
    world = asking({"transformationRefs": [REFERENCE]})
    share(world, templates={"out": {"text": "one"}})
    await sync(world)
    reads = world.vault.calls[Operation.READ]
    await world.hand_over()

    await sync(world)

    assert world.vault.calls[Operation.READ] == reads


async def test_templates_that_are_taken_out_leave_no_digest() -> None:
    world = asking(rendering("$password"))
    await sync(world)
    assert status(world).keys() >= {"inputMAC", "transformationMAC"}
    transform(world, {})
    await sync(world)
    assert "inputMAC" not in status(world)
    world.put(world.resources, RESOURCE, RESOURCE_SPEC)

    await sync(world)

    assert "transformationMAC" not in status(world)
    assert values(world) == {"password": "s3cret"}
