"""Status, Leases and token requests: small writers, one fence each."""

from __future__ import annotations

import pytest

from tests.unit.kube.servers import ScriptedServer
from tests.unit.kube.worlds import KEY, WIDGETS, widget
from vso_controller.foundation.leases import LeaseChanged, LeaseRecord
from vso_controller.foundation.objects import Envelope, ObjectKey
from vso_controller.kube.errors import AlreadyExists, Conflict, UnreadableAnswer
from vso_controller.kube.leases import Lease
from vso_controller.kube.session import ApiSession
from vso_controller.kube.status import StatusWriter
from vso_controller.kube.tokens import ServiceAccountTokens

SEEN = Envelope(key=KEY, uid="uid-till", resource_version="7", generation=3)
RECORD = LeaseRecord(
    holder="pod-a",
    duration=14.5,
    acquired=1_750_000_000.25,
    renewed=1_750_000_001.5,
    transitions=2,
    resource_version="7",
)
SPEC = {
    "holderIdentity": "pod-a",
    "leaseDurationSeconds": 15,
    "acquireTime": "2025-06-15T15:06:40.250000Z",
    "renewTime": "2025-06-15T15:06:41.500000Z",
    "leaseTransitions": 2,
}
STORED_LEASE = {"metadata": {"name": "leader", "resourceVersion": "8"}, "spec": SPEC}
ACCOUNT = ObjectKey("shop", "clerk")


async def test_status_is_merged_into_the_version_that_was_seen(
    server: ScriptedServer, session: ApiSession
) -> None:
    server.answer(widget(version="8", status={"phase": "Ready"}))

    written = await StatusWriter(session=session).write(
        WIDGETS, SEEN, {"phase": "Ready", "error": None}
    )

    assert written.resource_version == "8"
    assert written.status == b'{"phase": "Ready"}'
    path = "/apis/ex.io/v1/namespaces/shop/widgets/till/status"
    assert (server.seen[0].method, server.seen[0].path) == ("PATCH", path)
    assert server.seen[0].document == {
        "metadata": {"uid": "uid-till", "resourceVersion": "7"},
        "status": {"phase": "Ready", "error": None},
    }


async def test_status_of_another_version_is_a_conflict(
    server: ScriptedServer, session: ApiSession
) -> None:
    server.refuse(409, "Conflict")

    with pytest.raises(Conflict):
        await StatusWriter(session=session).write(WIDGETS, SEEN, {})


async def test_resource_is_read_as_it_is_now(
    server: ScriptedServer, session: ApiSession
) -> None:
    server.answer(widget(version="8"))

    now = await StatusWriter(session=session).current(WIDGETS, KEY)

    assert now is not None
    assert now.resource_version == "8"
    path = "/apis/ex.io/v1/namespaces/shop/widgets/till"
    assert (server.seen[0].method, server.seen[0].path) == ("GET", path)


async def test_resource_that_is_gone_is_none(
    server: ScriptedServer, session: ApiSession
) -> None:
    server.refuse(404, "NotFound")

    assert await StatusWriter(session=session).current(WIDGETS, KEY) is None


@pytest.fixture
def lease(session: ApiSession) -> Lease:
    return Lease(session=session, key=ObjectKey("vault", "leader"))


async def test_lease_that_is_not_there_is_none(
    server: ScriptedServer, lease: Lease
) -> None:
    server.refuse(404, "NotFound")

    assert await lease.read() is None


async def test_lease_is_read(server: ScriptedServer, lease: Lease) -> None:
    server.answer(STORED_LEASE)

    read = await lease.read()

    assert read == LeaseRecord(
        holder="pod-a",
        duration=15.0,
        acquired=1_750_000_000.25,
        renewed=1_750_000_001.5,
        transitions=2,
        resource_version="8",
    )


@pytest.mark.parametrize("spec", [{}, {"spec": {"holderIdentity": None}}])
async def test_lease_that_nobody_holds_has_no_holder(
    server: ScriptedServer, lease: Lease, spec: dict[str, object]
) -> None:
    server.answer({"metadata": {"resourceVersion": "8"}, **spec})

    read = await lease.read()

    assert read == LeaseRecord("", 0.0, 0.0, 0.0, 0, "8")


async def test_lease_is_created_with_times_in_utc(
    server: ScriptedServer, lease: Lease
) -> None:
    server.answer(STORED_LEASE, status=201)

    created = await lease.create(RECORD)

    assert created.resource_version == "8"
    path = "/apis/coordination.k8s.io/v1/namespaces/vault/leases"
    assert (server.seen[0].method, server.seen[0].path) == ("POST", path)
    assert server.seen[0].document == {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "leader", "namespace": "vault"},
        "spec": SPEC,
    }


async def test_lease_that_somebody_created_first_is_told(
    server: ScriptedServer, lease: Lease
) -> None:
    server.refuse(409, "AlreadyExists")

    with pytest.raises(AlreadyExists):
        await lease.create(RECORD)


async def test_lease_is_updated_on_the_version_it_was_read_at(
    server: ScriptedServer, lease: Lease
) -> None:
    server.answer(STORED_LEASE)

    await lease.update(RECORD)

    assert server.seen[0].document == {
        "metadata": {"resourceVersion": "7"},
        "spec": SPEC,
    }


@pytest.mark.parametrize(
    ("code", "reason"), [(409, "Conflict"), (404, "NotFound")], ids=["changed", "gone"]
)
async def test_lease_that_is_not_what_was_read_is_told(
    server: ScriptedServer, lease: Lease, code: int, reason: str
) -> None:
    server.refuse(code, reason)

    with pytest.raises(LeaseChanged):
        await lease.update(RECORD)


async def test_lease_with_a_time_that_is_none_is_unreadable(
    server: ScriptedServer, lease: Lease
) -> None:
    spec = {"renewTime": "yesterday"}
    server.answer({"metadata": {"resourceVersion": "8"}, "spec": spec})

    with pytest.raises(UnreadableAnswer):
        await lease.read()


async def test_token_is_requested_for_its_audience(
    server: ScriptedServer, session: ApiSession
) -> None:
    server.answer({"status": {"token": "canary"}}, status=201)

    token = await ServiceAccountTokens(session=session).request_token(
        ACCOUNT, audiences=["vault"], expiration_seconds=600
    )

    assert token.reveal() == "canary"
    path = "/api/v1/namespaces/shop/serviceaccounts/clerk/token"
    assert server.seen[0].path == path
    assert server.seen[0].document == {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"audiences": ["vault"], "expirationSeconds": 600},
    }


async def test_answer_without_a_token_is_unreadable(
    server: ScriptedServer, session: ApiSession
) -> None:
    server.answer({"status": {}}, status=201)

    with pytest.raises(UnreadableAnswer, match="shop/clerk"):
        await ServiceAccountTokens(session=session).request_token(
            ACCOUNT, audiences=[], expiration_seconds=600
        )
