"""Everybody who watches one run: taps, witness, prober, journal and canaries.

It hands out what has to be put in place (`kube_tap` and `vault_tap` around the
servers of the proxies, `journal` and `canaries` for who causes things) and gathers
what all of them saw into the `Evidence` on which the oracle judges.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace

from tests.support.canaries import Canaries
from tests.support.conditions import NotYet, eventually
from tests.support.openbao_kv import KeyValue
from tests.support.oracle.acts import KubeAct, VaultAct
from tests.support.oracle.case import Case
from tests.support.oracle.convergence import complaint_about
from tests.support.oracle.evidence import Bounds, Evidence
from tests.support.oracle.fingerprints import Fingerprints
from tests.support.oracle.journal import Journal
from tests.support.oracle.kubefacts import KubeFacts
from tests.support.oracle.probing import Prober
from tests.support.oracle.records import SECRET, ResourceSeen, SecretSeen
from tests.support.oracle.sightings import ref_of, resource_seen, secret_seen
from tests.support.oracle.tap import Tap
from tests.support.oracle.values import WitnessedValues
from tests.support.oracle.vaultfacts import VaultFacts
from tests.support.requestlog import RequestLog
from tests.support.witness import Collection, Sight, Witness

_EVENT = "Event"
_PAUSE = 0.1  # seconds between two looks at what is due
_API = "/apis/secrets.hashicorp.com/v1beta1"
COLLECTIONS = (
    Collection(SECRET, "/api/v1/secrets"),
    Collection(_EVENT, "/api/v1/events"),
    Collection("VaultConnection", f"{_API}/vaultconnections"),
    Collection("VaultAuth", f"{_API}/vaultauths"),
    Collection("VaultAuthGlobal", f"{_API}/vaultauthglobals"),
    Collection("VaultStaticSecret", f"{_API}/vaultstaticsecrets"),
    Collection("VaultDynamicSecret", f"{_API}/vaultdynamicsecrets"),
    Collection("SecretTransformation", f"{_API}/secrettransformations"),
)
"""What the witness sees. A new kind of ours is one more line."""


@dataclass(frozen=True, slots=True)
class Logs:
    """The logs of the two proxies."""

    kube: RequestLog
    vault: RequestLog


class Observatory:
    """The observers of one run, on the clock of one event loop."""

    def __init__(self, *, clock: Callable[[], float], bounds: Bounds) -> None:
        self.bounds = bounds
        self.canaries = Canaries()
        self.fingerprints = Fingerprints()
        self.journal = Journal(clock=clock, fingerprints=self.fingerprints)
        self.prober = Prober(clock=clock)
        self.kube_tap = Tap[KubeAct](
            facts=KubeFacts(self.fingerprints),
            clock=clock,
            fingerprints=self.fingerprints,
            canaries=self.canaries,
        )
        self.vault_tap = Tap[VaultAct](
            facts=VaultFacts(self.fingerprints, now=time.time),
            clock=clock,
            fingerprints=self.fingerprints,
            canaries=self.canaries,
        )
        self._clock = clock
        self._secrets: list[SecretSeen] = []
        self._resources: list[ResourceSeen] = []
        self._witness: Witness | None = None

    @classmethod
    @asynccontextmanager
    async def watching(
        cls, *, url: str, ca_pem: str, token: str, bounds: Bounds | None = None
    ) -> AsyncIterator[Observatory]:
        """Watch a cluster, as who holds `token`, for the length of the block."""
        clock = asyncio.get_running_loop().time
        observatory = cls(clock=clock, bounds=bounds or Bounds())
        async with Witness.watching(
            url=url,
            ca_pem=ca_pem,
            token=token,
            collections=COLLECTIONS,
            viewer=observatory.see,
        ) as witness:
            observatory._witness = witness
            yield observatory

    @property
    def gaps(self) -> int:
        """How often versions of objects went unseen."""
        return 0 if self._witness is None else self._witness.gaps

    def values(self, engine: KeyValue) -> WitnessedValues:
        """Return an engine whose writers are known here."""
        return WitnessedValues(
            engine=engine, journal=self.journal, canaries=self.canaries
        )

    def see(self, sight: Sight) -> None:
        """Remember of an object what the oracle needs, and look for canaries in it."""
        if sight.kind == SECRET:
            self._secrets.append(
                secret_seen(
                    sight.manifest,
                    at=sight.at,
                    gone=sight.gone,
                    fingerprints=self.fingerprints,
                )
            )
            return
        where = ref_of(sight.kind, sight.manifest)
        self.canaries.search(json.dumps(sight.manifest), str(where))
        if sight.kind != _EVENT:
            self._resources.append(
                resource_seen(sight.kind, sight.manifest, at=sight.at, gone=sight.gone)
            )

    async def settle(self, namespace: str) -> None:
        """Give a namespace until the deadline to be in order; then it is due."""

        async def in_order() -> None:
            complaints = self._complaints(namespace)
            if complaints:
                raise NotYet("; ".join(complaints))

        with suppress(AssertionError):  # the oracle will say so, with evidence
            await eventually(in_order, within=self.bounds.deadline, pause=_PAUSE)
        self.journal.due(namespace)

    async def evidence(
        self, logs: Logs, *, leases_held: frozenset[str] | None = None
    ) -> Evidence:
        """Return all that was seen so far, by everybody.

        `leases_held` are those that Vault has now, where somebody asked it.
        """
        if self._witness is not None:
            await self._witness.wait_caught_up()
        return replace(
            self._gather(),
            kube_log=logs.kube,
            vault_log=logs.vault,
            leases_held=leases_held,
        )

    def _complaints(self, namespace: str) -> list[str]:
        now = self._clock()
        case = Case(self._gather(), self.bounds)
        found = [
            complaint_about(case, resource, now)
            for resource in case.resources.alive(now)
            if resource.ref.namespace == namespace
        ]
        return [complaint for complaint in found if complaint]

    def _gather(self) -> Evidence:
        now = self._clock()
        return Evidence(
            ended=now,
            epoch=time.time() - now,
            kube_acts=self.kube_tap.acts,
            vault_acts=self.vault_tap.acts,
            secrets=tuple(self._secrets),
            resources=tuple(self._resources),
            readiness=self.prober.seen,
            journal=self.journal.causes,
            leaks=self.canaries.leaks,
        )
