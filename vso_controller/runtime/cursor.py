"""Where a reflector stands in the history of its server, and how it goes on.

Pure bookkeeping, without time or I/O. It promises that nothing older than what was
seen is ever believed, but for a server whose history began anew (a restored
backup), which must say so twice.
"""

from __future__ import annotations

import structlog

from vso_controller.foundation.errors import (
    Gone,
    OperationFailed,
    Throttled,
    Transient,
)
from vso_controller.foundation.listwatch import VersionTooLarge
from vso_controller.runtime.versions import is_older

NEWEST = ""  # asks for the newest state there is

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class Cursor:
    """The place in the history of one list."""

    def __init__(self, *, name: str) -> None:
        self._name = name  # of the list, for messages
        self.version = ""
        """The newest the server told of, "" before it did."""
        self.must_list = True
        """Whether a whole list is needed before a watch can go on."""
        # The newest state is the truth as of now, but costs the server most.
        self._asks_newest = True
        # The newest state was older than `version`, once.
        self._doubts = False
        # The server said, once, that it has not come to `version`.
        self._is_ahead = False

    @property
    def list_version(self) -> str:
        """The version that a list must ask for: not older than this, or `NEWEST`."""
        return NEWEST if self._asks_newest else self.version

    def listed(self, version: str, *, asked: str) -> bool:
        """Stand at `version`, the list of which is here; `asked` was asked for.

        Return whether the server's history began anew. Raises Transient for a list
        that must not be believed.
        """
        restarted = self._went_back(version, asked)
        # Later pages may be newer; what they tell too early, the watch tells again.
        self.version = version
        self.must_list = False
        self._asks_newest = False
        self._doubts = False
        self._is_ahead = False
        return restarted

    def accepted(self) -> None:
        """Note that the server took up a watch from here: it has come this far."""
        self._is_ahead = False

    def told(self, version: str) -> None:
        """Stand at `version`, of which a watch told. Raises Gone if that is older."""
        if is_older(version, self.version):
            # Events come in the order of their versions. If these do not, some may
            # be missing and others may be of objects long gone: ask for the whole.
            raise Gone(
                f"the watch of {self._name} went back from version "
                f"{self.version} to {version}"
            )
        self.version = version or self.version

    def failed(self, error: OperationFailed) -> None:
        """Learn from a list or a watch that failed how to go on."""
        if isinstance(error, VersionTooLarge):
            self._wait_or_ask_newest()
        elif not isinstance(error, Throttled) and self.must_list:
            # Whatever went wrong, the next answer shall not depend on our version:
            # it may be compacted.
            self._asks_newest = True
        if isinstance(error, Gone):
            self.must_list = True

    def _wait_or_ask_newest(self) -> None:
        """Give the server one more chance to catch up.

        One that never does may have a history that began anew, and the newest state
        is neither behind nor dependent on what was before.
        """
        if self._is_ahead:
            self.must_list = True
            self._asks_newest = True
        self._is_ahead = not self._is_ahead

    def _went_back(self, version: str, asked: str) -> bool:
        """Return whether the server's history began anew.

        A list that is older than what was seen comes from a server that lags
        behind, so it is refused (Transient); when the newest state there is was
        asked for, and twice, it is a restored backup and the truth.
        """
        if not is_older(version, self.version):
            return False
        if asked == NEWEST and self._doubts:
            log.warning("history_restarted", reflector=self._name, version=version)
            return True
        self._doubts = asked == NEWEST
        raise Transient(
            f"the list of {self._name} is of version {version}, "
            f"older than {self.version} which was seen before"
        )
