from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from prometheus_client import generate_latest
from structlog.testing import capture_logs

from tests.unit.reconcilers.world import (
    CONNECTION,
    CONNECTION_SPEC,
    DESTINATION,
    PROBE_REST,
    RESOURCE,
    World,
    certificate,
)
from vso_controller.domain.destination import OPAQUE
from vso_controller.foundation.errors import OperationFailed, Parked
from vso_controller.foundation.listwatch import EventType, WatchEvent
from vso_controller.foundation.objects import ObjectKey, ObservedSecret
from vso_controller.kube.errors import Forbidden
from vso_controller.runtime.gate import NotLeading
from vso_controller.runtime.ports import Outcome
from vso_controller.vault.errors import (
    AddressNotAllowed,
    ServerUnreachable,
    TlsVerificationFailed,
)
from vso_controller.vault.requests import Operation

pytestmark = pytest.mark.looptime

CA_SECRET = ObjectKey("apps", "vault-ca")
WITH_CA = CONNECTION_SPEC | {"caCertSecretRef": "vault-ca"}


async def probe(world: World) -> Outcome:
    return await world.connection.reconcile(CONNECTION, 0)


async def fail(world: World) -> None:
    with pytest.raises(OperationFailed):
        await probe(world)


async def probe_until_open(world: World) -> None:
    await probe(world)
    await asyncio.sleep(PROBE_REST)
    await probe(world)


def told(world: World, condition: str) -> tuple[str, str, str]:
    return world.condition(world.connections, CONNECTION, condition)


def put_ca(world: World, **data: bytes) -> None:
    world.kubernetes.put(ObservedSecret(CA_SECRET, "uid", "1", OPAQUE, b""), data)


async def test_vault_that_serves_is_valid_and_ready() -> None:
    world = World().in_order()

    await probe(world)

    assert world.conditions(world.connections, CONNECTION) == {
        "VaultPing": "True",
        "ResourceValidation": "True",
        "Healthy": "True",
        "Ready": "True",
    }
    assert world.status(world.connections, CONNECTION)["valid"] is True
    assert [each.reason for each in world.kubernetes.told] == ["Accepted"]


async def test_vault_is_asked_again_and_again_without_a_write() -> None:
    world = World().in_order()
    outcome = await probe(world)
    writes = world.kubernetes.writes
    assert outcome.requeue_after is not None
    assert 0 < outcome.requeue_after <= 60

    await asyncio.sleep(outcome.requeue_after)
    await probe(world)

    assert world.kubernetes.writes == writes
    assert len(world.kubernetes.told) == 1
    assert len(world.clients) == 1


async def test_sealed_vault_is_valid_but_not_ready() -> None:
    world = World().in_order()
    world.vault.sealed = True

    await probe(world)

    assert world.status(world.connections, CONNECTION)["valid"] is True
    assert told(world, "Healthy")[0] == "True"
    assert told(world, "Ready")[:2] == ("False", "VaultSealed")
    assert told(world, "VaultPing")[0] == "True"


async def test_vault_that_was_never_initialized_is_not_ready() -> None:
    world = World().in_order()
    world.vault.initialized = False
    world.vault.sealed = True

    await probe(world)

    assert told(world, "Ready")[:2] == ("False", "VaultNotInitialized")


async def test_connection_on_its_way_out_is_let_go() -> None:
    world = World().in_order()
    await probe(world)
    envelope = world.connections.get(CONNECTION)
    assert envelope is not None
    version = world.kubernetes.next_version()
    leaving = replace(envelope, deleting=True, resource_version=version)
    world.connections.apply(WatchEvent(EventType.MODIFIED, version, leaving))

    assert await probe(world) == Outcome()

    assert world.vault.closed == 1


async def test_unsealed_vault_wakes_those_who_are_parked_and_nobody_else() -> None:
    world = World().in_order()
    world.vault.sealed = True
    await probe_until_open(world)
    with pytest.raises(Parked):
        await world.static_secret.reconcile(RESOURCE, 0)
    world.woken.clear()

    world.vault.sealed = False
    await asyncio.sleep(PROBE_REST)
    await probe(world)

    assert told(world, "Ready")[0] == "True"
    assert world.woken == [RESOURCE]
    await world.static_secret.reconcile(RESOURCE, 0)
    assert world.kubernetes.values[DESTINATION]["password"] == b"s3cret"


async def test_vault_that_does_not_serve_is_asked_every_five_seconds() -> None:
    world = World().in_order()
    world.vault.sealed = True
    await probe_until_open(world)
    asked = world.vault.calls[Operation.SEAL_STATUS]

    for _ in range(60):  # a minute, with somebody who wakes the key every second
        outcome = await probe(world)
        assert outcome.requeue_after is not None
        assert 0 < outcome.requeue_after <= PROBE_REST
        await asyncio.sleep(1)

    assert 11 <= world.vault.calls[Operation.SEAL_STATUS] - asked <= 12


async def test_vault_that_was_never_down_is_asked_by_whoever_wakes_the_key() -> None:
    world = World().in_order()

    for _ in range(3):
        await probe(world)

    assert world.vault.calls[Operation.SEAL_STATUS] == 3


async def test_vault_that_still_serves_wakes_nobody() -> None:
    world = World().in_order()
    await probe(world)
    world.woken.clear()

    await probe(world)

    assert world.woken == []


async def test_unreachable_vault_is_not_valid() -> None:
    world = World().in_order()
    world.vault.failures[Operation.SEAL_STATUS] = ServerUnreachable("refused")

    await probe(world)

    assert world.status(world.connections, CONNECTION)["valid"] is False
    assert told(world, "VaultPing")[:2] == ("False", "InvalidConfiguration")
    assert told(world, "Healthy")[:2] == ("False", "Unhealthy")
    assert told(world, "Ready") == ("False", "VaultUnreachable", "refused")


async def test_conditions_of_a_past_failure_do_not_stay() -> None:
    world = World().in_order()
    world.put(world.connections, CONNECTION, WITH_CA)
    await fail(world)
    assert told(world, "VaultClient")[0] == "False"

    world.put(world.connections, CONNECTION, CONNECTION_SPEC)
    await probe(world)

    assert "VaultClient" not in world.conditions(world.connections, CONNECTION)


async def test_missing_ca_secret_is_told_and_found_later() -> None:
    world = World().in_order()
    world.put(world.connections, CONNECTION, WITH_CA)

    await fail(world)
    assert told(world, "Ready")[:2] == ("False", "CACertificateUnavailable")

    put_ca(world, **{"ca.pem": b"wrong key"})
    await fail(world)
    assert "has no key 'ca.crt'" in told(world, "Ready")[2]

    put_ca(world, **{"ca.crt": b"no certificate"})
    await fail(world)
    assert told(world, "Ready")[1] == "CACertificateUnavailable"
    assert "holds no PEM certificate" in told(world, "Ready")[2]

    put_ca(world, **{"ca.crt": certificate("good")})
    await probe(world)
    assert world.clients == [("https://vault:8200", certificate("good"))]


async def test_ca_that_we_may_not_read_is_told_as_such() -> None:
    world = World().in_order()
    world.put(world.connections, CONNECTION, WITH_CA)
    world.kubernetes.failures["read_data"] = Forbidden("get secrets apps/vault-ca: no")

    await fail(world)

    status, reason, message = told(world, "Ready")
    assert (status, reason) == ("False", "CACertificateUnavailable")
    assert "get secrets apps/vault-ca: no" in message


async def test_certificate_nobody_looks_at_may_be_anything() -> None:
    world = World().in_order()
    world.put(world.connections, CONNECTION, WITH_CA | {"skipTLSVerify": True})
    put_ca(world, **{"ca.crt": b"no certificate"})

    await probe(world)

    assert told(world, "Ready")[0] == "True"


async def test_ca_is_read_again_when_it_does_not_fit_any_more() -> None:
    world = World().in_order()
    world.put(world.connections, CONNECTION, WITH_CA)
    old, new = certificate("old"), certificate("new")
    put_ca(world, **{"ca.crt": old})
    await probe(world)
    put_ca(world, **{"ca.crt": new})
    await probe(world)
    assert [ca for _, ca in world.clients] == [old], "trusted as long as it fits"

    world.vault.failures[Operation.SEAL_STATUS] = TlsVerificationFailed("unknown CA")
    await probe(world)
    world.vault.failures.clear()
    await probe(world)

    assert [ca for _, ca in world.clients] == [old, new]
    assert world.vault.closed == 1


async def test_same_ca_again_keeps_the_client() -> None:
    world = World().in_order()
    world.put(world.connections, CONNECTION, WITH_CA)
    put_ca(world, **{"ca.crt": certificate("same")})
    world.vault.failures[Operation.SEAL_STATUS] = TlsVerificationFailed("unknown CA")

    await probe(world)
    await asyncio.sleep(PROBE_REST)
    await probe(world)

    assert len(world.clients) == 1


@pytest.mark.parametrize(
    ("spec", "reason", "message"),
    [
        pytest.param(
            {"address": 1}, "VaultConnectionInvalid", "spec.address", id="address"
        ),
        pytest.param(
            WITH_CA | {"caCertPath": "/etc/vso-controller/ca/ca.crt"},
            "VaultConnectionInvalid",
            "spec.caCertSecretRef and spec.caCertPath",
            id="two CAs",
        ),
        pytest.param(
            CONNECTION_SPEC | {"caCertSecretRef": "../vso-system/ca"},
            "VaultConnectionInvalid",
            "spec.caCertSecretRef: '../vso-system/ca'",
            id="path in a name",
        ),
    ],
)
async def test_spec_that_cannot_be_acted_on_waits_for_an_edit(
    spec: dict[str, object], reason: str, message: str
) -> None:
    world = World().in_order()
    world.put(world.connections, CONNECTION, spec)

    assert await probe(world) == Outcome()

    assert told(world, "Ready")[:2] == ("False", reason)
    assert message in told(world, "Ready")[2]
    assert told(world, "VaultClient")[:2] == ("False", "VaultClientConfigError")


async def test_certificate_that_is_not_verified_is_told_loudly() -> None:
    world = World().in_order()
    spec = CONNECTION_SPEC | {"skipTLSVerify": True}
    world.put(world.connections, CONNECTION, spec)

    with capture_logs() as logged:
        await probe(world)
        await probe(world)

    assert "skipTLSVerify" in told(world, "ResourceValidation")[2]
    assert told(world, "Ready")[0] == "True"
    warnings = [line["event"] for line in logged if line["log_level"] == "warning"]
    assert warnings == ["tls_not_verified"], "once, for a client"


async def test_address_that_may_not_be_is_told_and_tried_again() -> None:
    world = World().in_order()
    world.client_failure = AddressNotAllowed("10.0.0.1: see --vault-address-allow")

    await fail(world)

    assert told(world, "Ready")[:2] == ("False", "VaultAddressNotAllowed")
    assert told(world, "VaultClient")[:2] == ("False", "VaultClientConfigError")
    world.client_failure = None
    await probe(world)
    assert told(world, "Ready")[0] == "True"


async def test_edited_spec_means_another_client() -> None:
    world = World().in_order()
    await probe(world)
    world.put(world.connections, CONNECTION, {"address": "https://other:8200"})

    await probe(world)

    assert [address for address, _ in world.clients] == [
        "https://vault:8200",
        "https://other:8200",
    ]
    assert world.vault.closed == 1


async def test_deleted_connection_closes_its_client_and_leaves_no_series() -> None:
    world = World().in_order()
    await probe(world)
    assert b'name="vault"' in generate_latest(world.metrics.registry)
    world.remove(world.connections, CONNECTION)

    assert await probe(world) == Outcome()

    assert world.vault.closed == 1
    assert b'name="vault"' not in generate_latest(world.metrics.registry)


async def test_lost_leadership_is_no_condition() -> None:
    world = World().in_order()
    world.kubernetes.failures["write"] = NotLeading("not the leader")

    with pytest.raises(NotLeading):
        await probe(world)

    assert world.status(world.connections, CONNECTION) == {}


async def test_connection_that_was_valid_follows_what_its_resources_meet() -> None:
    world = World().in_order()
    await probe(world)
    await asyncio.sleep(PROBE_REST)
    for operation in (Operation.LOGIN, Operation.SEAL_STATUS):
        world.vault.failures[operation] = ServerUnreachable("no route")
    world.woken.clear()

    with pytest.raises(OperationFailed):
        await world.static_secret.reconcile(RESOURCE, 0)
    assert CONNECTION in world.woken, "nobody waits for the next look"
    outcome = await probe(world)

    assert told(world, "Ready")[:2] == ("False", "VaultUnreachable")
    assert told(world, "Healthy")[0] == "False"
    assert world.status(world.connections, CONNECTION)["valid"] is False
    world.vault.failures.clear()
    assert outcome.requeue_after is not None
    await asyncio.sleep(outcome.requeue_after)
    await probe(world)
    assert told(world, "Ready")[0] == "True"
    assert world.status(world.connections, CONNECTION)["valid"] is True


async def test_outage_is_written_once_however_long_it_lasts() -> None:
    world = World().in_order()
    await probe(world)
    world.vault.failures[Operation.SEAL_STATUS] = ServerUnreachable("no route")
    await probe(world)
    writes = world.kubernetes.writes

    for _ in range(10):
        await asyncio.sleep(PROBE_REST)
        await probe(world)

    assert world.kubernetes.writes == writes
