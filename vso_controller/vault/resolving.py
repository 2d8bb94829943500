"""Names to IP addresses, none of which leads where no Vault may be.

What is returned is what is connected to: aiohttp resolves a name for a connection and
connects to that answer, so the name cannot come to mean something else in between.
"""

from __future__ import annotations

import socket

from aiohttp import ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult

from vso_controller.vault.reach import IPAddress, Reach, parse_ip, refusal_of


class NowhereAllowed(OSError):
    """A name has no address that may be connected to."""


class GuardedResolver(AbstractResolver):
    """Asks another resolver, and leaves out what `reach` does not admit.

    Raises NowhereAllowed where nothing is left, and OSError where nothing was.
    """

    def __init__(self, *, reach: Reach, resolver: AbstractResolver | None) -> None:
        self._reach = reach
        self._resolver = resolver or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        if not found:
            raise OSError("the name has no address")
        admitted = [each for each in found if self._admits(host, each)]
        if not admitted:
            raise NowhereAllowed(refusal_of(host, filter(None, map(_address, found))))
        return admitted

    async def close(self) -> None:
        await self._resolver.close()

    def _admits(self, host: str, found: ResolveResult) -> bool:
        address = _address(found)
        return address is not None and self._reach.admits(host, address)


def _address(found: ResolveResult) -> IPAddress | None:
    return parse_ip(found["host"])
