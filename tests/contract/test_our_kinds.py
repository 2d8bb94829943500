"""Our CustomResourceDefinitions, and a full object of each of our kinds."""

from __future__ import annotations

from pathlib import Path

import pytest
import pytest_asyncio
import yaml

from tests.contract.waiting import PATIENCE
from tests.contract.widgets import DEFINITIONS
from tests.support.conditions import eventually
from tests.support.kubeapi import KubeApi, Object
from tests.unit.api.full_objects import full_object
from vso_controller.api.kinds import KINDS, Kind

pytestmark = pytest.mark.asyncio(loop_scope="session")

FILES = Path(__file__).parents[2] / "crds"
by_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def definitions(api: KubeApi) -> dict[str, Object]:
    """The definitions by the name of their kind, as they are served."""
    for file in FILES.glob("*.yaml"):
        created = await api.create(DEFINITIONS, yaml.safe_load(file.read_text()))
        assert created.status == 201, created
    served: dict[str, Object] = {}

    async def established() -> None:
        for kind in KINDS:
            name = f"{kind.resource.plural}.{kind.resource.group}"
            found = await api.get(f"{DEFINITIONS}/{name}")
            conditions = found.body.get("status", {}).get("conditions") or []
            told = {each["type"]: each["status"] for each in conditions}
            assert told.get("Established") == "True", found.body
            listed = await api.get(
                f"/apis/{kind.resource.api_version}/{kind.resource.plural}"
            )
            assert listed.status == 200
            served[kind.name] = found.body

    await eventually(established, within=PATIENCE)
    return served


def collection(kind: Kind, namespace: str) -> str:
    resource = kind.resource
    return f"/apis/{resource.api_version}/namespaces/{namespace}/{resource.plural}"


@by_kind
async def test_definition_breaks_no_rule_of_structural_schemas(
    definitions: dict[str, Object], kind: Kind
) -> None:
    conditions = definitions[kind.name]["status"]["conditions"]

    assert "NonStructuralSchema" not in {each["type"] for each in conditions}


@by_kind
@pytest.mark.usefixtures("definitions")
async def test_object_with_every_field_is_stored_whole(
    api: KubeApi, namespace: str, kind: Kind
) -> None:
    full, path = full_object(kind.name, namespace), collection(kind, namespace)

    created = await api.create(path, full)
    assert created.status == 201, created.body
    written = await api.patch(f"{path}/full/status", {"status": full["status"]})

    assert written.status == 200, written.body
    assert written.body["spec"] == full["spec"]
    assert written.body["status"] == full["status"]


@by_kind
@pytest.mark.usefixtures("definitions")
async def test_object_without_a_spec_is_as_good_as_upstreams(
    api: KubeApi, namespace: str, kind: Kind
) -> None:
    bare = full_object(kind.name, namespace)
    del bare["spec"], bare["status"]

    created = await api.create(collection(kind, namespace), bare)

    assert created.status == 201, created.body
