"""What came of the logins by each VaultAuth, as its consumers find out.

Nobody logs in to find out. Of each session the last result counts: that Vault let it
in, or what it or Kubernetes refused. A Vault that did not answer is no result. Who
reports of a VaultAuth is woken when there is something else to say of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from vso_controller.domain.reasons import Refusal
from vso_controller.foundation.errors import OperationFailed
from vso_controller.foundation.objects import Envelope, ObjectKey
from vso_controller.vault.errors import CredentialsMissing, LoginRefused

_OF_A_LOGIN = (CredentialsMissing, LoginRefused, Refusal)
"""What keeps a session from having a token, until somebody does something."""

Wake = Callable[[ObjectKey], None]
"""Has a VaultAuth looked at soon. Must neither block nor raise."""


class Session(Protocol):
    """A session, as far as it tells of logins."""

    @property
    def ends(self) -> float | None:
        """When its token ends; None: it has none."""
        ...


@dataclass(frozen=True, slots=True)
class LoginResult:
    """What there is to say of the logins by a VaultAuth."""

    namespace: str = ""  # whose login failed; "": none did
    failure: OperationFailed | None = None

    def says(self) -> tuple[str, str]:
        """Return what tells it from another result."""
        return self.namespace, str(self.failure or "")


_SUCCEEDED = LoginResult()

_Made = tuple[str, int]
"""The uid and the generation of a VaultAuth."""


class LoginRecord:
    """The results of one session."""

    def __init__(
        self, *, results: LoginResults, auth: Envelope, session: ObjectKey
    ) -> None:
        self._results = results
        self._auth = auth
        self._session = session
        # The end of the token that was left when a login failed. It may be used until
        # then, which says nothing of the next login.
        self._left: float | None = None
        # Whether nobody uses the session: leases may hang on what it renews then.
        self._is_over = False

    @contextmanager
    def noting(self, session: Session) -> Iterator[None]:
        """Take note of what the use of `session` in the block says of its login."""
        try:
            yield
        except _OF_A_LOGIN as error:
            self._left = session.ends
            self._note(LoginResult(self._session.namespace, error))
            raise
        except OperationFailed:
            self._note_token(session)
            raise
        else:
            self._note_token(session)

    def resume(self) -> None:
        """Learn that somebody uses the session, if again."""
        self._is_over = False

    def end(self) -> None:
        """Learn that nobody uses the session any more: it tells nothing from now on."""
        self._is_over = True
        self._results.forget(self._auth, self._session)

    def _note_token(self, session: Session) -> None:
        if session.ends not in {None, self._left}:
            self._note(_SUCCEEDED)

    def _note(self, result: LoginResult) -> None:
        if not self._is_over:
            self._results.note(self._auth, self._session, result)


class LoginResults:
    """See the module docstring. Lives on one event loop, and never waits."""

    def __init__(self, *, wake: Wake) -> None:
        self._wake = wake
        self._results: dict[_Made, dict[ObjectKey, LoginResult]] = {}

    def begin(self, auth: Envelope, session: ObjectKey) -> LoginRecord:
        """Return the record of a session that logs in by `auth`."""
        return LoginRecord(results=self, auth=auth, session=session)

    def latest(self, auth: Envelope) -> LoginResult | None:
        """Return what there is to say of the logins by `auth`, None before the first.

        It is a failure as long as one session fails: that of the first namespace.
        """
        results = self._results.get(_made(auth), {}).values()
        failed = (each for each in results if each.failure is not None)
        return min(failed, key=LoginResult.says, default=next(iter(results), None))

    def note(self, auth: Envelope, session: ObjectKey, result: LoginResult) -> None:
        """Take in what came of the login of a session."""
        before = self.latest(auth)
        self._results.setdefault(_made(auth), {})[session] = result
        self._tell(auth, before)

    def forget(self, auth: Envelope, session: ObjectKey) -> None:
        """Forget the result of a session. It is no error that there is none."""
        before = self.latest(auth)
        results = self._results.get(_made(auth), {})
        results.pop(session, None)
        if results:
            self._tell(auth, before)
        else:
            # Nobody is left to tell anything else: what was said last stays.
            self._results.pop(_made(auth), None)

    def _tell(self, auth: Envelope, before: LoginResult | None) -> None:
        now = self.latest(auth)
        if now is not None and (before is None or before.says() != now.says()):
            self._wake(auth.key)


def _made(auth: Envelope) -> _Made:
    return auth.uid, auth.generation
