"""Questions about the server itself, asked without a token."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, StrictBool, ValidationError

from vso_controller.vault.errors import NotVaultAnswer
from vso_controller.vault.ports import Transport
from vso_controller.vault.requests import Method, Operation, VaultRequest


class SealStatus(BaseModel):
    """What `sys/seal-status` tells. A sealed server names no cluster ("")."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    sealed: StrictBool
    initialized: StrictBool
    version: str = ""
    cluster_name: str = ""
    cluster_id: str = ""


async def seal_status(transport: Transport) -> SealStatus:
    """Ask whether Vault is there, initialized and unsealed."""
    request = VaultRequest(
        operation=Operation.SEAL_STATUS,
        method=Method.GET,
        path=("sys", "seal-status"),
        repeatable=True,
    )
    reply = await transport.request(request)
    try:
        return SealStatus.model_validate(reply.document.reveal())
    except ValidationError as error:
        raise NotVaultAnswer(
            f"{request.title}: the answer is not a seal status; check the address"
        ) from error
