"""The evidence of a run, put in the order in which the checks ask for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import TypeVar

from tests.support.oracle.acts import Act, KubeAct
from tests.support.oracle.claims import destination_of
from tests.support.oracle.evidence import Bounds, Evidence
from tests.support.oracle.history import History
from tests.support.oracle.journal import (
    ConditionExpected,
    CredentialWanted,
    Due,
    LeaseEnded,
    Source,
    ValueWritten,
)
from tests.support.oracle.leases import LeaseLife, lives_of
from tests.support.oracle.records import Ref, ResourceSeen, SecretSeen
from tests.support.requestlog import Exchange

C = TypeVar("C", ValueWritten, ConditionExpected, Due, CredentialWanted, LeaseEnded)


class Case:
    """One run before the oracle: the evidence, the bounds, and what follows at once."""

    def __init__(self, evidence: Evidence, bounds: Bounds) -> None:
        self.evidence = evidence
        self.bounds = bounds
        self.secrets = History[SecretSeen](evidence.secrets)
        self.resources = History[ResourceSeen](evidence.resources)

    def causes(self, kind: type[C]) -> list[C]:
        """Return the entries of the journal that are of one kind."""
        return [each for each in self.evidence.journal if isinstance(each, kind)]

    @cached_property
    def written(self) -> dict[Source, list[ValueWritten]]:
        """All versions of each entry, in order."""
        found: dict[Source, list[ValueWritten]] = defaultdict(list)
        for each in self.causes(ValueWritten):
            found[each.source].append(each)
        return dict(found)

    @cached_property
    def leases(self) -> tuple[LeaseLife, ...]:
        """Every lease and certificate that was issued."""
        return lives_of(self.evidence.vault_acts, self.causes(LeaseEnded))

    @cached_property
    def secret_writes(self) -> dict[Ref, list[KubeAct]]:
        """The controller's writes to each Secret that were not refused."""
        found: dict[Ref, list[KubeAct]] = defaultdict(list)
        for act in self.evidence.kube_acts:
            target = act.target
            if target is None or target.plural != "secrets" or target.group:
                continue
            if act.landed or act.in_doubt:
                found[Ref("Secret", target.namespace, target.name)].append(act)
        return dict(found)

    def is_ours(self, seen: SecretSeen) -> bool:
        """Whether the controller wrote this version of a Secret.

        An act without an answer is taken for it when what it set is what is seen.
        """
        writes = self.secret_writes.get(seen.ref, ())
        # A creation without an answer went to the collection, under no name.
        nameless = self.secret_writes.get(replace(seen.ref, name=""), ())
        return any(
            act.version == seen.version
            if act.landed
            else act.at <= seen.at and _explains(act, seen)
            for act in (*writes, *nameless)
        )

    def claims_to(self, secret: Ref) -> Iterator[ResourceSeen]:
        """Yield every version of every resource that names a Secret as its own."""
        yield from self._claims.get(secret, ())

    def claims_at(self, secret: Ref, when: float) -> list[ResourceSeen]:
        """Return the claims to a Secret about this time.

        Resources and Secrets are watched on two connections: which of two changes
        came first is known only to within the slack.
        """
        early, late = when - self.bounds.slack, when + self.bounds.slack
        return [
            claim
            for claim in self.claims_to(secret)
            if claim.at <= late and self._end_of(claim) >= early
        ]

    def delivered(self, act: Act) -> bool:
        """Whether the answer reached the client, as far as the proxy's log tells."""
        exchange = self._exchanges.get(id(act.head))
        if exchange is None:
            return True
        return not exchange.failure and exchange.status == act.status

    @cached_property
    def _claims(self) -> dict[Ref, list[ResourceSeen]]:
        found: dict[Ref, list[ResourceSeen]] = defaultdict(list)
        for each in self.evidence.resources:
            destination = None if each.gone else destination_of(each)
            if destination is not None:
                found[destination.secret].append(each)
        return dict(found)

    @cached_property
    def _ends(self) -> dict[tuple[Ref, int], float]:
        return {
            (ref, span.seen.version): span.end
            for ref in self.resources.refs
            for span in self.resources.spans(ref)
        }

    def _end_of(self, seen: ResourceSeen) -> float:
        return self._ends[seen.ref, seen.version]

    @cached_property
    def _exchanges(self) -> dict[int, Exchange]:
        # An act has the very head of its exchange: equal ones may be many.
        logs = (self.evidence.kube_log, self.evidence.vault_log)
        return {id(one.head): one for log in logs for one in log}


def _explains(act: KubeAct, seen: SecretSeen) -> bool:
    return bool(act.items) and act.items.items() <= seen.items.items()
