from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from tests.unit.kube.servers import ScriptedServer, raw_server, read_request
from tests.unit.kube.worlds import KEY, WIDGETS, Door, Identity, NotLeading, settings
from vso_controller.foundation.objects import ResourceType
from vso_controller.kube.calls import Call, Verb, object_target
from vso_controller.kube.errors import (
    AlreadyExists,
    AnswerLost,
    Conflict,
    ConnectionFailed,
    ServerFailed,
    Unauthorized,
)
from vso_controller.kube.session import ApiSession, open_session

TARGET = object_target(WIDGETS, KEY)
READ = Call(verb=Verb.GET, target=TARGET, repeatable=True)
REPLACE = Call(verb=Verb.UPDATE, target=TARGET, repeatable=False, body=b"{}")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@dataclass
class Dropper:
    """Answers the first `answered` requests, and hangs up on the rest."""

    answered: int
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0

    async def __call__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connections += 1
        while request := await read_request(reader):
            self.requests.append(request)
            if len(self.requests) > self.answered:
                return
            writer.write(OK)
            await writer.drain()


@asynccontextmanager
async def session_to_dropper(dropper: Dropper) -> AsyncIterator[ApiSession]:
    async with (
        raw_server(dropper) as url,
        open_session(settings=settings(url)) as session,
    ):
        yield session


@pytest.mark.parametrize("call", [READ, REPLACE], ids=["GET", "PUT"])
async def test_request_on_a_dropped_connection_arrives_once(call: Call) -> None:
    dropper = Dropper(answered=0)

    async with session_to_dropper(dropper) as session:
        with pytest.raises((ConnectionFailed, AnswerLost)):
            await session.request(call)

    assert len(dropper.requests) == 1


@pytest.mark.parametrize("call", [READ, REPLACE], ids=["GET", "PUT"])
async def test_request_on_a_reused_connection_that_drops_arrives_once(
    call: Call,
) -> None:
    dropper = Dropper(answered=1)

    async with session_to_dropper(dropper) as session:
        await session.request(READ)
        with pytest.raises((ConnectionFailed, AnswerLost)):
            await session.request(call)

    assert len(dropper.requests) == 2
    assert dropper.connections == 1


async def test_lost_answer_of_a_repeatable_call_is_transient() -> None:
    async with session_to_dropper(Dropper(answered=0)) as session:
        with pytest.raises(ConnectionFailed, match="get widgets shop/till"):
            await session.request(READ)


async def test_lost_answer_of_another_call_leaves_the_outcome_unknown() -> None:
    async with session_to_dropper(Dropper(answered=0)) as session:
        with pytest.raises(AnswerLost, match="update widgets shop/till"):
            await session.request(REPLACE)


async def test_call_that_reached_nobody_did_no_harm() -> None:
    async with raw_server(Dropper(answered=0)) as url:
        address = url

    async with open_session(settings=settings(address)) as session:
        with pytest.raises(ConnectionFailed):
            await session.request(REPLACE)


async def test_answer_that_never_comes_ends_at_the_deadline(
    server: ScriptedServer, session: ApiSession
) -> None:
    silence = asyncio.Event()
    server.stream(b"{", until=silence)
    call = Call(verb=Verb.CREATE, target=TARGET, repeatable=False, timeout=0.5)

    with pytest.raises(AnswerLost, match=r"no answer within 0\.5 s"):
        await session.request(call)

    silence.set()


async def test_closed_gate_lets_nothing_out(server: ScriptedServer) -> None:
    server.answer({})

    async with open_session(
        settings=settings(server.url), gate=Door(open=False)
    ) as session:
        with pytest.raises(NotLeading):
            await session.request(REPLACE)

    assert server.seen == []


async def test_closed_gate_is_not_asked_about_what_changes_nothing(
    server: ScriptedServer,
) -> None:
    server.answer({})
    accounts = ResourceType("", "v1", "serviceaccounts", "ServiceAccount")
    token = object_target(accounts, KEY, "token")

    async with open_session(
        settings=settings(server.url), gate=Door(open=False)
    ) as session:
        await session.request(READ)
        await session.request(Call(verb=Verb.CREATE, target=token, repeatable=True))

    assert [seen.method for seen in server.seen] == ["GET", "POST"]


async def test_what_may_not_leave_takes_no_connection() -> None:
    dropper = Dropper(answered=9)

    async with (
        raw_server(dropper) as url,
        open_session(settings=settings(url), gate=Door(open=False)) as session,
    ):
        with pytest.raises(NotLeading, match="update widgets shop/till"):
            await session.request(REPLACE)
        await session.request(READ)

    assert dropper.connections == 1


async def test_leadership_lost_while_waiting_for_the_pool_stops_the_request() -> None:
    arrived, proceed = asyncio.Event(), asyncio.Event()
    requests: list[bytes] = []
    door = Door()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await read_request(reader):
            requests.append(request)
            arrived.set()
            await proceed.wait()
            writer.write(OK)

    async with (
        raw_server(slow) as url,
        open_session(settings=settings(url), gate=door, connections=1) as session,
        asyncio.TaskGroup() as group,
    ):
        first = group.create_task(session.request(REPLACE))
        await arrived.wait()
        second = group.create_task(_refused(session))
        await asyncio.sleep(0)  # it now waits for the one connection there is

        door.open = False
        proceed.set()

        assert await first == b"{}", "what had left before is answered"
        assert isinstance(await second, NotLeading)
    assert len(requests) == 1


async def _refused(session: ApiSession) -> BaseException:
    with pytest.raises(NotLeading) as refused:
        await session.request(REPLACE)
    return refused.value


async def test_call_that_waited_for_the_pool_in_vain_was_not_sent() -> None:
    arrived, proceed = asyncio.Event(), asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        arrived.set()
        await proceed.wait()
        writer.write(OK)

    waiting = Call(
        verb=Verb.UPDATE, target=TARGET, repeatable=False, body=b"{}", timeout=0.05
    )

    async with (
        raw_server(slow) as url,
        open_session(settings=settings(url), connections=1) as session,
        asyncio.TaskGroup() as group,
    ):
        group.create_task(session.request(REPLACE))
        await arrived.wait()
        with pytest.raises(ConnectionFailed):
            await session.request(waiting)
        proceed.set()


async def test_refused_token_is_read_again_and_the_call_repeated(
    server: ScriptedServer,
) -> None:
    server.refuse(401).answer({"done": True})
    identity = Identity(["Bearer old", "Bearer new"])

    async with open_session(settings=settings(server.url, identity)) as session:
        answer = await session.request(REPLACE)

    assert answer == b'{"done": true}'
    assert [seen.headers["Authorization"] for seen in server.seen] == [
        "Bearer old",
        "Bearer new",
    ]


async def test_token_refused_twice_is_reported(
    server: ScriptedServer, session: ApiSession
) -> None:
    server.refuse(401, "Unauthorized", "who are you")

    with pytest.raises(Unauthorized, match="who are you"):
        await session.request(READ)

    assert len(server.seen) == 2


async def test_largest_secret_there_can_be_is_sent_whole() -> None:
    received: list[bytes] = []
    body = b"x" * 1_500_000
    call = Call(verb=Verb.CREATE, target=TARGET, repeatable=False, body=body)

    async def receive(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        received.append(await read_request(reader))
        writer.write(OK)

    async with (
        raw_server(receive) as url,
        open_session(settings=settings(url)) as session,
    ):
        await session.request(call)

    assert received[0].endswith(b"\r\n\r\n" + body)
    assert b"Content-Length: 1500000\r\n" in received[0]


async def test_refusal_is_translated(
    server: ScriptedServer, session: ApiSession
) -> None:
    server.refuse(409, "Conflict", "the object has been modified")

    with pytest.raises(
        Conflict, match="update widgets shop/till: 409 the object has been modified"
    ):
        await session.request(REPLACE)


async def test_long_refusal_is_read_to_its_end(
    server: ScriptedServer, session: ApiSession
) -> None:
    server.refuse(409, "AlreadyExists", "x" * 500_000)

    with pytest.raises(AlreadyExists):
        await session.request(REPLACE)


async def test_refusal_without_end_is_known_by_its_code(
    server: ScriptedServer, session: ApiSession
) -> None:
    server.stream(*[b"x" * 65_536] * 32, status=409)

    with pytest.raises(Conflict, match=r": 409$"):
        await session.request(REPLACE)


async def test_redirect_is_not_followed(
    server: ScriptedServer, session: ApiSession
) -> None:
    server.answer({}, status=307, Location=f"{server.url}/elsewhere")

    with pytest.raises(ServerFailed):
        await session.request(READ)

    assert len(server.seen) == 1


async def test_answer_without_end_is_not_read_to_its_end(
    server: ScriptedServer, session: ApiSession
) -> None:
    server.answer(b"x" * 2_000)
    call = Call(verb=Verb.GET, target=TARGET, repeatable=True, largest_answer=1_000)

    with pytest.raises(ConnectionFailed, match="more than 1000 bytes"):
        await session.request(call)


async def test_request_says_who_asks_and_takes_plain_json(
    server: ScriptedServer, session: ApiSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    server.answer({})

    await session.request(REPLACE)

    headers = server.seen[0].headers
    assert headers["User-Agent"].startswith("vso-controller/")
    assert headers["Accept"] == "application/json"
    assert headers["Accept-Encoding"] == "identity"
    assert headers["Content-Type"] == "application/json"


async def test_server_below_a_path_is_reached(server: ScriptedServer) -> None:
    server.answer({})

    async with open_session(settings=settings(f"{server.url}/k8s/one")) as session:
        await session.request(READ)

    path = "/k8s/one/apis/ex.io/v1/namespaces/shop/widgets/till"
    assert server.seen[0].path == path


async def test_stream_yields_the_lines_and_ends_with_the_answer(
    server: ScriptedServer, session: ApiSession
) -> None:
    server.stream(b"one\ntw", b"o\n\nthree\n")

    async with session.stream(READ) as lines:
        assert [line async for line in lines] == [b"one", b"two", b"three"]


async def test_stream_that_falls_silent_ends_at_its_deadline(
    server: ScriptedServer, session: ApiSession
) -> None:
    silence = asyncio.Event()
    server.stream(b"one\n", until=silence)
    call = Call(verb=Verb.WATCH, target=TARGET, repeatable=True, timeout=0.5)

    async with session.stream(call) as lines:
        assert await anext(lines) == b"one"
        with pytest.raises(ConnectionFailed, match="deadline"):
            await anext(lines)

    silence.set()


async def test_stream_that_breaks_is_a_failed_connection() -> None:
    async def breaking(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\none\n")
        await writer.drain()

    async with (
        raw_server(breaking) as url,
        open_session(settings=settings(url)) as session,
        session.stream(READ) as lines,
    ):
        with pytest.raises(ConnectionFailed):
            assert [line async for line in lines] == [b"one"]


async def test_stream_left_early_frees_its_connection(server: ScriptedServer) -> None:
    held = asyncio.Event()
    server.stream(b"one\n", until=held).answer({})

    async with open_session(settings=settings(server.url), connections=1) as session:
        async with session.stream(READ) as lines:
            await anext(lines)
        answer = await session.request(READ)

    held.set()
    assert answer == b"{}"


async def test_refused_stream_is_translated(
    server: ScriptedServer, session: ApiSession
) -> None:
    server.refuse(500, "InternalError")

    with pytest.raises(ServerFailed):
        async with session.stream(READ):
            pytest.fail("a refused stream has no lines")


async def test_stream_that_reaches_nobody_is_a_failed_connection() -> None:
    async with raw_server(Dropper(answered=0)) as url:
        address = url

    async with open_session(settings=settings(address)) as session:
        with pytest.raises(ConnectionFailed):
            async with session.stream(READ):
                pytest.fail("there is nobody to stream from")
