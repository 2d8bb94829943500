"""From an HTTP answer to a reply, or to the error that names what happened."""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus

from vso_controller.foundation import gojson
from vso_controller.foundation.errors import OperationFailed
from vso_controller.foundation.gojson import JSONValue
from vso_controller.foundation.secret import Secret
from vso_controller.vault.errors import AnswerLost, NotVaultAnswer
from vso_controller.vault.messages import printable
from vso_controller.vault.refusals import error_of
from vso_controller.vault.requests import VaultReply, VaultRequest

# More than any secret has. Four million numbers would hold the event loop for 2 s.
_MOST_COMMAS = 1_000_000
_INDEX = re.compile(r"[0-9A-Za-z+/=_:.-]{1,2048}")  # what may go back in a header


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, as far as Vault's client cares."""

    status: int
    content_type: str
    body: Secret[bytes]
    retry_after: str = ""
    location: str = ""
    index: str = ""


def read_answer(request: VaultRequest, answer: Answer, *, about: str) -> VaultReply:
    """Return what a successful answer says, or raise what went wrong.

    `about` begins every message: what was asked, and where.
    """
    index = answer.index if _INDEX.fullmatch(answer.index) else ""
    if answer.status == HTTPStatus.NO_CONTENT:
        return VaultReply(status=answer.status, document=Secret({}), index=index)
    document = _parse(answer)
    if answer.status >= HTTPStatus.BAD_REQUEST:
        raise error_of(
            request,
            answer.status,
            document or {},
            about=about,
            retry_after=answer.retry_after,
        )
    if document is None:
        raise unreadable(request, about, "the answer is not JSON as Vault sends it")
    return VaultReply(
        status=answer.status,
        document=Secret(document),
        index=index,
        request_id=printable(str(document.get("request_id") or "")),
        size=len(answer.body.reveal()),
    )


def unreadable(request: VaultRequest, about: str, why: str) -> OperationFailed:
    """Return the error for an answer that came and could not be read."""
    if request.repeatable:
        return NotVaultAnswer(
            f"{about}: {why}; check the address, and proxies on the way"
        )
    return AnswerLost(f"{about}: {why}, so it is not known what happened")


def _parse(answer: Answer) -> dict[str, JSONValue] | None:
    if answer.content_type != "application/json":
        return None
    body = answer.body.reveal()
    if body.count(b",") > _MOST_COMMAS:
        return None
    try:
        document = gojson.loads(body)
    except ValueError:
        # Not chained on purpose: the parser's errors carry the document.
        return None
    return document if isinstance(document, dict) else None
