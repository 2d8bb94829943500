"""ServiceAccount tokens: what they say, what they open, and when they end."""

from __future__ import annotations

import jwt
import pytest
import pytest_asyncio

from tests.contract.rows import embedded_only
from tests.contract.waiting import PATIENCE
from tests.support.conditions import eventually
from tests.support.kubeapi import Answer, KubeApi, Object

pytestmark = pytest.mark.asyncio(loop_scope="session")

REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"


@pytest_asyncio.fixture(loop_scope="session")
async def account(api: KubeApi, namespace: str) -> str:
    """The path of a ServiceAccount."""
    accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    await api.create(accounts, {"metadata": {"name": "robot"}})
    return f"{accounts}/robot"


async def request_token(api: KubeApi, account: str, **spec: object) -> Answer:
    request = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": spec,
    }
    return await api.create(f"{account}/token", request)


async def token_for(api: KubeApi, account: str, *audiences: str) -> str:
    answer = await request_token(api, account, audiences=list(audiences))
    assert answer.status == 201, answer
    return str(answer.body["status"]["token"])


async def review(api: KubeApi, token: str, *audiences: str) -> Object:
    spec = {"token": token, "audiences": list(audiences)}
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview"}
    answer = await api.create(REVIEWS, body | {"spec": spec})
    assert answer.status == 201, answer
    status: Object = answer.body["status"]
    return status


def claims_of(token: str) -> Object:
    claims: Object = jwt.decode(token, options={"verify_signature": False})
    return claims


async def test_token_says_whose_it_is(
    api: KubeApi, account: str, namespace: str
) -> None:
    token = await token_for(api, account, "vault")

    claims = claims_of(token)
    found = await api.get(account)
    assert claims["aud"] == ["vault"]
    assert claims["sub"] == f"system:serviceaccount:{namespace}:robot"
    assert claims["kubernetes.io"]["namespace"] == namespace
    assert claims["kubernetes.io"]["serviceaccount"] == {
        "name": "robot",
        "uid": found.metadata["uid"],
    }


async def test_token_lives_as_long_as_was_asked(api: KubeApi, account: str) -> None:
    answer = await request_token(
        api, account, audiences=["vault"], expirationSeconds=600
    )

    claims = claims_of(answer.body["status"]["token"])
    assert claims["exp"] - claims["iat"] == 600
    assert answer.body["status"]["expirationTimestamp"]


@pytest.mark.parametrize("seconds", [599, 2**32 + 1])
async def test_life_out_of_bounds_is_refused(
    api: KubeApi, account: str, seconds: int
) -> None:
    answer = await request_token(api, account, expirationSeconds=seconds)

    assert answer.status == 422
    assert answer.causes == [("FieldValueInvalid", "spec.expirationSeconds")]


async def test_account_that_is_not_there_gets_no_token(
    api: KubeApi, namespace: str
) -> None:
    nobody = f"/api/v1/namespaces/{namespace}/serviceaccounts/nobody"

    answer = await request_token(api, nobody, audiences=["vault"])

    assert (answer.status, answer.reason) == (404, "NotFound")


async def test_signature_is_by_a_published_key(api: KubeApi, account: str) -> None:
    token = await token_for(api, account, "vault")
    keys = await api.get("/openid/v1/jwks", accept="application/jwk-set+json")
    configuration = await api.get("/.well-known/openid-configuration")

    key_id = jwt.get_unverified_header(token)["kid"]
    key = jwt.PyJWKSet.from_dict(keys.body)[key_id]
    claims = jwt.decode(
        token,
        key,
        algorithms=["RS256", "ES256"],
        audience="vault",
        issuer=configuration.body["issuer"],
    )
    assert claims["sub"].endswith(":robot")


async def test_review_knows_the_account(
    api: KubeApi, account: str, namespace: str
) -> None:
    token = await token_for(api, account, "vault")

    status = await review(api, token, "vault", "other")

    assert status["authenticated"] is True
    assert status["audiences"] == ["vault"]
    assert status["user"]["username"] == f"system:serviceaccount:{namespace}:robot"
    assert f"system:serviceaccounts:{namespace}" in status["user"]["groups"]


async def test_review_refuses_a_token_for_others(api: KubeApi, account: str) -> None:
    token = await token_for(api, account, "vault")

    status = await review(api, token, "other")

    assert not status.get("authenticated")
    assert status["error"]


async def test_review_refuses_what_is_no_token(api: KubeApi) -> None:
    status = await review(api, "made-up", "vault")

    assert not status.get("authenticated")


async def test_token_for_others_does_not_open_the_server(
    api: KubeApi, account: str
) -> None:
    token = await token_for(api, account, "vault")

    found = await api.acting_as(token).get("/api")

    assert found.status == 401


async def test_token_for_the_server_opens_it(api: KubeApi, account: str) -> None:
    token = await token_for(api, account)

    found = await api.acting_as(token).get("/api")

    assert found.status == 200


async def test_token_ends_with_its_account(api: KubeApi, account: str) -> None:
    token = await token_for(api, account, "vault")

    await api.delete(account)

    async def refused() -> None:
        status = await review(api, token, "vault")
        assert not status.get("authenticated")

    await eventually(refused, within=PATIENCE)


async def test_token_does_not_pass_to_a_namesake(api: KubeApi, account: str) -> None:
    token = await token_for(api, account, "vault")
    await api.delete(account)
    accounts, _, name = account.rpartition("/")
    await api.create(accounts, {"metadata": {"name": name}})

    async def refused() -> None:
        status = await review(api, token, "vault")
        assert not status.get("authenticated")

    await eventually(refused, within=PATIENCE)


@embedded_only("a real server binds tokens to Pods")
async def test_bound_token_is_refused_rather_than_not_bound(
    api: KubeApi, account: str
) -> None:
    bound = {"kind": "Pod", "apiVersion": "v1", "name": "p"}

    answer = await request_token(api, account, boundObjectRef=bound)

    assert answer.causes == [("FieldValueForbidden", "spec.boundObjectRef")]
