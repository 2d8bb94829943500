"""What a withheld call would have changed, compared with what is there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.fakes.kubernetes import FakeWrite
from tests.unit.kube.servers import ScriptedServer
from tests.unit.kube.worlds import (
    DIGEST_KEY,
    KEY,
    WIDGETS,
    kubernetes_secret,
    settings,
    widget,
)
from vso_controller.foundation.digest import digest_with
from vso_controller.foundation.intentions import Differences, Intention
from vso_controller.foundation.objects import Envelope, NewSecret, SecretPatch
from vso_controller.foundation.secret import Secret
from vso_controller.kube.decoding import SecretDecoder
from vso_controller.kube.errors import AlreadyExists
from vso_controller.kube.intentions import Intentions
from vso_controller.kube.secrets import ObservedSecrets, Secrets
from vso_controller.kube.session import ApiSession, open_session
from vso_controller.kube.status import StatusWriter
from vso_controller.runtime.observing import ObserverGate, Withheld, noting

NEW = NewSecret(
    key=KEY,
    type="kubernetes.io/basic-auth",
    data=Secret({"password": b"canary-new", "username": b"canary-user"}),
    labels={"app": "web"},
)
PATCH = SecretPatch(
    key=KEY,
    uid="uid-secret",
    resource_version="7",
    data=Secret({"password": b"canary-new", "username": b"app"}),
    removed_keys=frozenset({"token"}),
    labels={"team": None},
)


@pytest.fixture
def there(server: ScriptedServer) -> ScriptedServer:
    """A server with a Secret of password `old`, username `app` and a token."""
    data = {"password": "b2xk", "username": "YXBw", "token": "eA=="}
    return server.answer(kubernetes_secret(data, labels={"team": "db"}))


async def intention(
    server: ScriptedServer, session: ApiSession, step: NewSecret | SecretPatch | str
) -> Intention:
    """Return the intention of a write that a gate withholds."""
    before = len(server.seen)
    async with open_session(
        settings=settings(server.url), gate=ObserverGate()
    ) as fenced:
        secrets = Secrets(
            session=fenced, decoder=SecretDecoder(digest=digest_with(DIGEST_KEY))
        )
        with noting() as noted, pytest.raises(Withheld):
            await take(step, secrets)
    assert len(server.seen) == before
    return await Intentions(session=session, digest_key=DIGEST_KEY).describe(noted[0])


async def take(step: NewSecret | SecretPatch | str, secrets: Secrets) -> None:
    match step:
        case NewSecret():
            await secrets.create(step)
        case SecretPatch():
            await secrets.patch(step)
        case _:
            successor = NEW if step == "replace" else None
            await secrets.delete(
                KEY, uid="uid-secret", resource_version="7", successor=successor
            )


async def test_creation_adds_all(server: ScriptedServer, session: ApiSession) -> None:
    told = await intention(server, session, NEW)

    assert (told.verb, told.resource, told.key) == ("create", "secrets", KEY)
    assert told.differences == Differences(
        added=(
            "data/password",
            "data/username",
            "labels/app",
            "type=kubernetes.io/basic-auth",
        )
    )
    assert server.seen == [], "there is nothing to compare with"


@pytest.mark.parametrize("taken", [True, False])
async def test_creation_under_a_name_that_is_taken_is_refused_as_a_server_would(
    server: ScriptedServer, taken: bool
) -> None:
    if taken:
        server.answer(kubernetes_secret({}))
    else:
        server.refuse(404, "NotFound")

    async with open_session(
        settings=settings(server.url), gate=ObserverGate()
    ) as fenced:
        decoder = SecretDecoder(digest=digest_with(DIGEST_KEY))
        with pytest.raises(AlreadyExists if taken else Withheld):
            await ObservedSecrets(session=fenced, decoder=decoder).create(NEW)

    assert [seen.method for seen in server.seen] == ["GET"]


async def test_patch_is_compared_with_what_is_there(
    there: ScriptedServer, session: ApiSession
) -> None:
    told = await intention(there, session, PATCH)

    assert (told.verb, told.resource, told.key) == ("patch", "secrets", KEY)
    assert told.differences == Differences(
        changed=("data/password",), removed=("data/token", "labels/team")
    )
    assert [seen.method for seen in there.seen] == ["GET"]


async def test_replacement_tells_how_the_next_secret_differs(
    there: ScriptedServer, session: ApiSession
) -> None:
    told = await intention(there, session, "replace")

    assert told.verb == "delete"
    assert told.differences == Differences(
        added=("labels/app",),
        changed=("data/password", "data/username", "type=kubernetes.io/basic-auth"),
        removed=("data/token", "labels/team"),
    )


async def test_deletion_says_no_more_than_that(
    there: ScriptedServer, session: ApiSession
) -> None:
    told = await intention(there, session, "delete")

    assert (told.verb, told.differences) == ("delete", Differences())


async def test_no_value_is_shown(there: ScriptedServer, session: ApiSession) -> None:
    told = [await intention(there, session, step) for step in (NEW, PATCH, "replace")]

    assert "canary" not in repr(told)


async def test_another_value_of_the_same_key_is_another_intention(
    there: ScriptedServer, session: ApiSession
) -> None:
    first = await intention(there, session, PATCH)
    again = await intention(there, session, PATCH)
    newer = Secret({"password": b"canary-newer", "username": b"app"})
    other = await intention(there, session, replace(PATCH, data=newer))

    assert first == again
    assert first.differences == other.differences
    assert first != other


async def test_status_tells_conditions_and_is_the_same_a_second_later(
    server: ScriptedServer, session: ApiSession
) -> None:
    server.answer(widget(status={"valid": True}))

    first, second = [
        await _status_intention(server, session, f"2026-01-01T00:00:0{second}Z")
        for second in range(2)
    ]

    assert first.resource == "widgets/status"
    assert first.differences == Differences(
        added=("conditions/Ready=False(VaultSealed)",), removed=("status/valid",)
    )
    assert first == second
    assert server.seen[0].path.endswith("/widgets/till"), "not its status alone"


async def _status_intention(
    server: ScriptedServer, session: ApiSession, since: str
) -> Intention:
    seen = Envelope(key=KEY, uid="uid-till", resource_version="7", generation=3)
    condition = {
        "type": "Ready",
        "status": "False",
        "reason": "VaultSealed",
        "lastTransitionTime": since,
    }
    async with open_session(
        settings=settings(server.url), gate=ObserverGate()
    ) as fenced:
        with noting() as noted, pytest.raises(Withheld):
            await StatusWriter(session=fenced).write(
                WIDGETS, seen, {"conditions": [condition], "valid": None}
            )
    return await Intentions(session=session, digest_key=DIGEST_KEY).describe(noted[0])


async def test_what_cannot_be_read_is_told_without_comparing(
    server: ScriptedServer, session: ApiSession
) -> None:
    server.refuse(403, "Forbidden")

    told = await intention(server, session, PATCH)

    assert told == Intention("patch", "secrets", KEY, None)


async def test_write_to_somebody_else_than_kubernetes_is_told_by_its_name(
    session: ApiSession,
) -> None:
    issue = FakeWrite("issue", "database/creds", KEY)

    told = await Intentions(session=session, digest_key=DIGEST_KEY).describe(issue)

    assert told == Intention("issue", "database/creds", KEY, None)
