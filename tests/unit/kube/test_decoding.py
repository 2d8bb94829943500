from __future__ import annotations

import json
import sys
from base64 import b64encode

import pytest

from tests.unit.kube.servers import refusal
from tests.unit.kube.worlds import DIGEST_KEY, KEY, kubernetes_secret, widget
from vso_controller.foundation.digest import digest_of, digest_with
from vso_controller.foundation.listwatch import EventType, WatchEvent
from vso_controller.foundation.objects import Envelope, ObjectKey, OwnerReference
from vso_controller.kube import errors
from vso_controller.kube.decoding import (
    LAST_APPLIED,
    EnvelopeDecoder,
    OpenSecretDecoder,
    SecretDecoder,
    secret_data,
    watch_event,
)

ENVELOPES = EnvelopeDecoder()
OPEN_SECRETS = OpenSecretDecoder()
SECRETS = SecretDecoder(digest=digest_with(DIGEST_KEY))


def printed(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def event(kind: str, document: object) -> WatchEvent[Envelope]:
    line = printed({"type": kind, "object": document})
    return watch_event(line, ENVELOPES, call="watch widgets")


def test_metadata_is_decoded_and_the_rest_stays_as_it_came() -> None:
    document = widget(status={"phase": "Ready"}) | {"unknown": {"x": [1]}}
    owner = {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u", "x": True}
    metadata = {
        "name": "till",
        "namespace": "shop",
        "uid": "uid-till",
        "resourceVersion": "7",
        "generation": 3,
        "labels": {"a": "b"},
        "annotations": {LAST_APPLIED: "{}", "note": "x"},
        "ownerReferences": [owner],
        "finalizers": ["keep"],
        "deletionTimestamp": "2026-01-01T00:00:00Z",
        "managedFields": [{"manager": "kubectl"}],
    }

    envelope = ENVELOPES.item(printed(document | {"metadata": metadata}))

    assert envelope == Envelope(
        key=KEY,
        uid="uid-till",
        resource_version="7",
        generation=3,
        spec=b'{"size":1.0}',
        status=b'{"phase":"Ready"}',
        labels={"a": "b"},
        annotations={"note": "x"},
        owners=(OwnerReference("v1", "Pod", "p", "u"),),
        finalizers=("keep",),
        deleting=True,
    )


@pytest.mark.parametrize("absent", [{}, {"spec": None, "status": None}])
def test_absent_spec_and_status_are_empty(absent: dict[str, None]) -> None:
    document = {"metadata": {"name": "till", "resourceVersion": "7"}, **absent}

    envelope = ENVELOPES.item(printed(document))

    assert (envelope.spec, envelope.status) == (b"", b"")
    assert envelope.key == ObjectKey("", "till")


def test_page_brings_items_version_and_where_to_go_on() -> None:
    metadata = {"resourceVersion": "90", "continue": "more"}
    document = {"metadata": metadata, "items": [widget("a"), widget("b")]}

    page = ENVELOPES.page(printed(document))

    assert [item.key.name for item in page.items] == ["a", "b"]
    assert (page.resource_version, page.continue_token) == ("90", "more")


def test_last_page_may_have_no_items_at_all() -> None:
    page = ENVELOPES.page(b'{"metadata": {"resourceVersion": "90"}, "items": null}')

    assert page.items == ()
    assert page.continue_token == ""


def test_kept_item_does_not_keep_its_page() -> None:
    page = printed({"metadata": {"resourceVersion": "9"}, "items": [widget()]})
    holders = sys.getrefcount(page)

    kept = ENVELOPES.page(page).items[0]

    assert kept.spec
    assert sys.getrefcount(page) == holders


def test_secret_keeps_a_digest_and_the_names_of_its_values() -> None:
    data = {"user": b"admin", "password": b"canary"}
    encoded = {name: b64encode(value).decode() for name, value in data.items()}
    document = kubernetes_secret(
        encoded, annotations={LAST_APPLIED: "canary", "note": "x"}
    )

    secret = SECRETS.item(printed(document | {"immutable": True}))

    assert secret.digest == digest_of(data, DIGEST_KEY.reveal())
    assert secret.data_keys == {"user", "password"}
    assert secret.annotations == {"note": "x"}
    assert secret.immutable
    assert "canary" not in repr(secret)


def test_opened_secret_keeps_its_values_where_nobody_sees_them() -> None:
    document = kubernetes_secret({"key": "Y2FuYXJ5"})
    page = {"metadata": {"resourceVersion": "9"}, "items": [document]}

    (secret,) = OPEN_SECRETS.page(printed(page)).items

    assert secret == OPEN_SECRETS.item(printed(document))
    assert secret.data.reveal() == {"key": b"canary"}
    assert "canary" not in repr(secret)


def test_secret_without_data_has_the_digest_of_none() -> None:
    document = {"metadata": {"name": "till", "resourceVersion": "7"}, "data": None}

    secret = SECRETS.item(printed(document))

    assert secret.digest == digest_of({}, DIGEST_KEY.reveal())
    assert secret.type == "Opaque"


def test_page_of_secrets_is_decoded() -> None:
    items = [kubernetes_secret({"a": "eA=="})]
    document = {"metadata": {"resourceVersion": "90"}, "items": items}

    page = SECRETS.page(printed(document))

    assert [item.data_keys for item in page.items] == [{"a"}]


def test_values_of_one_secret_travel_unprintable() -> None:
    data = secret_data(printed(kubernetes_secret({"password": "Y2FuYXJ5"})))

    assert data.reveal() == {"password": b"canary"}
    assert "canary" not in repr(data)


@pytest.mark.parametrize("kind", ["ADDED", "MODIFIED", "DELETED"])
def test_event_carries_its_item_and_version(kind: str) -> None:
    seen = event(kind, widget(version="8"))

    assert seen.type is EventType(kind)
    assert seen.resource_version == "8"
    assert seen.item is not None
    assert seen.item.key == KEY


def test_bookmark_carries_a_version_and_no_item() -> None:
    seen = event("BOOKMARK", {"kind": "Widget", "metadata": {"resourceVersion": "8"}})

    assert seen == WatchEvent(EventType.BOOKMARK, "8")


@pytest.mark.parametrize(
    ("annotations", "is_end"),
    [
        ({"k8s.io/initial-events-end": "true"}, True),
        ({"k8s.io/initial-events-end": "false"}, False),
        ({"another": "true"}, False),
        (None, False),
    ],
)
def test_bookmark_may_end_the_initial_events(
    annotations: dict[str, str] | None, is_end: bool
) -> None:
    metadata = {"resourceVersion": "8", "annotations": annotations}

    assert event("BOOKMARK", {"metadata": metadata}).ends_initial_events is is_end


@pytest.mark.parametrize(
    ("code", "error"),
    [(410, errors.Expired), (500, errors.ServerFailed), (0, errors.ServerFailed)],
)
def test_error_event_is_raised_as_what_its_code_means(
    code: int, error: type[Exception]
) -> None:
    with pytest.raises(error, match=r"watch widgets: .* too old"):
        event("ERROR", refusal(code, "Expired", "too old resource version"))


def test_error_event_without_a_status_is_a_failed_server() -> None:
    with pytest.raises(errors.ServerFailed):
        event("ERROR", "whatever")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"type": "ADDED"}',
        b'{"type": "ADDED", "object": {}}',
        b'{"type": "ADDED", "object": {"metadata": {"name": "a"}}}',
        b'{"type": "BOOKMARK", "object": {"metadata": {}}}',
        b'{"type": "RENAMED", "object": {}}',
        b'{"type": "ADDED", "object": ' + b"[" * 100_000,
        b'{"type": "ADDED", "object": {"metadata": {"name": "\xff"}}}',
    ],
    ids=[
        "nothing",
        "no JSON",
        "no object",
        "nothing in it",
        "no metadata",
        "no version",
        "bookmark of nothing",
        "unknown type",
        "too deep",
        "no UTF-8",
    ],
)
def test_line_that_is_no_event_is_a_reason_to_list(line: bytes) -> None:
    with pytest.raises(errors.UnreadableEvent, match="watch widgets"):
        watch_event(line, ENVELOPES, call="watch widgets")


def test_unreadable_secret_is_not_quoted() -> None:
    document = kubernetes_secret({"password": "canary!"})

    with pytest.raises(errors.UnreadableAnswer) as raised:
        SECRETS.item(printed(document))

    assert "canary" not in str(raised.value)
