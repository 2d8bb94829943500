"""OpenBao's HTTP API, as one token in one namespace sees it.

What most tests prepare has verbs here and in `openbao_kv` and `openbao_auth`; for
the rest there are `read`, `write` and `delete` on any path below `/v1/`.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import aiohttp
from yarl import URL

from tests.support.tls import CertificateFiles, trust

_PATIENCE = aiohttp.ClientTimeout(total=15)

Reply = dict[str, Any]
"""The JSON object of an answer; empty where the answer has no body."""


class Refused(Exception):
    """OpenBao answered with an error: its `status` and its `errors`."""

    def __init__(self, what: str, *, status: int, errors: Sequence[str]) -> None:
        super().__init__(f"{what} answered {status}: {'; '.join(errors)}")
        self.status = status
        self.errors = tuple(errors)


@dataclass(frozen=True, slots=True)
class Token:
    """A token that was created, and the accessor that names it without using it."""

    value: str = field(repr=False)
    accessor: str


class BaoApi:
    """One OpenBao server, as one token in one namespace ("" is the root)."""

    def __init__(
        self,
        *,
        http: aiohttp.ClientSession,
        address: str,
        token: str = "",
        namespace: str = "",
    ) -> None:
        self.token = token
        self.namespace = namespace
        self._http = http
        self._address = address

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        address: str,
        *,
        ca_pem: str | None = None,
        token: str = "",
        client_certificate: CertificateFiles | None = None,
    ) -> AsyncIterator[BaoApi]:
        """Hold connections to `address` for the length of the block."""
        tls = trust(ca_pem)
        if client_certificate is not None:
            files = client_certificate
            tls.load_cert_chain(files.certificate, files.private_key)
        # A new connection each time: the server may have been restarted.
        connector = aiohttp.TCPConnector(ssl=tls, force_close=True)
        async with aiohttp.ClientSession(
            connector=connector, timeout=_PATIENCE
        ) as http:
            yield cls(http=http, address=address, token=token)

    def as_token(self, token: str) -> BaoApi:
        """Return the same server as seen by another token; "" is nobody."""
        return self._with(token=token, namespace=self.namespace)

    def within(self, namespace: str) -> BaoApi:
        """Return the same server and token in the namespace of that full path."""
        return self._with(token=self.token, namespace=namespace)

    async def read(self, path: str) -> Reply:
        """GET `path`. Raises Refused for any status from 400."""
        return await self._request("GET", path, None)

    async def names_below(self, path: str) -> list[str]:
        """Return the names below `path`, [] where there are none.

        Names that end in "/" have more below them.
        """
        try:
            reply = await self.read(f"{path}?list=true")
        except Refused as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return []
        keys: list[str] = reply["data"]["keys"]
        return keys

    async def write(self, path: str, body: Mapping[str, object] | None = None) -> Reply:
        """POST `body` to `path`. Raises Refused for any status from 400."""
        return await self._request("POST", path, body)

    async def delete(self, path: str) -> None:
        """DELETE `path`. Raises Refused for any status from 400."""
        await self._request("DELETE", path, None)

    async def download(self, path: str) -> bytes:
        """GET `path`, whose answer is no JSON. Raises Refused from 400."""
        return await self._exchange("GET", path, None)

    async def upload(self, path: str, content: bytes) -> None:
        """POST `content`, which is no JSON, to `path`. Raises Refused from 400."""
        await self._exchange("POST", path, content)

    async def create_namespace(self, name: str) -> BaoApi:
        """Create a namespace below this one; return the API within it."""
        await self.write(f"sys/namespaces/{name}")
        return self.within(f"{self.namespace}/{name}".lstrip("/"))

    async def put_policy(self, name: str, rules: str) -> None:
        """Create or replace a policy, written in HCL."""
        await self.write(f"sys/policies/acl/{name}", {"policy": rules})

    async def create_token(
        self, *policies: str, ttl: str = "1h", **options: object
    ) -> Token:
        """Create a token; `options` are those of `auth/token/create`."""
        wanted = {"policies": policies, "ttl": ttl} | options
        return token_in(await self.write("auth/token/create", wanted))

    async def revoke_accessor(self, accessor: str) -> None:
        """Revoke the token that `accessor` names, and its leases with it."""
        await self.write("auth/token/revoke-accessor", {"accessor": accessor})

    async def revoke_leases(self, prefix: str) -> None:
        """Revoke every lease below `prefix`, and wait until it is done."""
        await self.write(f"sys/leases/revoke-prefix/{prefix}", {"sync": True})

    def _with(self, *, token: str, namespace: str) -> BaoApi:
        return BaoApi(
            http=self._http, address=self._address, token=token, namespace=namespace
        )

    async def _request(
        self, method: str, path: str, body: Mapping[str, object] | None
    ) -> Reply:
        content = None if body is None else json.dumps(body).encode()
        reply: Reply = json.loads(await self._exchange(method, path, content) or b"{}")
        return reply

    async def _exchange(self, method: str, path: str, content: bytes | None) -> bytes:
        headers = {"X-Vault-Request": "true"}
        if self.token:
            headers["X-Vault-Token"] = self.token
        if self.namespace:
            headers["X-Vault-Namespace"] = self.namespace
        url = URL(f"{self._address}/v1/{path}", encoded=True)
        async with self._http.request(
            method, url, headers=headers, data=content
        ) as response:
            answer = await response.read()
            if response.status >= 400:
                reply: Reply = json.loads(answer or b"{}")
                raise Refused(
                    f"{method} {path}",
                    status=response.status,
                    errors=reply.get("errors") or (),
                )
            return answer


def token_in(reply: Reply) -> Token:
    """Return the token that a login or a creation answered with."""
    auth = reply["auth"]
    return Token(value=auth["client_token"], accessor=auth["accessor"])
