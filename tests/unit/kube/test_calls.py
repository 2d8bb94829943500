from __future__ import annotations

import pytest

from tests.unit.kube.worlds import KEY, WIDGETS
from vso_controller.foundation.objects import ObjectKey, ResourceType
from vso_controller.kube.calls import Call, Target, Verb, object_target
from vso_controller.kube.errors import Unprocessable

SECRETS = ResourceType(group="", version="v1", plural="secrets", kind="Secret")


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (Target(SECRETS), "/api/v1/secrets"),
        (Target(SECRETS, "shop"), "/api/v1/namespaces/shop/secrets"),
        (
            object_target(SECRETS, ObjectKey("shop", "till")),
            "/api/v1/namespaces/shop/secrets/till",
        ),
        (
            object_target(WIDGETS, KEY, "status"),
            "/apis/ex.io/v1/namespaces/shop/widgets/till/status",
        ),
        (object_target(WIDGETS, ObjectKey("", "till")), "/apis/ex.io/v1/widgets/till"),
        (
            object_target(SECRETS, ObjectKey("a/b", "c?d#e%2e ü")),
            "/api/v1/namespaces/a%2Fb/secrets/c%3Fd%23e%252e%20%C3%BC",
        ),
    ],
    ids=["all", "in a namespace", "one", "subresource", "cluster-scoped", "hostile"],
)
def test_path_of_a_target(target: Target, path: str) -> None:
    assert target.path == path


@pytest.mark.parametrize("name", [".", ".."])
def test_segment_that_a_router_resolves_is_refused(name: str) -> None:
    target = object_target(SECRETS, ObjectKey("shop", name))

    with pytest.raises(Unprocessable):
        _ = target.path


def test_object_without_a_name_is_not_its_collection() -> None:
    with pytest.raises(Unprocessable):
        object_target(SECRETS, ObjectKey("shop", ""))


def test_query_is_quoted() -> None:
    call = Call(
        verb=Verb.LIST,
        target=Target(SECRETS),
        repeatable=True,
        query={"labelSelector": "a in (b,c),d=e f"},
    )

    query = "labelSelector=a%20in%20%28b%2Cc%29%2Cd%3De%20f"
    assert call.path_and_query == f"/api/v1/secrets?{query}"


@pytest.mark.parametrize(
    ("target", "text"),
    [
        (Target(SECRETS), "get secrets"),
        (Target(SECRETS, "shop"), "get secrets in shop"),
        (object_target(WIDGETS, KEY, "status"), "get widgets/status shop/till"),
    ],
    ids=["all", "in a namespace", "subresource"],
)
def test_call_reads_as_verb_and_target(target: Target, text: str) -> None:
    assert str(Call(verb=Verb.GET, target=target, repeatable=True)) == text


@pytest.mark.parametrize("verb", Verb)
def test_call_that_is_no_reading_is_a_write(verb: Verb) -> None:
    call = Call(verb=verb, target=object_target(WIDGETS, KEY), repeatable=True)

    assert call.is_write == (verb not in {Verb.GET, Verb.LIST, Verb.WATCH})


def test_token_that_is_created_is_stored_nowhere() -> None:
    accounts = ResourceType("", "v1", "serviceaccounts", "ServiceAccount")
    token = object_target(accounts, KEY, "token")

    assert not Call(verb=Verb.CREATE, target=token, repeatable=True).is_write
    account = object_target(accounts, KEY)
    assert Call(verb=Verb.CREATE, target=account, repeatable=True).is_write


@pytest.mark.parametrize(
    ("verb", "target", "body"),
    [
        (Verb.PATCH, object_target(WIDGETS, KEY, "status"), b"{}"),
        (Verb.CREATE, Target(WIDGETS, KEY.namespace), b'{"metadata":{"name":"till"}}'),
    ],
    ids=["named in the path", "named in the body"],
)
def test_call_knows_what_it_is_about(verb: Verb, target: Target, body: bytes) -> None:
    assert Call(verb=verb, target=target, repeatable=True, body=body).key == KEY


def test_call_shows_its_body_to_nobody() -> None:
    call = Call(
        verb=Verb.DELETE,
        target=Target(SECRETS),
        repeatable=False,
        body=b"canary",
        successor=b"canary",
    )

    assert "canary" not in repr(call)
    assert "canary" not in str(call)
