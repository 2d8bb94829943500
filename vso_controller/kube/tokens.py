"""Tokens of service accounts, asked for when somebody must log in with one."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from vso_controller.foundation.objects import ObjectKey, ResourceType
from vso_controller.foundation.secret import Secret
from vso_controller.kube.calls import Call, Verb, object_target
from vso_controller.kube.errors import UnreadableAnswer
from vso_controller.kube.session import ApiSession

SERVICE_ACCOUNTS = ResourceType(
    group="", version="v1", plural="serviceaccounts", kind="ServiceAccount"
)


class _TokenStatus(msgspec.Struct):
    token: str


class _TokenRequest(msgspec.Struct):
    status: _TokenStatus


class ServiceAccountTokens:
    """Requests tokens (`authentication.k8s.io/v1` TokenRequest)."""

    def __init__(self, *, session: ApiSession) -> None:
        self._session = session

    async def request_token(
        self,
        service_account: ObjectKey,
        *,
        audiences: Sequence[str],
        expiration_seconds: int,
    ) -> Secret[str]:
        """Request a token of `service_account`. Raises NotFound without one.

        No audience means the server's own. The server may shorten or lengthen
        the life that was asked for.
        """
        document = await self._session.request(
            Call(
                verb=Verb.CREATE,
                target=object_target(SERVICE_ACCOUNTS, service_account, "token"),
                repeatable=True,  # a token nobody received does no harm
                body=_request_document(audiences, expiration_seconds),
            )
        )
        try:
            answer = msgspec.json.decode(document, type=_TokenRequest)
        except msgspec.DecodeError as error:
            raise UnreadableAnswer(
                f"token of service account {service_account}: {error}"
            ) from error
        return Secret(answer.status.token)


def _request_document(audiences: Sequence[str], expiration_seconds: int) -> bytes:
    return msgspec.json.encode(
        {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {
                "audiences": list(audiences),
                "expirationSeconds": expiration_seconds,
            },
        }
    )
