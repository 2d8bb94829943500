from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from tests.unit.reconcilers.world import AUTH
from vso_controller.credentials.loginresults import LoginRecord, LoginResults
from vso_controller.foundation.errors import OperationFailed, Parked
from vso_controller.foundation.objects import Envelope, ObjectKey
from vso_controller.vault.errors import LoginRefused, ServerUnreachable

VAULT_AUTH = Envelope(AUTH, "uid-of-auth", "1", 1)


@dataclass
class FakeSession:
    """A session whose token ends at some time, or that has none."""

    ends: float | None = None


@dataclass
class Told:
    """Results, and how often somebody was told of another one."""

    wakes: list[ObjectKey] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.results = LoginResults(wake=self.wakes.append)

    def record(self, namespace: str = "apps") -> LoginRecord:
        return self.results.begin(VAULT_AUTH, ObjectKey(namespace, "session"))

    @property
    def failed(self) -> str | None:
        """Whose login failed, "" if nobody's, None before the first."""
        latest = self.results.latest(VAULT_AUTH)
        return None if latest is None else latest.namespace


def use(
    record: LoginRecord, session: FakeSession, error: OperationFailed | None = None
) -> None:
    """Use a session once."""
    with suppress(OperationFailed), record.noting(session):
        if error is not None:
            raise error


def test_session_without_a_token_tells_nothing() -> None:
    told = Told()

    use(told.record(), FakeSession())
    use(told.record(), FakeSession(), ServerUnreachable("no route"))

    assert (told.failed, told.wakes) == (None, [])


def test_token_that_is_left_says_nothing_of_the_login_that_failed() -> None:
    told, session = Told(), FakeSession(ends=60)
    record = told.record()
    use(record, session)
    use(record, session, LoginRefused("no such role"))
    told.wakes.clear()

    use(record, session)
    use(record, session, Parked("it waits for a turn"))
    use(record, session, LoginRefused("no such role"))

    assert (told.failed, told.wakes) == ("apps", [])
    session.ends = 3600
    use(record, session)
    assert (told.failed, told.wakes) == ("", [AUTH])


def test_each_other_result_is_told_once() -> None:
    told, session = Told(), FakeSession()
    record = told.record()

    for message in ("first", "first", "second"):
        use(record, session, LoginRefused(message))

    assert told.wakes == [AUTH, AUTH]


def test_namespaces_that_fail_together_take_no_turns() -> None:
    told = Told()
    for namespace in ("b", "a", "c"):
        use(told.record(namespace), FakeSession(), LoginRefused("no such role"))
    told.wakes.clear()

    for namespace in ("c", "b", "a", "b"):
        use(told.record(namespace), FakeSession(), LoginRefused("no such role"))

    assert (told.failed, told.wakes) == ("a", [])


@pytest.mark.parametrize("namespaces", [["a"], ["a", "b"]])
def test_ended_sessions_count_no_more(namespaces: list[str]) -> None:
    told = Told()
    failing = told.record("a")
    use(failing, FakeSession(), LoginRefused("no such role"))
    for namespace in namespaces[1:]:
        use(told.record(namespace), FakeSession(ends=60))
    told.wakes.clear()

    failing.end()
    failing.end()

    assert told.failed == ("" if namespaces[1:] else None)
    assert told.wakes == ([AUTH] if namespaces[1:] else [])


def test_session_that_nobody_uses_tells_nothing_until_somebody_does_again() -> None:
    told, session = Told(), FakeSession(ends=60)
    record = told.record()
    record.end()

    use(record, session)
    use(record, session, LoginRefused("no such role"))
    assert (told.failed, told.wakes) == (None, [])
    record.resume()
    use(record, session, LoginRefused("no such role"))

    assert (told.failed, told.wakes) == ("apps", [AUTH])


def test_results_are_of_one_generation() -> None:
    told = Told()
    use(told.record(), FakeSession(ends=60))
    edited = Envelope(AUTH, "uid-of-auth", "2", 2)

    assert told.results.latest(edited) is None
