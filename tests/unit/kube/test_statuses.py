from __future__ import annotations

import json

import pytest

from tests.unit.kube.servers import refusal
from vso_controller.foundation.errors import OperationFailed, Throttled
from vso_controller.foundation.listwatch import VersionTooLarge
from vso_controller.kube import errors
from vso_controller.kube.statuses import (
    LONGEST_QUOTE,
    LONGEST_REST,
    Status,
    failure,
    read_status,
)

CALL = "create secrets in shop"


def failed(
    code: int, reason: str = "", message: str = "", retry_after: str = ""
) -> OperationFailed:
    status = read_status(json.dumps(refusal(code, reason, message)).encode())
    return failure(CALL, status, code=code, retry_after=retry_after)


@pytest.mark.parametrize(
    ("code", "reason", "error"),
    [
        (301, "", errors.ServerFailed),
        (400, "BadRequest", errors.Unprocessable),
        (401, "Unauthorized", errors.Unauthorized),
        (403, "Forbidden", errors.Forbidden),
        (404, "NotFound", errors.NotFound),
        (405, "MethodNotAllowed", errors.Unprocessable),
        (408, "Timeout", errors.ServerFailed),
        (409, "Conflict", errors.Conflict),
        (409, "AlreadyExists", errors.AlreadyExists),
        (410, "Expired", errors.Expired),
        (413, "RequestEntityTooLarge", errors.Unprocessable),
        (422, "Invalid", errors.Unprocessable),
        (429, "TooManyRequests", errors.TooManyRequests),
        (500, "InternalError", errors.ServerFailed),
        (503, "ServiceUnavailable", errors.ServerFailed),
        (504, "Timeout", errors.ServerFailed),
    ],
)
def test_code_and_reason_decide_the_error(
    code: int, reason: str, error: type[OperationFailed]
) -> None:
    assert type(failed(code, reason)) is error


def test_namespace_that_terminates_is_told_apart() -> None:
    document = refusal(403, "Forbidden", "it is being terminated") | {
        "details": {"causes": [{"reason": "NamespaceTerminating", "field": "x"}]}
    }

    error = failure(CALL, read_status(json.dumps(document).encode()), code=403)

    assert type(error) is errors.NamespaceTerminating


@pytest.mark.parametrize(("told", "rest"), [(3, 3.0), (0, 1.0)])
def test_version_the_server_has_not_come_to_is_told_apart(
    told: int, rest: float
) -> None:
    document = refusal(504, "Timeout", "Too large resource version: 9, current: 7") | {
        "details": {
            "causes": [{"reason": "ResourceVersionTooLarge"}],
            "retryAfterSeconds": told,
        }
    }

    error = failure(CALL, read_status(json.dumps(document).encode()), code=504)

    assert isinstance(error, VersionTooLarge)
    assert error.retry_after == rest


def test_message_says_what_was_tried_and_what_the_server_said() -> None:
    error = failed(403, "Forbidden", 'secrets is forbidden:\n user "x" cannot')

    assert str(error) == f'{CALL}: 403 secrets is forbidden: user "x" cannot'


def test_words_of_the_server_are_cut() -> None:
    error = failed(403, "Forbidden", "x" * 10_000)

    assert len(str(error)) == len(f"{CALL}: 403 ") + LONGEST_QUOTE


def test_unreadable_request_is_not_quoted_back() -> None:
    error = failed(400, "BadRequest", 'error found in #10 byte of "canary"')

    assert str(error) == f"{CALL}: 400 BadRequest"


def test_refusal_of_a_webhook_is_shown() -> None:
    error = failed(400, "", 'admission webhook "policy" denied the request: no')

    assert str(error).endswith("denied the request: no")


@pytest.mark.parametrize(
    ("header", "rest"),
    [("5", 5.0), ("", 1.0), ("soon", 1.0), ("²", 1.0), ("9" * 400, LONGEST_REST)],
    ids=["seconds", "none", "no number", "no ASCII", "forever"],
)
def test_throttled_call_rests_as_long_as_it_was_told(header: str, rest: float) -> None:
    error = failed(429, retry_after=header)

    assert isinstance(error, Throttled)
    assert error.retry_after == rest


def test_rest_may_be_told_in_the_details() -> None:
    document = b'{"code": 504, "details": {"retryAfterSeconds": 3}}'

    error = failure(CALL, read_status(document), code=504)

    assert isinstance(error, errors.ServerBusy)
    assert error.retry_after == 3


def test_busy_server_is_a_failed_one_that_says_when() -> None:
    error = failed(503, retry_after="7")

    assert isinstance(error, errors.ServerFailed)
    assert isinstance(error, Throttled)


@pytest.mark.parametrize(
    "document",
    [b"", b"<html>", b"[]", b'{"code": "x"}', b'{"message": null}', b"\xff"],
)
def test_answer_that_is_no_status_says_nothing(document: bytes) -> None:
    assert read_status(document) == Status()
