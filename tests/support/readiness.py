"""Probes for `eventually`: is a server answering yet?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import aiohttp

from tests.support.conditions import NotYet
from tests.support.tls import trust

Probe = Callable[[], Awaitable[None]]
"""Returns when the thing is so, raises AssertionError until then."""

_PATIENCE = aiohttp.ClientTimeout(total=2)


def answers(url: str, *, ca_pem: str | None = None, token: str | None = None) -> Probe:
    """Probe that a GET of `url` is answered with 200."""
    tls = trust(ca_pem)
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}

    async def probe() -> None:
        try:
            async with (
                aiohttp.ClientSession(timeout=_PATIENCE) as session,
                session.get(url, ssl=tls, headers=headers) as response,
            ):
                if response.status != 200:
                    raise NotYet(f"{url} answered {response.status}")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise NotYet(f"{url} did not answer: {error!r}") from error

    return probe
