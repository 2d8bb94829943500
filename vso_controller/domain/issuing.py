"""Why credentials are issued, apart from the time that the last ones have.

What is asked of Vault is known by a keyed digest: an edit that changes nothing of it,
such as of `renewalPercent`, of labels or of workloads to restart, has nothing issued.
A status that upstream left has no such digest, and what it tells of is taken over as it
is, unless the spec was edited after upstream had looked.

Pure: everything a rule needs is a field of `Observed`, so `RULES` is the whole policy,
in order of precedence.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from vso_controller.domain.destination import Shape, lasting_data
from vso_controller.foundation import gojson
from vso_controller.foundation.objects import ObservedSecret


class IssueReason(StrEnum):
    """Why credentials are issued. The values appear in Events and in the log."""

    INITIAL = "InitialSync"
    REQUEST_CHANGED = "ResourceUpdated"
    """Something else is asked of Vault than what was issued."""
    TRANSFORMATION_CHANGED = "TransformationChanged"
    """What was issued is not kept, so it cannot be rendered again."""
    DESTINATION_MISSING = "InexistentDestination"
    """There is no Secret, or one of another type or name."""
    DATA_DRIFTED = "SecretDataDrift"
    """The Secret is not what was to be written: it never was, or somebody edited it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of Vault, and with whose identity."""

    auth: str  # the reference to the VaultAuth, as the spec has it
    namespace: str
    mount: str
    path: str
    method: str
    params: Mapping[str, str] = field(default_factory=dict, repr=False)

    def parts(self) -> dict[str, bytes]:
        """Return what to digest. With a key: params may be worth a guess."""
        return {
            "auth": self.auth.encode(),
            "namespace": self.namespace.strip("/").encode(),
            "place": gojson.dumps([self.mount.strip("/"), self.path.strip("/")]),
            "method": self.method.encode(),
            "params": gojson.dumps(dict(self.params)),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What is known of a resource without asking Vault."""

    generation: int
    synced_generation: int  # 0: nothing was issued yet
    asked: bytes  # digest of the question that was answered last; b"": none is kept
    question: bytes  # digest of the one that there is
    transformed_by: bytes = b""  # digest of the transformation that made it; b"": none
    transformation: bytes = b""  # digest of the one there is
    digest: bytes = b""  # of the data that was to be written; b"": none is kept
    shape: Shape
    secret: ObservedSecret | None


Rule = Callable[[Observed], bool]


def _asks_for_something_else(seen: Observed) -> bool:
    if not seen.asked:
        return seen.synced_generation != seen.generation
    return not hmac.compare_digest(seen.asked, seen.question)


def _is_transformed_otherwise(seen: Observed) -> bool:
    made_by = seen.transformed_by
    return bool(made_by) and not hmac.compare_digest(made_by, seen.transformation)


def _has_other_data(seen: Observed) -> bool:
    there = lasting_data(seen.shape, seen.secret)
    return bool(seen.digest) and not hmac.compare_digest(there, seen.digest)


RULES: tuple[tuple[IssueReason, Rule], ...] = (
    (IssueReason.INITIAL, lambda seen: seen.synced_generation == 0),
    (IssueReason.REQUEST_CHANGED, _asks_for_something_else),
    (IssueReason.TRANSFORMATION_CHANGED, _is_transformed_otherwise),
    (
        IssueReason.DESTINATION_MISSING,
        lambda seen: not lasting_data(seen.shape, seen.secret),
    ),
    (IssueReason.DATA_DRIFTED, _has_other_data),
)


def issue_reason(seen: Observed) -> IssueReason | None:
    """Return the first reason to have credentials issued; None: those there are do."""
    return next((reason for reason, applies in RULES if applies(seen)), None)
