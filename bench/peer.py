"""The same stages as in `bench.ours`, gone through by an operator written with kopf.

    python -m bench.peer KUBECONFIG RESOURCES

Its handler of raw events is the least that kopf can do with a change; it keeps the
resource, as a cache would. (An index of kopf's own is far dearer: with 10,000 resources
its first filling takes minutes.) kopf is as it comes, in an environment of its own, so
nothing of the product is imported here. It runs until it is stopped.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from typing import Any

import kopf

from bench.stages import Stage, Stopwatch

_RESOURCES = ("secrets.hashicorp.com", "v1beta1", "vaultstaticsecrets")


class Peer:
    """What the handler of the operator does: it keeps the resource, and counts."""

    def __init__(self, resources: int) -> None:
        self._resources = resources
        self._kept: dict[tuple[str, str], object] = {}
        self._handed_out = 0
        self._stages = iter(Stage)
        self._watch = Stopwatch()

    async def take(
        self, body: Mapping[str, Any], namespace: str, name: str, **_: object
    ) -> None:
        """Be handed a resource."""
        self._kept[namespace, name] = dict(body)
        self._handed_out += 1
        if self._handed_out == self._resources:
            self._tell()

    def _tell(self) -> None:
        stage = next(self._stages)
        self._watch.tell(stage, self._resources)
        if stage is Stage.FILLED:  # a handler was given each meanwhile
            self._watch.tell(next(self._stages), self._resources)
        self._handed_out = 0
        self._watch = Stopwatch()


async def measure(kubeconfig: str, *, resources: int) -> None:
    """Run the operator."""
    os.environ["KUBECONFIG"] = kubeconfig
    registry = kopf.OperatorRegistry()
    peer = Peer(resources)
    kopf.on.login(registry=registry)(kopf.login_with_kubeconfig)
    kopf.on.event(*_RESOURCES, registry=registry)(peer.take)
    await kopf.operator(registry=registry, standalone=True, clusterwide=True)


if __name__ == "__main__":
    asyncio.run(measure(sys.argv[1], resources=int(sys.argv[2])))
