"""The log of a proxy, and how tests choose from it."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.recorder import Recorder, Recording
from tests.support.requestlog import (
    BodySeen,
    Forward,
    RequestHead,
    RequestLog,
    faulted,
    from_agent,
    to_resource,
)

LIST = RequestHead(
    method="GET",
    path="/api/v1/secrets",
    query="limit=500",
    user_agent="vso-controller/1",
    is_authorized=True,
)
WATCH = replace(LIST, query="resourceVersion=42&watch=1")
UPDATE = replace(LIST, method="PUT", path="/api/v1/namespaces/a/secrets/b", query="")
HEARTBEAT = replace(
    UPDATE, path="/apis/coordination.k8s.io/v1/namespaces/a/leases/leader"
)
BY_HAND = replace(UPDATE, user_agent="kubectl/v1.37")


class Hands:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def recorder(clock: Hands) -> Recorder:
    return Recorder(clock=clock)


def test_a_request_is_logged_before_it_is_answered(recorder: Recorder) -> None:
    recorder.begin(WATCH)

    (open_watch,) = recorder.requests
    assert open_watch.head == WATCH
    assert open_watch.status is None
    assert open_watch.duration is None


def test_a_complete_exchange_tells_how_it_went(
    recorder: Recorder, clock: Hands
) -> None:
    recording = recorder.begin(UPDATE)
    recording.add_to_request(b"question")
    recording.end_request()
    recording.begin_answer(201)
    recording.add_to_answer(b"answer")
    clock.time = 1.5
    recording.end()

    (exchange,) = recorder.requests
    assert exchange.status == 201
    assert exchange.duration == 1.5
    assert exchange.failure == ""
    assert exchange.request_body == body(b"question")
    assert exchange.answer_body == body(b"answer")


def test_a_cut_exchange_tells_why(recorder: Recorder) -> None:
    recorder.begin(UPDATE).end(failure="the server is gone")

    assert recorder.requests[0].failure == "the server is gone"


@pytest.mark.parametrize(
    ("head", "sent", "version"),
    [
        pytest.param(WATCH, b"", "42", id="of the query"),
        pytest.param(
            UPDATE, b'{"metadata": {"resourceVersion": "43"}}', "43", id="of the body"
        ),
        pytest.param(LIST, b"", None, id="none"),
    ],
)
def test_the_version_a_request_names_is_kept(
    recorder: Recorder, head: RequestHead, sent: bytes, version: str | None
) -> None:
    recording = recorder.begin(head)
    recording.add_to_request(sent)
    recording.end_request()

    assert recorder.requests[0].resource_version == version


def test_what_the_server_did_is_told_apart_from_what_the_client_got(
    recorder: Recorder, clock: Hands
) -> None:
    recording = recorder.begin(UPDATE)
    recording.faulted("swallow")
    recording.forwarded()
    clock.time = 1.0
    recording.forwarded()
    recording.answered(201)
    recording.end(failure="swallowed")

    (exchange,) = recorder.requests
    assert exchange.status is None
    assert exchange.forwards == (Forward(0.0), Forward(1.0, 201))
    assert exchange.was_forwarded
    assert exchange.faults == ("swallow",)


def test_a_request_that_was_kept_from_the_server_says_so(recorder: Recorder) -> None:
    recorder.begin(UPDATE).begin_answer(500)

    assert not recorder.requests[0].was_forwarded


def test_a_mark_divides_what_came_before_from_what_comes_after(
    recorder: Recorder,
) -> None:
    recorder.begin(LIST)
    mark = recorder.mark()
    recorder.begin(UPDATE)

    assert heads(recorder.since(mark)) == [UPDATE]
    assert heads(recorder.requests) == [LIST, UPDATE]


def test_a_log_that_was_taken_does_not_change(recorder: Recorder) -> None:
    taken = recorder.requests
    recorder.begin(LIST)

    assert not taken


def test_choices_can_be_chained(recorder: Recorder) -> None:
    for head in (LIST, WATCH, UPDATE, HEARTBEAT):
        recorder.begin(head)
    recorder.begin(BY_HAND).faulted("delay")
    log = recorder.requests

    assert heads(log.writes()) == [UPDATE, HEARTBEAT, BY_HAND]
    assert heads(log.watches()) == [WATCH]
    assert heads(log.where(from_agent("kubectl"))) == [BY_HAND]
    assert heads(log.writes().excluding(to_resource("leases"))) == [UPDATE, BY_HAND]
    assert heads(log.where(faulted)) == [BY_HAND]
    assert heads(log[1:3]) == [WATCH, UPDATE]


def test_a_log_prints_one_line_for_each_request(recorder: Recorder) -> None:
    recorder.begin(LIST).begin_answer(200)
    recorder.begin(UPDATE).end(failure="the server is gone")
    recording = recorder.begin(BY_HAND)
    recording.faulted("teapot")
    recording.begin_answer(418)

    assert repr(recorder.requests).splitlines() == [
        "RequestLog:",
        "GET /api/v1/secrets -> 200",
        "PUT /api/v1/namespaces/a/secrets/b -> the server is gone",
        "PUT /api/v1/namespaces/a/secrets/b -> 418 [teapot]",
    ]


@given(st.lists(st.binary()))
def test_a_body_is_the_same_however_it_was_cut(chunks: list[bytes]) -> None:
    recording = Recording(head=UPDATE, clock=Hands())
    for chunk in chunks:
        recording.add_to_answer(chunk)

    assert recording.exchange().answer_body == body(b"".join(chunks))


def body(content: bytes) -> BodySeen:
    return BodySeen(size=len(content), sha256=hashlib.sha256(content).hexdigest())


def heads(log: RequestLog) -> list[RequestHead]:
    return [exchange.head for exchange in log]
