"""A small Vault of our own, for what OpenBao does not have.

    async with ScriptedVault.start(tls=True) as vault:
        vault.kv.mount("secret")
        vault.kv.put("secret", "app", {"password": "one"})
        ...  # vault.address, vault.ca_pem, vault.tokens.root

It has an event stream, logins of AWS and Google Cloud, nodes that stand by or lag
behind, redirects, and `mount_type` in its answers. Each part names the document that
it follows. What OpenBao can show is for OpenBao.

A request goes to the parts in turn; the first that answers has answered. Own parts
come first (`script`), and can answer anything.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from aiohttp import web
from multidict import CIMultiDict, MultiDict

from tests.support.scriptedvault import events
from tests.support.scriptedvault.awslogin import AwsLogin
from tests.support.scriptedvault.consistency import INDEX, Consistency, encode
from tests.support.scriptedvault.events import EventStream
from tests.support.scriptedvault.gcplogin import GcpLogin, Google
from tests.support.scriptedvault.keyvalue import KeyValueEngines
from tests.support.scriptedvault.messages import Asked, Part, Said, refusal
from tests.support.scriptedvault.node import Node
from tests.support.scriptedvault.tokens import Tokens
from tests.support.tls import LOOPBACK, Authority

_API = "/v1/"
_PARTING = 0.1  # seconds that open requests get when the server ends


class ScriptedVault:
    """A running server. Its parts may be told anything at any time."""

    def __init__(self) -> None:
        self.address = ""
        self.ca_pem: str | None = None  # None: it speaks plain HTTP
        self.requests: list[Asked] = []
        self.node = Node()
        self.consistency = Consistency()
        self.tokens = Tokens(clock=asyncio.get_running_loop().time)
        self.aws = AwsLogin(tokens=self.tokens)
        self.google = Google()
        self.gcp = GcpLogin(tokens=self.tokens, google=self.google)
        self.events = EventStream(now=_now)
        self.kv = KeyValueEngines(
            consistency=self.consistency, now=_now, changed=self.events.tell
        )
        self._own_parts: list[Part] = []

    @classmethod
    @asynccontextmanager
    async def start(cls, *, tls: bool = False) -> AsyncIterator[ScriptedVault]:
        """Listen on loopback for the length of the `async with` block."""
        vault = cls()
        authority = Authority() if tls else None
        runner = web.ServerRunner(web.Server(vault.handle), shutdown_timeout=_PARTING)
        await runner.setup()
        try:
            context = None if authority is None else authority.server_context()
            await web.TCPSite(runner, LOOPBACK, 0, ssl_context=context).start()
            scheme = "http" if authority is None else "https"
            vault.address = f"{scheme}://{LOOPBACK}:{runner.addresses[0][1]}"
            vault.ca_pem = None if authority is None else authority.ca_pem
            yield vault
        finally:
            vault.events.cut()
            await runner.cleanup()

    @property
    def active_address(self) -> str:
        """Where this node is the active one, whatever it is at `address`.

        It is the same server behind a path, as a load balancer would show it.
        """
        return f"{self.address}/active"

    def script(self, part: Part) -> None:
        """Let `part` answer before all others."""
        self._own_parts.insert(0, part)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        asked = await _read(request)
        self.requests.append(asked)
        said = next(filter(None, (part(asked) for part in self._parts())), None)
        if said is None and asked.path.startswith(events.PATH):
            said = self.events.refused(asked)
            if said is None:
                return await self.events.serve(request, asked)
        said = said or refusal(404, f'no handler for route "{asked.path}"')
        return self._response(asked, said)

    def _parts(self) -> Iterator[Part]:
        yield from self._own_parts
        yield self.node
        yield self.aws
        yield self.gcp
        yield self.tokens  # from here on, nobody who has none
        yield self.consistency
        yield self.kv

    def _response(self, asked: Asked, said: Said) -> web.Response:
        headers = CIMultiDict(said.headers)
        if asked.is_write and said.status < 300:
            headers[INDEX] = encode(self.consistency.written)
        if said.document is None:
            return web.Response(status=said.status, headers=headers)
        return web.Response(
            status=said.status,
            body=json.dumps(said.document).encode(),
            content_type="application/json",
            headers=headers,
        )


async def _read(request: web.BaseRequest) -> Asked:
    prefix, _, path = request.path.partition(_API)
    body = await request.read()
    return Asked(
        method=request.method,
        path=path,
        prefix=prefix,
        target=request.raw_path.removeprefix(prefix),
        query=MultiDict(request.query),
        headers=CIMultiDict(request.headers),
        body=json.loads(body) if body else {},
    )


def _now() -> str:
    return datetime.now(UTC).isoformat()
