"""The scripted logins of AWS and Google Cloud: whom they let in, and whom not."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from tests.support.scriptedvault.awslogin import AwsLogin, AwsPrincipal
from tests.support.scriptedvault.server import ScriptedVault
from tests.support.scriptedvault.sigv4 import SignedRequest, is_genuine, signature_of
from tests.unit.support.scripted_client import client_of, login_at
from vso_controller.foundation.gojson import JSONValue
from vso_controller.vault.client import VaultClient
from vso_controller.vault.errors import InvalidRequest
from vso_controller.vault.requests import VaultReply

EMAIL = "app@project-123456.iam.gserviceaccount.com"
SERVER_ID = "vault.example.test"
APP = AwsPrincipal(
    arn="arn:aws:iam::123456789012:role/app",
    access_key_id="AKIDEXAMPLE",
    secret_access_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    session_token="a-session",
)
SUITE_KEY = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
SUITE_DATE = "20150830T123600Z"


@pytest.fixture
async def vault() -> AsyncIterator[ScriptedVault]:
    async with ScriptedVault.start() as running:
        running.aws.know(APP)
        running.aws.put_role("app", principals=[APP.arn], policies=["reader"])
        running.gcp.put_role("app", service_accounts=[EMAIL], policies=["reader"])
        yield running


@pytest.fixture
async def client(vault: ScriptedVault) -> AsyncIterator[VaultClient]:
    async with client_of(vault) as built:
        yield built


def suite_request(method: str, query: str, signature: str) -> SignedRequest:
    """Return a request of AWS's own test suite for Signature Version 4."""
    return SignedRequest(
        method=method,
        url=f"https://example.amazonaws.com/{query}",
        headers={
            "host": "example.amazonaws.com",
            "x-amz-date": SUITE_DATE,
            "authorization": (
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service"
                "/aws4_request, SignedHeaders=host;x-amz-date,"
                f" Signature={signature}"
            ),
        },
        body=b"",
    )


GET_VANILLA = suite_request(
    "GET", "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
)


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(GET_VANILLA, id="get-vanilla"),
        pytest.param(
            suite_request(
                "POST",
                "",
                "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            ),
            id="post-vanilla",
        ),
        pytest.param(
            suite_request(
                "GET",
                "?Param2=value2&Param1=value1",
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            ),
            id="get-vanilla-query-order-key-case",
        ),
    ],
)
def test_signatures_of_awss_own_suite_are_genuine(request_: SignedRequest) -> None:
    assert is_genuine(request_, SUITE_KEY)
    assert not is_genuine(request_, "another key")


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(replace(GET_VANILLA, body=b"more"), id="body"),
        pytest.param(replace(GET_VANILLA, method="PUT"), id="method"),
        pytest.param(
            replace(GET_VANILLA, url="https://example.amazonaws.com/x"), id="path"
        ),
        pytest.param(
            replace(GET_VANILLA, headers={**GET_VANILLA.headers, "host": "x"}),
            id="host",
        ),
    ],
)
def test_a_request_that_was_changed_is_not_genuine(changed: SignedRequest) -> None:
    assert not is_genuine(changed, SUITE_KEY)


def test_a_request_without_a_signature_has_none() -> None:
    unsigned = replace(GET_VANILLA, headers={"authorization": "Bearer token"})

    with pytest.raises(ValueError, match="not signed with AWS4-HMAC-SHA256"):
        signature_of(unsigned)


def aws_body(
    principal: AwsPrincipal = APP,
    *,
    role: str = "app",
    service: str = "sts",
    server_id: str = "",
    sign_server_id: bool = True,
    headers_as_object: bool = False,
) -> dict[str, JSONValue]:
    """Return what a client sends in order to log in."""
    question = b"Action=GetCallerIdentity&Version=2011-06-15"
    headers = {
        "host": "sts.eu-central-1.amazonaws.com",
        "x-amz-date": "20261123T120000Z",
        "x-amz-security-token": principal.session_token,
    }
    if server_id and sign_server_id:
        headers["x-vault-aws-iam-server-id"] = server_id
    scope = f"20261123/eu-central-1/{service}/aws4_request"
    headers["Authorization"] = signed(headers, question, scope, principal)
    if server_id and not sign_server_id:
        headers["x-vault-aws-iam-server-id"] = server_id
    sent: JSONValue = headers
    if not headers_as_object:
        lists = {name: [value] for name, value in headers.items()}
        sent = b64encode(json.dumps(lists).encode()).decode()
    return {
        "role": role,
        "iam_http_request_method": "POST",
        "iam_request_url": b64encode(
            b"https://sts.eu-central-1.amazonaws.com/"
        ).decode(),
        "iam_request_body": b64encode(question).decode(),
        "iam_request_headers": sent,
    }


def signed(
    headers: dict[str, str], body: bytes, scope: str, principal: AwsPrincipal
) -> str:
    """Return the Authorization header of a POST to "/" with these headers."""
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    canonical = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{headers['x-amz-date']}\n{scope}\n{digest}"
    key = f"AWS4{principal.secret_access_key}".encode()
    for part in (*scope.split("/"), text):
        key = hmac.digest(key, part.encode(), hashlib.sha256)
    return (
        f"AWS4-HMAC-SHA256 Credential={principal.access_key_id}/{scope},"
        f" SignedHeaders={names}, Signature={key.hex()}"
    )


def auth_in(reply: VaultReply) -> dict[str, JSONValue]:
    auth = reply.member("auth")
    assert auth is not None
    return auth.reveal()


@pytest.mark.parametrize("as_object", [False, True], ids=["base64", "object"])
async def test_a_signed_caller_identity_logs_in(
    vault: ScriptedVault, client: VaultClient, as_object: bool
) -> None:
    reply = await client.request(login_at("aws", aws_body(headers_as_object=as_object)))

    auth = auth_in(reply)
    assert vault.tokens.is_live(auth["client_token"])
    assert auth["policies"] == ["default", "reader"]
    assert auth["metadata"]["canonical_arn"] == APP.arn
    assert auth["renewable"] is True


@pytest.mark.parametrize(
    ("body", "why"),
    [
        pytest.param(aws_body(role="other"), "not found", id="unknown role"),
        pytest.param(
            aws_body(replace(APP, access_key_id="AKIDOTHER")),
            "InvalidClientTokenId",
            id="unknown key",
        ),
        pytest.param(
            aws_body(replace(APP, secret_access_key="guessed")),
            "SignatureDoesNotMatch",
            id="wrong secret",
        ),
        pytest.param(
            aws_body(replace(APP, session_token="old")),
            "SignatureDoesNotMatch",
            id="wrong session",
        ),
        pytest.param(
            aws_body(service="s3"), "SignatureDoesNotMatch", id="another service"
        ),
        pytest.param(
            aws_body() | {"iam_request_headers": "e30="}, "not signed", id="unsigned"
        ),
        pytest.param(
            aws_body() | {"iam_request_url": "%"}, "not base64", id="not base64"
        ),
        pytest.param(
            aws_body() | {"iam_request_body": ""},
            "GetCallerIdentity",
            id="another question",
        ),
    ],
)
async def test_what_aws_or_vault_would_not_take_is_refused(
    client: VaultClient, body: dict[str, JSONValue], why: str
) -> None:
    with pytest.raises(InvalidRequest, match=why):
        await client.request(login_at("aws", body))


async def test_a_principal_of_another_role_is_refused(
    vault: ScriptedVault, client: VaultClient
) -> None:
    vault.aws.put_role("others", principals=["arn:aws:iam::123456789012:role/other"])

    with pytest.raises(InvalidRequest, match="does not belong to the role"):
        await client.request(login_at("aws", aws_body(role="others")))


async def test_a_server_id_must_be_there_and_signed(
    vault: ScriptedVault, client: VaultClient
) -> None:
    careful = AwsLogin(tokens=vault.tokens, mount="careful", server_id=SERVER_ID)
    careful.know(APP)
    careful.put_role("app", principals=[APP.arn])
    vault.script(careful)

    assert auth_in(
        await client.request(login_at("careful", aws_body(server_id=SERVER_ID)))
    )
    with pytest.raises(InvalidRequest, match="missing or another one"):
        await client.request(login_at("careful", aws_body()))
    unsigned = aws_body(server_id=SERVER_ID, sign_server_id=False)
    with pytest.raises(InvalidRequest, match="is not signed"):
        await client.request(login_at("careful", unsigned))


def gcp_body(
    vault: ScriptedVault,
    *,
    email: str = EMAIL,
    audience: str = "https://vault/app",
    lifetime: int = 600,
) -> dict[str, JSONValue]:
    token = vault.google.id_token(
        email, audience=audience, expires=int(time.time()) + lifetime
    )
    return {"role": "app", "jwt": token}


@pytest.mark.parametrize("audience", ["vault/app", "https://vault/app"])
async def test_an_id_token_of_google_logs_in(
    vault: ScriptedVault, client: VaultClient, audience: str
) -> None:
    reply = await client.request(login_at("gcp", gcp_body(vault, audience=audience)))

    auth = auth_in(reply)
    assert vault.tokens.is_live(auth["client_token"])
    assert auth["metadata"]["service_account_email"] == EMAIL
    assert auth["lease_duration"] == "3600"


@pytest.mark.parametrize(
    ("claims", "change", "why"),
    [
        pytest.param({"audience": "vault/other"}, {}, "audience", id="other role"),
        pytest.param({"email": "x@y.test"}, {}, "not bound", id="other account"),
        pytest.param({"lifetime": -1}, {}, "expired", id="expired"),
        pytest.param({}, {"jwt": "nonsense"}, "segments", id="no token"),
        pytest.param({}, {"role": "other"}, "not found", id="unknown role"),
    ],
)
async def test_an_id_token_for_somebody_else_is_refused(
    vault: ScriptedVault,
    client: VaultClient,
    claims: dict[str, Any],
    change: dict[str, JSONValue],
    why: str,
) -> None:
    body = gcp_body(vault, **claims) | change

    with pytest.raises(InvalidRequest, match=why):
        await client.request(login_at("gcp", body))


async def test_an_id_token_of_another_signer_is_refused(
    client: VaultClient,
) -> None:
    async with ScriptedVault.start() as other:
        forged = gcp_body(other)

    with pytest.raises(InvalidRequest, match="Signature verification failed"):
        await client.request(login_at("gcp", forged))
