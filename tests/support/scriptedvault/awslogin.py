"""The login endpoint of the AWS method, for its iam type.

The signed GetCallerIdentity is checked with the caller's own key, where Vault would
ask AWS. Source: "AWS auth method (API)", login, of Vault's API documentation.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.support.scriptedvault.messages import Asked, Document, Said, refusal
from tests.support.scriptedvault.sigv4 import (
    Signature,
    SignedRequest,
    is_genuine,
    signature_of,
)
from tests.support.scriptedvault.tokens import Tokens, login_reply

_QUESTION = b"Action=GetCallerIdentity&Version=2011-06-15"
_SERVER_ID = "x-vault-aws-iam-server-id"


@dataclass(frozen=True, slots=True)
class AwsPrincipal:
    """Somebody whom AWS knows. `session_token` "": the keys are lasting ones."""

    arn: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class _Role:
    principals: tuple[str, ...]
    policies: tuple[str, ...]
    ttl: int


class _Refused(Exception):
    """Vault would refuse the login, for the reason in the message."""


class AwsLogin:
    """One enabled AWS method.

    `server_id` is its `iam_server_id_header_value`: a header that must be signed.
    """

    def __init__(
        self, *, tokens: Tokens, mount: str = "aws", server_id: str = ""
    ) -> None:
        self._tokens = tokens
        self._mount = mount
        self._server_id = server_id
        self._principals: dict[str, AwsPrincipal] = {}
        self._roles: dict[str, _Role] = {}

    def know(self, principal: AwsPrincipal) -> None:
        """Be AWS for a principal."""
        self._principals[principal.access_key_id] = principal

    def put_role(
        self,
        name: str,
        *,
        principals: Sequence[str],
        policies: Sequence[str] = (),
        ttl: int = 3600,
    ) -> None:
        """Let principals log in, by their ARNs, for `ttl` seconds."""
        self._roles[name] = _Role(tuple(principals), tuple(policies), ttl)

    def __call__(self, asked: Asked) -> Said | None:
        """Answer a login; None for any other request."""
        if asked.path != f"auth/{self._mount}/login" or not asked.is_write:
            return None
        try:
            return self._log_in(asked.body)
        except _Refused as error:
            return refusal(400, str(error))

    def _log_in(self, body: Document) -> Said:
        name = body.get("role", "")
        role = self._roles.get(name)
        if role is None:
            raise _Refused(f"entry for role {name!r} not found")
        principal = self._caller(_signed_request(body))
        if principal.arn not in role.principals:
            raise _Refused("IAM principal does not belong to the role")
        issued = self._tokens.issue(
            policies=("default", *role.policies),
            ttl=role.ttl,
            metadata={
                "auth_type": "iam",
                "canonical_arn": principal.arn,
                "role": name,
            },
        )
        return login_reply(issued)

    def _caller(self, request: SignedRequest) -> AwsPrincipal:
        try:
            signature = signature_of(request)
        except ValueError as error:
            raise _Refused(str(error)) from error
        self._check_server_id(request, signature)
        principal = self._principals.get(signature.access_key_id)
        if principal is None:
            raise _Refused("InvalidClientTokenId")
        token = request.headers.get("x-amz-security-token", "")
        if (
            signature.service != "sts"
            or token != principal.session_token
            or not is_genuine(request, principal.secret_access_key)
        ):
            raise _Refused("SignatureDoesNotMatch")
        return principal

    def _check_server_id(self, request: SignedRequest, signature: Signature) -> None:
        if not self._server_id:
            return
        if request.headers.get(_SERVER_ID) != self._server_id:
            raise _Refused(f"the header {_SERVER_ID} is missing or another one")
        if _SERVER_ID not in signature.signed_headers:
            raise _Refused(f"the header {_SERVER_ID} is not signed")


def _signed_request(body: Document) -> SignedRequest:
    request = SignedRequest(
        method=str(body.get("iam_http_request_method", "")),
        url=_decoded(body, "iam_request_url").decode(errors="replace"),
        headers=_headers(body),
        body=_decoded(body, "iam_request_body"),
    )
    host = urlsplit(request.url).netloc
    if request.method != "POST" or request.body != _QUESTION:
        raise _Refused("the request is no POST that asks GetCallerIdentity")
    if request.headers.get("host", host) != host:
        raise _Refused("the host is not the one of the URL")
    return request


def _headers(body: Document) -> dict[str, str]:
    """Return the headers, which come as JSON in base64 or as an object."""
    headers = body.get("iam_request_headers", "")
    if isinstance(headers, str):
        headers = json.loads(_decoded(body, "iam_request_headers") or b"{}")
    if not isinstance(headers, Mapping):
        raise _Refused("iam_request_headers hold no object")
    return {
        name.lower(): value if isinstance(value, str) else ",".join(value)
        for name, value in headers.items()
    }


def _decoded(body: Document, name: str) -> bytes:
    try:
        return base64.b64decode(str(body.get(name, "")), validate=True)
    except binascii.Error as error:
        raise _Refused(f"{name} is not base64") from error
