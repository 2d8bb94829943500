"""What tests do to etcd behind the API server's back.

Source: "Why gRPC gateway" and the API reference of the etcd v3 documentation: keys
are base64, 64-bit numbers are strings.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import aiohttp

_PATIENCE = aiohttp.ClientTimeout(total=10)
_MARKER = base64.b64encode(b"/compacted").decode()  # outside what Kubernetes reads


async def compact(etcd_url: str) -> int:
    """Make etcd forget every revision that anybody can have seen so far.

    Returns the oldest revision that can still be read.
    """
    async with aiohttp.ClientSession(
        timeout=_PATIENCE, raise_for_status=True
    ) as session:
        # The newest revision is never compacted away: make one nobody knows.
        put = await _call(session, f"{etcd_url}/v3/kv/put", {"key": _MARKER})
        revision = int(put["header"]["revision"])
        wish = {"revision": str(revision), "physical": True}
        await _call(session, f"{etcd_url}/v3/kv/compaction", wish)
    return revision


async def _call(
    session: aiohttp.ClientSession, url: str, body: Mapping[str, object]
) -> dict[str, Any]:
    async with session.post(url, json=body) as answer:
        # The gateway calls its JSON whatever the client accepts.
        document: dict[str, Any] = await answer.json(content_type=None)
        return document
