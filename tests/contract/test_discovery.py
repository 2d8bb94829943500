"""What a client may ask before it knows anything."""

from __future__ import annotations

import pytest

from tests.contract.rows import embedded_only
from tests.support.kubeapi import KubeApi

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_groups_are_listed(api: KubeApi) -> None:
    found = await api.get("/apis")

    names = {group["name"] for group in found.body["groups"]}
    assert found.body["kind"] == "APIGroupList"
    assert {"apps", "coordination.k8s.io", "rbac.authorization.k8s.io"} <= names


async def test_core_resources_are_listed_with_their_verbs(api: KubeApi) -> None:
    found = await api.get("/api/v1")

    resources = {each["name"]: each for each in found.body["resources"]}
    assert resources["secrets"]["kind"] == "Secret"
    assert resources["secrets"]["namespaced"] is True
    assert {"create", "get", "list", "watch", "patch"} <= set(
        resources["secrets"]["verbs"]
    )
    assert resources["serviceaccounts/token"]["kind"] == "TokenRequest"


async def test_custom_kinds_are_listed_with_their_status(
    api: KubeApi, widget_group: str
) -> None:
    found = await api.get(f"/apis/{widget_group}/v1")

    names = [each["name"] for each in found.body["resources"]]
    assert names == ["widgets", "widgets/status"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/livez"])
async def test_health_needs_no_token(api: KubeApi, path: str) -> None:
    found = await api.acting_as(None).get(path, accept="*/*")

    assert found.status == 200


async def test_version_is_told(api: KubeApi) -> None:
    found = await api.get("/version")

    assert found.body["major"] == "1"


@pytest.mark.parametrize(
    "path",
    ["/api/v1/nothings", "/apis/nobody.example.com/v1/things", "/nothing"],
)
async def test_what_is_not_served_is_not_found(api: KubeApi, path: str) -> None:
    found = await api.get(path)

    assert found.status == 404


async def test_token_that_nobody_gave_out_is_refused(api: KubeApi) -> None:
    found = await api.acting_as("made-up").get("/api/v1/namespaces")

    assert (found.status, found.reason) == (401, "Unauthorized")


@embedded_only("the real server takes unknown parameters for nothing")
async def test_unknown_parameter_is_refused(api: KubeApi) -> None:
    found = await api.get("/api/v1/namespaces", labelSelectr="a=b")

    assert (found.status, found.reason) == (422, "Invalid")
    assert "labelSelectr" in found.message


async def test_unknown_form_of_answer_is_refused(api: KubeApi) -> None:
    found = await api.get("/api/v1/namespaces", accept="text/html")

    assert found.status == 406


@embedded_only("Kubernetes 1.20 has no /openapi/v3")
async def test_openapi_names_a_document_for_each_version(api: KubeApi) -> None:
    index = await api.get("/openapi/v3")

    url = index.body["paths"]["api/v1"]["serverRelativeURL"]
    document = await api.get(url)
    assert document.body["openapi"].startswith("3.")


async def test_openid_configuration_leads_to_the_keys(api: KubeApi) -> None:
    configuration = await api.get("/.well-known/openid-configuration")

    keys = await api.get("/openid/v1/jwks", accept="application/jwk-set+json")
    assert configuration.body["jwks_uri"].endswith("/openid/v1/jwks")
    assert keys.status == 200
