"""Custom resources: pruning, defaults, validation, generation and status."""

from __future__ import annotations

import pytest

from tests.contract.rows import embedded_only
from tests.contract.widgets import widget
from tests.support.kubeapi import TABLE, KubeApi, Object

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_unknown_field_is_pruned(api: KubeApi, widgets: str) -> None:
    created = await api.create(widgets, widget("w", junk=1, nested={"junk": 1}))

    assert created.status == 201
    assert "junk" not in created.body["spec"]
    assert "junk" not in created.body["spec"]["nested"]


async def test_unknown_field_is_kept_where_the_schema_says_so(
    api: KubeApi, widgets: str
) -> None:
    created = await api.create(widgets, widget("w", free={"any": {"thing": 1}}))

    assert created.body["spec"]["free"] == {"any": {"thing": 1}}


@embedded_only("Kubernetes 1.20 drops unknown fields without a word")
async def test_unknown_field_is_warned_of(api: KubeApi, widgets: str) -> None:
    created = await api.create(widgets, widget("w", junk=1))

    assert created.headers["Warning"] == r'299 - "unknown field \"spec.junk\""'


async def test_absent_field_gets_its_default(api: KubeApi, widgets: str) -> None:
    created = await api.create(widgets, widget("w", nested={}))

    assert created.body["spec"]["mode"] == "auto"
    assert created.body["spec"]["nested"] == {"depth": 7}


async def test_default_does_not_make_its_parent(api: KubeApi, widgets: str) -> None:
    created = await api.create(widgets, widget("w"))

    assert "nested" not in created.body["spec"]


async def test_null_becomes_the_default_or_nothing(api: KubeApi, widgets: str) -> None:
    created = await api.create(widgets, widget("w", mode=None, code=None, note=None))

    assert created.body["spec"] == {"size": 1, "mode": "auto", "note": None}


INVALID = [
    ("too small", {"size": 0}, "FieldValueInvalid", "spec.size"),
    ("too large", {"size": 101}, "FieldValueInvalid", "spec.size"),
    ("a text", {"size": "1"}, "FieldValueInvalid", "spec.size"),
    ("a fraction", {"size": 1.5}, "FieldValueInvalid", "spec.size"),
    ("no choice", {"mode": "x"}, "FieldValueNotSupported", "spec.mode"),
    ("too short", {"code": "a"}, "FieldValueInvalid", "spec.code"),
    ("too long", {"code": "abcde"}, "FieldValueInvalid", "spec.code"),
    ("no match", {"code": "A1"}, "FieldValueInvalid", "spec.code"),
    ("neither", {"port": True}, "FieldValueInvalid", "spec.port"),
    ("a number", {"labels": {"a": 1}}, "FieldValueInvalid", "spec.labels.a"),
    ("twice", {"tags": ["a", "a"]}, "FieldValueDuplicate", "spec.tags[1]"),
    ("no object", {"free": "x"}, "FieldValueInvalid", "spec.free"),
]


@pytest.mark.parametrize(
    ("spec", "reason", "field"),
    [row[1:] for row in INVALID],
    ids=[row[0] for row in INVALID],
)
async def test_invalid_value_is_refused_with_its_field(
    api: KubeApi, widgets: str, spec: Object, reason: str, field: str
) -> None:
    created = await api.create(widgets, widget("w", **spec))

    assert (created.status, created.reason) == (422, "Invalid")
    assert created.causes == [(reason, field)]


async def test_missing_field_is_named(api: KubeApi, widgets: str) -> None:
    body = widget("w") | {"spec": {}}

    created = await api.create(widgets, body)

    assert created.causes == [("FieldValueRequired", "spec.size")]


async def test_every_fault_is_told_at_once(api: KubeApi, widgets: str) -> None:
    created = await api.create(widgets, widget("w", size=0, mode="x"))

    assert {field for _, field in created.causes} == {"spec.size", "spec.mode"}


async def test_message_names_kind_object_and_rule(api: KubeApi, widgets: str) -> None:
    created = await api.create(widgets, widget("w", size=0))

    assert created.message == (
        'Widget.contract.example.com "w" is invalid: spec.size: Invalid value: 0: '
        "spec.size in body should be greater than or equal to 1"
    )


@pytest.mark.parametrize("port", [80, "http"])
async def test_integer_or_text_takes_both(
    api: KubeApi, widgets: str, port: object
) -> None:
    created = await api.create(widgets, widget("w", port=port))

    assert created.body["spec"]["port"] == port


async def test_unknown_format_is_not_checked(api: KubeApi, widgets: str) -> None:
    created = await api.create(widgets, widget("w", when="whenever"))

    assert created.status == 201


async def test_object_without_a_kind_is_refused(api: KubeApi, widgets: str) -> None:
    created = await api.create(widgets, {"metadata": {"name": "w"}})

    assert (created.status, created.reason) == (400, "BadRequest")


async def test_status_is_dropped_from_a_new_object(api: KubeApi, widgets: str) -> None:
    created = await api.create(widgets, widget("w") | {"status": {"phase": "Ready"}})

    assert "status" not in created.body


async def test_generation_counts_changes_of_the_spec_alone(
    api: KubeApi, widgets: str
) -> None:
    created = await api.create(widgets, widget("w"))
    labelled = await api.patch(f"{widgets}/w", {"metadata": {"labels": {"a": "b"}}})
    resized = await api.patch(f"{widgets}/w", {"spec": {"size": 2}})
    reported = await api.patch(f"{widgets}/w/status", {"status": {"phase": "Ready"}})

    generations = [
        each.metadata["generation"] for each in (created, labelled, resized, reported)
    ]
    assert generations == [1, 1, 2, 2]


async def test_main_resource_leaves_the_status_alone(
    api: KubeApi, widgets: str
) -> None:
    await api.create(widgets, widget("w"))
    await api.patch(f"{widgets}/w/status", {"status": {"phase": "Ready"}})

    patched = await api.patch(
        f"{widgets}/w", {"spec": {"size": 2}, "status": {"phase": "Hacked"}}
    )

    assert patched.body["status"] == {"phase": "Ready"}


async def test_status_leaves_the_rest_alone(api: KubeApi, widgets: str) -> None:
    created = await api.create(widgets, widget("w"))
    changed = created.body | {"spec": {"size": 9}, "status": {"phase": "Ready"}}
    changed["metadata"] = created.metadata | {"labels": {"sneaked": "in"}}

    updated = await api.update(f"{widgets}/w/status", changed)

    assert updated.status == 200
    assert updated.body["status"] == {"phase": "Ready"}
    assert updated.body["spec"] == created.body["spec"]
    assert "labels" not in updated.metadata


async def test_status_is_validated_too(api: KubeApi, widgets: str) -> None:
    await api.create(widgets, widget("w"))

    patched = await api.patch(f"{widgets}/w/status", {"status": {"phase": 1}})

    assert patched.causes == [("FieldValueInvalid", "status.phase")]


async def test_status_from_an_old_version_conflicts(api: KubeApi, widgets: str) -> None:
    created = await api.create(widgets, widget("w"))
    await api.patch(f"{widgets}/w", {"spec": {"size": 2}})

    stale = await api.update(
        f"{widgets}/w/status", created.body | {"status": {"phase": "Ready"}}
    )

    assert (stale.status, stale.reason) == (409, "Conflict")


async def test_status_that_stays_the_same_makes_no_version(
    api: KubeApi, widgets: str
) -> None:
    await api.create(widgets, widget("w"))
    status = {"status": {"phase": "Ready"}}
    first = await api.patch(f"{widgets}/w/status", status)

    second = await api.patch(f"{widgets}/w/status", status)

    assert second.metadata["resourceVersion"] == first.metadata["resourceVersion"]


async def test_status_can_be_read_and_not_deleted(api: KubeApi, widgets: str) -> None:
    await api.create(widgets, widget("w"))

    read = await api.get(f"{widgets}/w/status")
    deleted = await api.delete(f"{widgets}/w/status")

    assert read.metadata["name"] == "w"
    assert deleted.status == 405


async def test_update_needs_a_version(api: KubeApi, widgets: str) -> None:
    await api.create(widgets, widget("w"))

    updated = await api.update(f"{widgets}/w", widget("w", size=2))

    assert updated.status == 422
    assert updated.causes == [("FieldValueInvalid", "metadata.resourceVersion")]


async def test_items_of_a_list_name_their_kind(api: KubeApi, widgets: str) -> None:
    await api.create(widgets, widget("w"))

    found = await api.get(widgets)

    assert found.body["kind"] == "WidgetList"
    assert [item["kind"] for item in found.body["items"]] == ["Widget"]


async def test_table_has_the_columns_of_the_definition(
    api: KubeApi, widgets: str
) -> None:
    await api.create(widgets, widget("w", size=3))
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    await api.patch(f"{widgets}/w/status", {"status": ready})

    found = await api.get(widgets, accept=TABLE)

    columns = [each["name"] for each in found.body["columnDefinitions"]]
    assert columns == ["Name", "Size", "Ready"]
    assert found.body["rows"][0]["cells"] == ["w", 3, "True"]


async def test_definition_refuses_a_field_selector(api: KubeApi, widgets: str) -> None:
    found = await api.get(widgets, fieldSelector="spec.size=1")

    assert (found.status, found.reason) == (400, "BadRequest")
