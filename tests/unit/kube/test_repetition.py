"""What may be sent twice, declared for each operation and never by its method.

Nothing is repeated by itself. A server that acts and hangs up without an answer sees
each request once, and what its caller is told depends on the declaration: the call
failed (it may be repeated as it is), or its outcome is unknown (look first).
"""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import vso_controller.kube
from tests.unit.kube.servers import raw_server, read_request
from tests.unit.kube.worlds import (
    DIGEST_KEY,
    KEY,
    WIDGETS,
    SettableClock,
    settings,
)
from vso_controller.foundation.digest import digest_with
from vso_controller.foundation.errors import OperationFailed
from vso_controller.foundation.events import EventKind, EventSubject
from vso_controller.foundation.leases import LeaseRecord
from vso_controller.foundation.objects import Envelope, NewSecret, SecretPatch
from vso_controller.foundation.secret import SecretData
from vso_controller.kube.calls import Verb
from vso_controller.kube.decoding import EnvelopeDecoder, SecretDecoder
from vso_controller.kube.errors import AnswerLost, ConnectionFailed
from vso_controller.kube.events import EventRecorder
from vso_controller.kube.leases import Lease
from vso_controller.kube.listwatch import ResourceListWatch
from vso_controller.kube.secrets import Secrets
from vso_controller.kube.session import ApiSession, open_session
from vso_controller.kube.status import StatusWriter
from vso_controller.kube.tokens import ServiceAccountTokens

SEEN = Envelope(key=KEY, uid="uid-till", resource_version="7", generation=3)
RECORD = LeaseRecord("pod-a", 15.0, 0.0, 0.0, 1, "7")
NEW = NewSecret(key=KEY, type="Opaque", data=SecretData({}))
PATCH = SecretPatch(key=KEY, uid="uid-secret", resource_version="7")
YES, NO = True, False


def secrets(session: ApiSession) -> Secrets:
    return Secrets(
        session=session, decoder=SecretDecoder(digest=digest_with(DIGEST_KEY))
    )


def lease(session: ApiSession) -> Lease:
    return Lease(session=session, key=KEY)


def widgets(session: ApiSession) -> ResourceListWatch[Envelope]:
    return ResourceListWatch(
        session=session, resource=WIDGETS, decoder=EnvelopeDecoder()
    )


async def watch(session: ApiSession) -> None:
    async with widgets(session).watch(resource_version="7", timeout=60):
        pass


def tell(recorder: EventRecorder) -> None:
    about = EventSubject(WIDGETS, KEY, "uid-till")
    recorder.record(about, kind=EventKind.NORMAL, reason="Synced", message="well")


@dataclass(frozen=True)
class Operation:
    """One row: an operation of a module, and whether it may take effect twice."""

    module: str
    verb: Verb
    repeatable: bool
    run: Callable[[ApiSession], Awaitable[object]]

    def __str__(self) -> str:
        return f"{self.module}-{self.verb}"


OPERATIONS = [
    Operation("secrets", Verb.GET, YES, lambda session: secrets(session).read(KEY)),
    Operation(
        "secrets", Verb.GET, YES, lambda session: secrets(session).read_open(KEY)
    ),
    # The name is the fence, but who gets AlreadyExists must know whose it is.
    Operation("secrets", Verb.CREATE, NO, lambda session: secrets(session).create(NEW)),
    # The version is the fence: the second is a conflict with the first.
    Operation("secrets", Verb.PATCH, NO, lambda session: secrets(session).patch(PATCH)),
    # Of one uid and version, or of nothing.
    Operation(
        "secrets",
        Verb.DELETE,
        YES,
        lambda session: secrets(session).delete(KEY, uid="u", resource_version="7"),
    ),
    Operation(
        "status",
        Verb.GET,
        YES,
        lambda session: StatusWriter(session=session).current(WIDGETS, KEY),
    ),
    Operation(
        "status",
        Verb.PATCH,
        NO,
        lambda session: StatusWriter(session=session).write(WIDGETS, SEEN, {}),
    ),
    Operation("leases", Verb.GET, YES, lambda session: lease(session).read()),
    Operation("leases", Verb.CREATE, NO, lambda session: lease(session).create(RECORD)),
    Operation("leases", Verb.PATCH, NO, lambda session: lease(session).update(RECORD)),
    # A token that nobody received does no harm.
    Operation(
        "tokens",
        Verb.CREATE,
        YES,
        lambda session: ServiceAccountTokens(session=session).request_token(
            KEY, audiences=["vault"], expiration_seconds=600
        ),
    ),
    Operation(
        "listwatch",
        Verb.LIST,
        YES,
        lambda session: widgets(session).list_page(
            resource_version="", continue_token=""
        ),
    ),
    Operation("listwatch", Verb.WATCH, YES, watch),
]
DECLARED = {(row.module, row.verb, row.repeatable) for row in OPERATIONS} | {
    # A name is taken once, and a count is set, not added to. Who records an Event
    # hears of neither.
    ("events", Verb.CREATE, YES),
    ("events", Verb.PATCH, YES),
    # Reads what a withheld call would have changed, and raises nothing.
    ("intentions", Verb.GET, YES),
}


@dataclass
class HangsUp:
    """Takes requests in, answers the first `answered`, and hangs up on the rest."""

    answered: int = 0
    requests: list[bytes] = field(default_factory=list)

    async def __call__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while request := await read_request(reader):
            self.requests.append(request)
            if len(self.requests) > self.answered:
                return
            writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}")
            await writer.drain()


@pytest.mark.parametrize("row", OPERATIONS, ids=str)
async def test_operation_without_an_answer_is_sent_once(row: Operation) -> None:
    server = HangsUp()

    async with raw_server(server) as url, open_session(settings=settings(url)) as api:
        with pytest.raises(OperationFailed) as failed:
            await row.run(api)

    assert len(server.requests) == 1
    assert failed.type is (ConnectionFailed if row.repeatable else AnswerLost)


@pytest.mark.parametrize("answered", [0, 1], ids=["create", "count"])
async def test_event_without_an_answer_is_sent_once_and_dropped(answered: int) -> None:
    server = HangsUp(answered)

    async with raw_server(server) as url, open_session(settings=settings(url)) as api:
        recorder = EventRecorder(session=api, clock=SettableClock())
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(recorder.run())
            for _ in range(answered + 1):
                tell(recorder)
            await recorder.drain(within=5)
            sending.cancel()

    assert len(server.requests) == answered + 1
    assert recorder.dropped == 1


def test_every_call_of_the_package_is_in_the_table() -> None:
    """A new operation is declared here too, with the reason for its choice."""
    package = Path(next(iter(vso_controller.kube.__path__)))

    calls = {
        (module.stem, *_declaration(node))
        for module in package.glob("*.py")
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "Call"
    }

    assert calls == DECLARED


def _declaration(call: ast.Call) -> tuple[Verb, bool]:
    told = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
    return Verb[told["verb"].removeprefix("Verb.")], told["repeatable"] == "True"
