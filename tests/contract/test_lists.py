"""Lists: selectors, pages, and the version that a list is of."""

from __future__ import annotations

import asyncio

import pytest
import pytest_asyncio

from tests.contract.rows import embedded_only
from tests.support.kubeapi import TABLE, KubeApi

pytestmark = pytest.mark.asyncio(loop_scope="session")

METADATA_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"


@pytest_asyncio.fixture(loop_scope="session")
async def three(api: KubeApi, secrets: str) -> str:
    """The path of three Secrets: a (red), b (blue) and c (no team)."""
    for name, labels in (("a", {"team": "red"}), ("b", {"team": "blue"}), ("c", {})):
        await api.create(secrets, {"metadata": {"name": name, "labels": labels}})
    return secrets


# A real server puts a token of the default ServiceAccount beside them.
OURS = "type=Opaque"


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("team=red", ["a"]),
        ("team==red", ["a"]),
        ("team!=red", ["b", "c"]),
        ("team", ["a", "b"]),
        ("!team", ["c"]),
        ("team in (red,blue)", ["a", "b"]),
        ("team notin (red)", ["b", "c"]),
        ("team in (red, blue),team!=red", ["b"]),
        ("team=green", []),
    ],
)
async def test_label_selector_chooses(
    api: KubeApi, three: str, selector: str, expected: list[str]
) -> None:
    found = await api.get(three, labelSelector=selector, fieldSelector=OURS)

    assert found.names == expected


@pytest.mark.parametrize("selector", ["team in red", "team=a=b", "a b", "=x", "te,,am"])
async def test_malformed_label_selector_is_refused(
    api: KubeApi, three: str, selector: str
) -> None:
    found = await api.get(three, labelSelector=selector)

    assert (found.status, found.reason) == (400, "BadRequest")


async def test_field_selector_chooses_by_name(api: KubeApi, three: str) -> None:
    found = await api.get(three, fieldSelector="metadata.name=b")

    assert found.names == ["b"]


async def test_unknown_field_selector_is_refused(api: KubeApi, three: str) -> None:
    found = await api.get(three, fieldSelector="data.k=v")

    assert (found.status, found.reason) == (400, "BadRequest")
    assert "field label not supported: data.k" in found.message


async def test_list_of_built_in_kind_leaves_out_the_kind_of_items(
    api: KubeApi, three: str
) -> None:
    found = await api.get(three)

    assert (found.body["kind"], found.body["apiVersion"]) == ("SecretList", "v1")
    assert all("kind" not in item for item in found.body["items"])


async def test_list_spans_namespaces(api: KubeApi, three: str, namespace: str) -> None:
    everywhere = three.replace(f"/namespaces/{namespace}", "")
    found = await api.get(everywhere, labelSelector="team")

    here = [
        item["metadata"]["name"]
        for item in found.body["items"]
        if item["metadata"]["namespace"] == namespace
    ]
    assert here == ["a", "b"]


async def test_pages_follow_each_other(api: KubeApi, three: str) -> None:
    seen = []
    query = {"limit": "1", "labelSelector": "team"}
    while True:
        page = await api.get(three, **query)
        seen += page.names
        if not page.metadata.get("continue"):
            break
        query["continue"] = page.metadata["continue"]

    assert seen == ["a", "b"]


async def test_pages_are_of_one_version(api: KubeApi, three: str) -> None:
    first = await api.get(three, limit="2")
    await api.delete(f"{three}/c")
    await api.create(three, {"metadata": {"name": "d"}})

    query = {"continue": first.metadata["continue"], "limit": "10"}
    second = await api.get(three, **query)

    names = first.names + second.names
    assert [each for each in names if len(each) == 1] == ["a", "b", "c"]
    assert second.metadata["resourceVersion"] == first.metadata["resourceVersion"]


async def test_unlimited_list_tells_how_many_remain(api: KubeApi, three: str) -> None:
    everything = await api.get(three)

    page = await api.get(three, limit="1")

    remaining = len(everything.names) - 1
    assert page.metadata["remainingItemCount"] == remaining


async def test_token_of_no_list_is_refused(api: KubeApi, three: str) -> None:
    found = await api.get(three, **{"continue": "nonsense", "limit": "1"})

    assert found.status == 400


async def test_version_of_a_list_never_falls(api: KubeApi, three: str) -> None:
    before = await api.get(three)
    created = await api.create(three, {"metadata": {"name": "d"}})

    after = await api.get(three)

    versions = [
        int(each.metadata["resourceVersion"]) for each in (before, created, after)
    ]
    assert versions == sorted(versions)


async def test_list_of_an_exact_version_shows_the_past(
    api: KubeApi, three: str
) -> None:
    before = await api.get(three)
    await api.delete(f"{three}/b")

    past = await api.get(
        three,
        resourceVersion=before.metadata["resourceVersion"],
        resourceVersionMatch="Exact",
    )

    assert past.names == before.names


async def test_list_not_older_than_a_version_shows_the_present(
    api: KubeApi, three: str
) -> None:
    before = await api.get(three)
    deleted = await api.delete(f"{three}/b")

    present = await api.get(
        three,
        resourceVersion=before.metadata["resourceVersion"],
        resourceVersionMatch="NotOlderThan",
        fieldSelector=OURS,
    )

    assert deleted.status == 200
    assert set(present.names) <= {"a", "b", "c"}


async def test_version_of_the_future_times_out(api: KubeApi, three: str) -> None:
    found = await api.get(three, resourceVersion="999999999")

    assert (found.status, found.reason) == (504, "Timeout")
    assert "Too large resource version" in found.message


@pytest.mark.parametrize(
    "query",
    [
        {"resourceVersionMatch": "Exact"},
        {"resourceVersionMatch": "Exact", "resourceVersion": "0"},
        {"resourceVersionMatch": "Nearly", "resourceVersion": "5"},
    ],
    ids=["without a version", "exactly any", "unknown"],
)
async def test_match_that_makes_no_sense_is_refused(
    api: KubeApi, three: str, query: dict[str, str]
) -> None:
    found = await api.get(three, **query)

    assert (found.status, found.reason) == (422, "Invalid")
    assert [field for _, field in found.causes] == ["resourceVersionMatch"]


@pytest.mark.parametrize("query", [{"limit": "x"}, {"resourceVersion": "x"}])
async def test_number_that_is_none_is_refused(
    api: KubeApi, three: str, query: dict[str, str]
) -> None:
    found = await api.get(three, **query)

    assert found.status >= 400


@embedded_only("Kubernetes 1.20 does not know sendInitialEvents")
async def test_list_cannot_send_initial_events(api: KubeApi, three: str) -> None:
    found = await api.get(three, sendInitialEvents="true")

    assert (found.status, found.reason) == (422, "Invalid")


async def test_table_has_columns_and_rows(api: KubeApi, three: str) -> None:
    found = await api.get(three, accept=TABLE, labelSelector="team=red")

    columns = [each["name"] for each in found.body["columnDefinitions"]]
    (row,) = found.body["rows"]
    assert found.body["kind"] == "Table"
    assert (columns[0], columns[-1]) == ("Name", "Age")
    assert row["cells"][0] == "a"
    assert row["object"]["kind"] == "PartialObjectMetadata"


async def test_metadata_can_be_had_alone(api: KubeApi, three: str) -> None:
    found = await api.get(three, accept=METADATA_LIST, labelSelector="team=red")

    (item,) = found.body["items"]
    assert found.body["kind"] == "PartialObjectMetadataList"
    assert item["metadata"]["name"] == "a"
    assert "data" not in item


async def test_lists_can_be_asked_for_side_by_side(api: KubeApi, three: str) -> None:
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(api.get(three)) for _ in range(20)]

    assert {task.result().status for task in asked} == {200}
