"""What a user adds to the calls of an identity: headers, and a query to its logins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from vso_controller.vault.ports import Transport
from vso_controller.vault.requests import Operation, VaultReply, VaultRequest


class AddingTransport:
    """A Transport that adds headers to every call, query parameters to each login.

    What the call has itself wins.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        headers: Mapping[str, str],
        login_query: Mapping[str, str],
    ) -> None:
        self._transport = transport
        self._headers = dict(headers)
        self._login_query = dict(login_query)

    async def request(self, request: VaultRequest) -> VaultReply:
        is_login = request.operation is Operation.LOGIN
        query = self._login_query if is_login else {}
        return await self._transport.request(
            replace(
                request,
                headers={**self._headers, **request.headers},
                query={**query, **request.query},
            )
        )
