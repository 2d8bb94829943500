"""How far the scripted node is behind its cluster.

Every write is answered with an `X-Vault-Index`. Who sends one back is not shown
anything older: the node answers 412 until it has caught up, or forwards the request
if `X-Vault-Inconsistent: forward-active-node` says so.
Source: "Vault Enterprise eventual consistency" of Vault's documentation; 412 in "HTTP
API". What is inside an index is nowhere promised; here it is a number in base64.
"""

from __future__ import annotations

import base64
import binascii

from tests.support.scriptedvault.messages import Asked, Said, refusal

INDEX = "X-Vault-Index"
_WHEN_BEHIND = "X-Vault-Inconsistent"
_FORWARD = "X-Vault-Forward"


class Consistency:
    """Counts the writes of a cluster, and those that this node has seen."""

    def __init__(self) -> None:
        self.written = 0
        self._seen = 0
        self._is_lagging = False

    def lag(self) -> None:
        """See nothing of what is written from now on."""
        self._is_lagging = True

    def catch_up(self) -> None:
        """See everything that was written, now and from now on."""
        self._is_lagging = False
        self._seen = self.written

    def advance(self) -> int:
        """Count one write; return its number."""
        self.written += 1
        if not self._is_lagging:
            self._seen = self.written
        return self.written

    def visible_to(self, asked: Asked) -> int:
        """Return the number of the last write that this request is shown."""
        is_forwarded = asked.headers.get(_FORWARD) == "active-node"
        if is_forwarded or self._may_forward(asked):
            return self.written
        return self._seen

    def __call__(self, asked: Asked) -> Said | None:
        """Refuse a request that wants to see more than this node has (412)."""
        try:
            wanted = max(map(decode, asked.headers.getall(INDEX, [])), default=0)
        except ValueError:
            return refusal(400, "the X-Vault-Index header cannot be read")
        if wanted > self.visible_to(asked):
            return refusal(412, "required index state not present")
        return None

    def _may_forward(self, asked: Asked) -> bool:
        return asked.headers.get(_WHEN_BEHIND) == "forward-active-node"


def encode(number: int) -> str:
    """Return a write's number as an index."""
    return base64.b64encode(b"v1:%d" % number).decode()


def decode(index: str) -> int:
    """Return the number in an index. Raises ValueError for what is none."""
    try:
        text = base64.b64decode(index, validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
    return int(text.removeprefix(b"v1:"))
