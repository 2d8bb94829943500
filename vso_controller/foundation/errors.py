"""The roots of every error tree, named by what the caller may do next.

    OperationFailed
    ├── Transient           the same call may succeed later: back off
    │   ├── Throttled       the server said when: not before `retry_after`
    │   └── Parked          not now, and who says so wakes who asked
    ├── OutcomeUnknown      it may or may not have happened: look before repeating
    ├── Denied              the identity was refused: re-authenticate once, then report
    ├── Invalid             a person must change something first
    └── Gone                what was asked for is not there, or not any more

Each layer hangs its own tree below these roots and translates the exceptions
of its libraries where they enter.
"""

from __future__ import annotations

LOST_WAKE = 300.0
"""Seconds after which a parked key is looked at, should nobody have woken it."""


class OperationFailed(Exception):
    """An operation did not do what was asked. The message says what was tried."""


class Transient(OperationFailed):
    """The same call may succeed later."""


class Throttled(Transient):
    """The server asked for a rest of `retry_after` seconds."""

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Parked(Transient):
    """Nothing was asked for; whoever raised this wakes the key when it may ask.

    So it is neither to rest nor to be counted as failed. Should the wake be lost, it
    is looked at again after `look_again` seconds. `failure` is what the resource has
    to be told about; None: nothing went wrong, it waits for its turn.
    """

    def __init__(
        self,
        message: str,
        *,
        failure: OperationFailed | None = None,
        look_again: float = LOST_WAKE,
    ) -> None:
        super().__init__(message)
        self.failure = failure
        self.look_again = look_again

    def sooner(self, seconds: float | None) -> Parked:
        """Return the same, with a look after `seconds` if that is sooner."""
        look_again = self.look_again if seconds is None else seconds
        return Parked(
            str(self),
            failure=self.failure,
            look_again=min(look_again, self.look_again),
        )


class OutcomeUnknown(OperationFailed):
    """The call was sent and its answer lost: it may have taken effect."""


class Denied(OperationFailed):
    """The identity that asked was refused."""


class Invalid(OperationFailed):
    """The request can never succeed as it is: a person must change something."""


class Gone(OperationFailed):
    """What was asked for is not there, or not any more."""
