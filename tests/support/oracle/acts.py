"""What a request did, as far as its content tells: the facts beside a request log.

An act shares its `RequestHead` with the exchange of the proxy's log: the same
object, which is how the two are joined.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.support.oracle.fingerprints import Items
from tests.support.oracle.kubepaths import ObjectPath
from tests.support.requestlog import RequestHead


def _story() -> str:
    return os.environ.get("PYTEST_CURRENT_TEST", "")


@dataclass(frozen=True, slots=True)
class Act:
    """A request that reached its server. `who` is the fingerprint of its token."""

    head: RequestHead
    who: str
    at: float  # seconds, when it had arrived
    status: int | None = None  # None: nobody knows how it ended
    answered: float | None = None  # seconds
    story: str = field(default_factory=_story, compare=False)
    """The test that ran when it was last heard of."""

    @property
    def landed(self) -> bool:
        """Whether the server did what it was asked."""
        return self.status is not None and self.status in range(200, 300)

    @property
    def in_doubt(self) -> bool:
        """Whether the server may have done it, and no answer tells."""
        return self.status is None

    @property
    def done_at(self) -> float:
        """When it had certainly happened, if it did."""
        return self.at if self.answered is None else self.answered

    def __str__(self) -> str:
        answer = self.status or "no answer"
        what = f"{self.at:.3f} s: {self.head.method} {self.head.path} -> {answer}"
        return f"{what} ({self.story})" if self.story else what


@dataclass(frozen=True, slots=True)
class LeaseClaim:
    """What a write to the Lease of an election says."""

    holder: str  # "" gives it back
    seconds: float


@dataclass(frozen=True, slots=True)
class KubeAct(Act):
    """A write to the API server."""

    target: ObjectPath | None = None  # None: no object of an API
    base_version: str | None = None  # what it insists on; None: on nothing
    version: int | None = None  # of the object in the answer
    items: Items = field(default_factory=dict)  # what it sets in a Secret
    claim: LeaseClaim | None = None
    restarts: bool = False  # it makes a workload roll its Pods


@dataclass(frozen=True, slots=True)
class Issued:
    """A lease or a certificate that Vault gave out."""

    id: str  # of the lease; a certificate's serial number
    seconds: float
    items: Items  # each field of the credential
    is_certificate: bool = False


@dataclass(frozen=True, slots=True)
class Granted:
    """A token of Vault's, new or renewed."""

    token: str  # its fingerprint
    seconds: float  # 0: it does not end


@dataclass(frozen=True, slots=True)
class VaultAct(Act):
    """A request to Vault. `path` is what follows `/v1/`."""

    path: str = ""
    issued: Issued | None = None
    granted: Granted | None = None
    renewed: Mapping[str, float] = field(default_factory=dict)  # lease to seconds
    revoked: frozenset[str] = frozenset()  # leases and serial numbers
    revoked_prefix: str | None = None  # all leases below it
    ends_token: bool = False  # that of `who`, with all its leases
