"""From a call that was withheld to what it would have changed.

The object is read as it is now, and what the call would make of it is compared with
that. Values are compared and not kept: of those in a Secret a keyed digest remains.
"""

from __future__ import annotations

from typing import Any

import msgspec

from vso_controller.foundation.digest import digest_of
from vso_controller.foundation.errors import OperationFailed
from vso_controller.foundation.intentions import Differences, Intention, Write
from vso_controller.foundation.secret import Secret
from vso_controller.kube.calls import Call, Target, Verb
from vso_controller.kube.differences import Document, differences, patched
from vso_controller.kube.secrets import SECRETS
from vso_controller.kube.session import ApiSession


class Intentions:
    """Tells what withheld writes would have changed."""

    def __init__(self, *, session: ApiSession, digest_key: Secret[bytes]) -> None:
        self._session = session
        self._digest_key = digest_key

    async def describe(self, write: Write) -> Intention:
        """Describe a write. It raises nothing: what cannot be read is not compared."""
        intention = Intention(write.verb, write.resource, write.key, None)
        if not isinstance(write, Call):
            return intention
        try:
            before = await self._read(write)
        except OperationFailed:
            return intention
        return self._compared(write, before)

    async def _read(self, call: Call) -> Document:
        """Read the object that the call would change, {} if it would make it."""
        if call.verb is Verb.CREATE:
            return {}
        key, resource = call.key, call.target.resource
        target = Target(resource, key.namespace, key.name)
        answer = await self._session.request(
            Call(verb=Verb.GET, target=target, repeatable=True)
        )
        return _decode(answer)

    def _compared(self, call: Call, before: Document) -> Intention:
        after = _outcome(call, before)
        told = Differences() if after is None else differences(before, after)
        return Intention(
            call.verb, call.resource, call.key, told, self._fingerprint(call, after)
        )

    def _fingerprint(self, call: Call, after: Document | None) -> bytes:
        if call.target.resource != SECRETS or after is None:
            return b""
        data: dict[str, str] = after.get("data") or {}
        values = {name: value.encode() for name, value in data.items()}
        return digest_of(values, self._digest_key.reveal())


def _outcome(call: Call, before: Document) -> Document | None:
    """Return what the object would be; None: it would be gone."""
    if call.verb is Verb.DELETE:
        return None if call.successor is None else _decode(call.successor)
    written = _decode(call.body or b"{}")
    return patched(before, written) if call.verb is Verb.PATCH else written


def _decode(document: bytes) -> dict[str, Any]:
    return msgspec.json.decode(document, type=dict[str, Any])
