"""The oracle: from the record of a run to a number for each invariant.

It runs when all is over and asks nobody. The whole of it is the table `CHECKS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from tests.support.oracle.case import Case
from tests.support.oracle.contents import mixed, regressed
from tests.support.oracle.convergence import stalled, unconverged
from tests.support.oracle.evidence import Bounds, Evidence
from tests.support.oracle.fence import unfenced
from tests.support.oracle.idling import idle
from tests.support.oracle.issuing import surplus, unrevoked
from tests.support.oracle.leaks import leaked
from tests.support.oracle.leasing import expired_in_use, orphaned
from tests.support.oracle.report import Invariant, Report, Violation
from tests.support.oracle.restarts import miscounted
from tests.support.oracle.retries import unrested
from tests.support.oracle.touching import touched

Check = Callable[[Case], Iterable[Violation]]

CHECKS: Mapping[Invariant, Check] = {
    Invariant.CONVERGENCE: unconverged,
    Invariant.NO_REGRESSION: regressed,
    Invariant.NO_ORPHANS: orphaned,
    Invariant.NO_EXPIRY_IN_USE: expired_in_use,
    Invariant.NO_SURPLUS: surplus,
    Invariant.WHOLE_SECRETS: mixed,
    Invariant.NOTHING_FOREIGN: touched,
    Invariant.ONE_RESTART: miscounted,
    Invariant.FENCE: unfenced,
    Invariant.REVOCATIONS: unrevoked,
    Invariant.NO_LEAK: leaked,
    Invariant.NO_SILENT_STALL: stalled,
    Invariant.BOUNDED_RETRIES: unrested,
    Invariant.NO_IDLE_WRITES: idle,
}


def examine(evidence: Evidence, bounds: Bounds | None = None) -> Report:
    """Return every breach of every invariant in the record of a run."""
    case = Case(evidence, bounds or Bounds())
    return Report(violation for check in CHECKS.values() for violation in check(case))
