"""What the log says of reconciles that fail.

A key that fails is news once, and a key that goes on failing is none: ten thousand
resources on a dead Vault must not write ten thousand lines a minute. What goes on
is a matter for conditions and metrics.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable

import structlog

from vso_controller.foundation.errors import OperationFailed
from vso_controller.foundation.objects import ObjectKey

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class FailureLog:
    """Tells each way in which a key fails once, until the key has succeeded.

    The way is the type of the error: messages may carry figures that never repeat.
    Repetitions are told at debug level.
    """

    def __init__(self) -> None:
        # All that was told, not the last alone: failures may alternate.
        self._told: dict[ObjectKey, tuple[type[BaseException], ...]] = {}

    def __len__(self) -> int:
        """Return how many keys fail."""
        return len(self._told)

    def failed(self, key: ObjectKey, error: BaseException) -> None:
        """Tell that a reconcile of `key` ended in `error`."""
        told = self._told.get(key, ())
        way = type(error)
        if way in told:
            _tell(error, expected=log.debug, bug=log.debug)
        else:
            self._told[key] = (*told, way)
            _tell(error, expected=log.warning, bug=log.error)

    def succeeded(self, key: ObjectKey) -> None:
        """Tell that `key` no longer fails, if it did."""
        if self._told.pop(key, None) is not None:
            log.info("reconcile_recovered")


def _tell(
    error: BaseException, *, expected: Callable[..., None], bug: Callable[..., None]
) -> None:
    kind = type(error).__name__
    if isinstance(error, OperationFailed):
        expected("reconcile_failed", error_type=kind, error=str(error))
        return
    # Only the messages of our own errors are known to be free of secrets, so a bug
    # shows its lines of code and keeps its words.
    lines = "".join(traceback.format_tb(error.__traceback__))
    bug("reconcile_crashed", error_type=kind, traceback=lines)
