"""The roots of every error tree, named by what the caller may do next.

    OperationFailed
    ├── Transient           the same call may succeed later: back off
    │   └── Throttled       the server said when: not before `retry_after`
    ├── OutcomeUnknown      it may or may not have happened: look before repeating
    ├── Denied              the identity was refused: re-authenticate once, then report
    ├── Invalid             a person must change something first
    └── Gone                what was asked for is not there, or not any more

Each layer hangs its own tree below these roots and translates the exceptions
of its libraries where they enter.
"""

from __future__ import annotations


class OperationFailed(Exception):
    """An operation did not do what was asked. The message says what was tried."""


class Transient(OperationFailed):
    """The same call may succeed later."""


class Throttled(Transient):
    """The server asked for a rest of `retry_after` seconds."""

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class OutcomeUnknown(OperationFailed):
    """The call was sent and its answer lost: it may have taken effect."""


class Denied(OperationFailed):
    """The identity that asked was refused."""


class Invalid(OperationFailed):
    """The request can never succeed as it is: a person must change something."""


class Gone(OperationFailed):
    """What was asked for is not there, or not any more."""
