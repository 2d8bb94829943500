"""RBAC: what a ServiceAccount may do is what was bound to it, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import pytest_asyncio

from tests.contract.waiting import PATIENCE
from tests.support.conditions import eventually
from tests.support.kubeapi import Answer, KubeApi, Object

pytestmark = pytest.mark.asyncio(loop_scope="session")

RBAC = "rbac.authorization.k8s.io"
REVIEWS = "/apis/authorization.k8s.io/v1"


@dataclass(frozen=True, slots=True)
class Robot:
    """A ServiceAccount that starts with no rights."""

    api: KubeApi
    user: str
    subject: Object
    namespace: str


@pytest_asyncio.fixture(loop_scope="session")
async def robot(api: KubeApi, namespace: str) -> Robot:
    accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    await api.create(accounts, {"metadata": {"name": "robot"}})
    answer = await api.create(f"{accounts}/robot/token", {"spec": {}})
    return Robot(
        api=api.acting_as(answer.body["status"]["token"]),
        user=f"system:serviceaccount:{namespace}:robot",
        subject={"kind": "ServiceAccount", "name": "robot", "namespace": namespace},
        namespace=namespace,
    )


async def allow(api: KubeApi, robot: Robot, *rules: Object) -> None:
    """Bind a Role with these rules to the robot and wait until it holds."""
    path = f"/apis/{RBAC}/v1/namespaces/{robot.namespace}"
    role: Object = {"metadata": {"name": "r"}, "rules": list(rules)}
    binding: Object = {
        "metadata": {"name": "r"},
        "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": "r"},
        "subjects": [robot.subject],
    }
    for collection, body in (("roles", role), ("rolebindings", binding)):
        created = await api.create(f"{path}/{collection}", body)
        assert created.status == 201, created

    async def holds() -> None:
        rule = rules[0]
        attributes = {
            "namespace": robot.namespace,
            "verb": rule["verbs"][0],
            "group": rule["apiGroups"][0],
            "resource": rule["resources"][0].partition("/")[0],
            "subresource": rule["resources"][0].partition("/")[2],
            "name": rule.get("resourceNames", [""])[0],
        }
        answer = await access(api, robot.user, attributes)
        assert answer.body["status"]["allowed"] is True

    await eventually(holds, within=PATIENCE)


async def access(api: KubeApi, user: str, attributes: Object) -> Answer:
    return await api.create(
        f"{REVIEWS}/subjectaccessreviews",
        {"spec": {"user": user, "resourceAttributes": attributes}},
    )


def rule(*verbs: str, resources: list[str], **more: object) -> Object:
    return {"apiGroups": [""], "resources": resources, "verbs": list(verbs), **more}


async def test_account_without_rights_is_refused(robot: Robot, secrets: str) -> None:
    found = await robot.api.get(secrets)

    assert (found.status, found.reason) == (403, "Forbidden")
    assert found.message == (
        f'secrets is forbidden: User "{robot.user}" cannot list resource "secrets" '
        f'in API group "" in the namespace "{robot.namespace}"'
    )


async def test_refusal_does_not_tell_whether_the_object_exists(
    robot: Robot, secrets: str
) -> None:
    found = await robot.api.get(f"{secrets}/nobody")

    assert found.status == 403


async def test_rule_allows_its_verbs_and_no_others(
    api: KubeApi, robot: Robot, secrets: str
) -> None:
    await allow(api, robot, rule("create", "get", resources=["secrets"]))

    created = await robot.api.create(secrets, {"metadata": {"name": "s"}})
    deleted = await robot.api.delete(f"{secrets}/s")

    assert (created.status, deleted.status) == (201, 403)


async def test_rule_allows_its_namespace_and_no_other(
    api: KubeApi, robot: Robot, secrets: str
) -> None:
    await allow(api, robot, rule("list", resources=["secrets"]))

    here = await robot.api.get(secrets)
    elsewhere = await robot.api.get("/api/v1/namespaces/default/secrets")
    everywhere = await robot.api.get("/api/v1/secrets")

    assert [each.status for each in (here, elsewhere, everywhere)] == [200, 403, 403]


async def test_rule_with_names_allows_these_alone(
    api: KubeApi, robot: Robot, secrets: str
) -> None:
    for name in ("a", "b"):
        await api.create(secrets, {"metadata": {"name": name}})
    named = rule("get", "list", resources=["secrets"], resourceNames=["a"])
    await allow(api, robot, named)

    one = await robot.api.get(f"{secrets}/a")
    other = await robot.api.get(f"{secrets}/b")
    chosen = await robot.api.get(secrets, fieldSelector="metadata.name=a")
    whole = await robot.api.get(secrets)

    assert [each.status for each in (one, other, chosen, whole)] == [200, 403, 200, 403]


async def test_subresource_is_a_right_of_its_own(api: KubeApi, robot: Robot) -> None:
    await allow(api, robot, rule("create", resources=["serviceaccounts/token"]))
    accounts = f"/api/v1/namespaces/{robot.namespace}/serviceaccounts"

    token = await robot.api.create(f"{accounts}/robot/token", {"spec": {}})
    account = await robot.api.create(accounts, {"metadata": {"name": "more"}})

    assert (token.status, account.status) == (201, 403)


async def test_watch_is_a_right_of_its_own(
    api: KubeApi, robot: Robot, secrets: str
) -> None:
    await allow(api, robot, rule("list", resources=["secrets"]))

    watched = await robot.api.get(secrets, watch="true", timeoutSeconds="1")

    assert watched.status == 403


async def test_right_ends_with_its_binding(
    api: KubeApi, robot: Robot, secrets: str
) -> None:
    await allow(api, robot, rule("list", resources=["secrets"]))

    await api.delete(f"/apis/{RBAC}/v1/namespaces/{robot.namespace}/rolebindings/r")

    async def refused() -> None:
        found = await robot.api.get(secrets)
        assert found.status == 403

    await eventually(refused, within=PATIENCE)


async def test_group_of_accounts_can_be_bound(
    api: KubeApi, robot: Robot, secrets: str
) -> None:
    group = {
        "kind": "Group",
        "apiGroup": RBAC,
        "name": f"system:serviceaccounts:{robot.namespace}",
    }
    bound = Robot(robot.api, robot.user, group, robot.namespace)
    path = f"/apis/{RBAC}/v1/namespaces/{robot.namespace}/rolebindings"
    role = {"apiGroup": RBAC, "kind": "ClusterRole", "name": "cluster-admin"}
    body = {"metadata": {"name": "g"}, "roleRef": role, "subjects": [bound.subject]}

    await api.create(path, body)

    async def allowed() -> None:
        found = await robot.api.get(secrets)
        assert found.status == 200

    await eventually(allowed, within=PATIENCE)


async def test_binding_cannot_be_turned_to_another_role(
    api: KubeApi, robot: Robot
) -> None:
    await allow(api, robot, rule("list", resources=["secrets"]))
    path = f"/apis/{RBAC}/v1/namespaces/{robot.namespace}/rolebindings/r"

    patched = await api.patch(path, {"roleRef": {"name": "other"}})

    assert patched.status == 422
    assert [field for _, field in patched.causes] == ["roleRef"]


async def test_account_can_ask_for_itself(robot: Robot) -> None:
    asked = {"verb": "get", "resource": "secrets", "namespace": robot.namespace}

    answer = await robot.api.create(
        f"{REVIEWS}/selfsubjectaccessreviews", {"spec": {"resourceAttributes": asked}}
    )

    assert answer.status == 201
    assert answer.body["status"]["allowed"] is False


async def test_account_cannot_ask_for_others(robot: Robot) -> None:
    answer = await access(robot.api, "anybody", {"verb": "get", "resource": "secrets"})

    assert answer.status == 403


async def test_delegator_may_review_tokens(api: KubeApi, robot: Robot) -> None:
    binding: Object = {
        "metadata": {"name": f"delegator-{robot.namespace}"},
        "roleRef": {
            "apiGroup": RBAC,
            "kind": "ClusterRole",
            "name": "system:auth-delegator",
        },
        "subjects": [robot.subject],
    }
    await api.create(f"/apis/{RBAC}/v1/clusterrolebindings", binding)

    async def may_review() -> None:
        answer = await robot.api.create(
            "/apis/authentication.k8s.io/v1/tokenreviews", {"spec": {"token": "x"}}
        )
        assert answer.status == 201

    await eventually(may_review, within=PATIENCE)


async def test_path_that_is_no_resource_needs_a_right_too(robot: Robot) -> None:
    discovery = await robot.api.get("/apis")
    metrics = await robot.api.get("/metrics")

    assert (discovery.status, metrics.status) == (200, 403)
