"""What is missing where a good token was denied, in words.

Source: the HTTP API documentation of `sys/capabilities-self`, which Vault's default
policy lets every token ask.
"""

from __future__ import annotations

import asyncio

from vso_controller.foundation.errors import OperationFailed
from vso_controller.foundation.secret import Secret
from vso_controller.vault.messages import printable
from vso_controller.vault.ports import Transport
from vso_controller.vault.requests import Method, Operation, VaultReply, VaultRequest

_MOST = 1000
"""Paths that are asked about; beyond them a denial is told without its cause."""

_NEEDED = {Method.GET: "read"}
_NEEDED_ELSE = "create or update"


class Capabilities:
    """Explains why calls with one token were denied, and asks once for each path."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._asking = asyncio.Lock()
        # By Vault namespace and path; "" where the server would not say.
        self._explained: dict[tuple[str, str], str] = {}

    async def explain(self, denied: VaultRequest) -> str:
        """Return what the token of `denied` may do there; "" if nobody knows."""
        path = "/".join(denied.path)
        place = (denied.namespace, path)
        async with self._asking:
            if place not in self._explained and len(self._explained) < _MOST:
                self._explained[place] = await self._ask(denied, path)
        return self._explained.get(place, "")

    async def _ask(self, denied: VaultRequest, path: str) -> str:
        request = VaultRequest(
            operation=Operation.CAPABILITIES,
            method=Method.PUT,
            path=("sys", "capabilities-self"),
            body=Secret({"paths": [path]}),
            namespace=denied.namespace,
            token=denied.token,
            repeatable=True,
        )
        try:
            reply = await self._transport.request(request)
        except OperationFailed:
            return ""  # the denial itself is what there is to report
        granted = _granted(reply, path)
        if not granted:
            return ""
        needed = _NEEDED.get(denied.method, _NEEDED_ELSE)
        return (
            f"this identity has {printable(', '.join(granted))} on "
            f"{printable(path)} and needs {needed}"
        )


def _granted(reply: VaultReply, path: str) -> list[str]:
    data = reply.member("data")
    capabilities = data.reveal().get(path) if data is not None else None
    if not isinstance(capabilities, list):
        return []
    return [each for each in capabilities if isinstance(each, str)]
