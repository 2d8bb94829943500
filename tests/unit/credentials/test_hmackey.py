from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count

import pytest
from structlog.testing import capture_logs

from tests.fakes.kubernetes import FakeKubernetes
from tests.unit.runtime.virtual import VirtualClock, seeded
from vso_controller.credentials.hmackey import HmacKey, KeyUnknown
from vso_controller.domain.hmackey import NAME, new_key_secret
from vso_controller.foundation.digest import digest_of
from vso_controller.foundation.objects import ObjectKey, ObservedSecret, OpenSecret
from vso_controller.foundation.secret import Secret
from vso_controller.kube.errors import AnswerLost, Forbidden
from vso_controller.runtime.backoff import Backoff
from vso_controller.runtime.store import Store

pytestmark = pytest.mark.looptime

KEY = ObjectKey("vso-system", NAME)
UPSTREAMS = b"0123456789abcdef"
ANOTHER = b"fedcba9876543210"
DATA = {"password": b"s3cret"}


def numbered() -> Iterator[bytes]:
    yield from (b"canary-%09d" % number for number in count())


class Gauge:
    """What the metric says."""

    in_step: bool | None = None

    def hmac_key_in_step(self, in_step: bool) -> None:
        self.in_step = in_step


@dataclass
class Replica:
    """One process, as far as the key is concerned."""

    kubernetes: FakeKubernetes
    random: Iterator[bytes]
    gauge: Gauge = field(default_factory=Gauge)

    def __post_init__(self) -> None:
        self.store: Store[OpenSecret] = Store()
        self.key = HmacKey(
            key=KEY,
            store=self.store,
            secrets=self.kubernetes,
            random_bytes=lambda length: next(self.random)[:length],
            backoff=Backoff(
                initial=0.8,
                maximum=30,
                reset_after=120,
                clock=VirtualClock(),
                random=seeded(1),
            ),
            observer=self.gauge,
        )

    def watch(self) -> Replica:
        """Have the store filled, and kept, as a reflector does."""
        held = self.kubernetes.values.get(KEY)
        secret = self.kubernetes.secrets.get(KEY)
        there = (
            []
            if held is None or secret is None
            else [OpenSecret(KEY, secret.uid, secret.resource_version, Secret(held))]
        )
        self.store.replace(there, self.kubernetes.next_version())
        self.kubernetes.key_stores.append(self.store)
        return self

    @property
    def digests_with(self) -> bytes | None:
        """The key whose digests these are, of those that the tests know of."""
        try:
            digest = self.key.digest(DATA)
        except KeyUnknown:
            return None
        held = self.kubernetes.values.get(KEY, {}).get("key", b"")
        known = {digest_of(DATA, each): each for each in (UPSTREAMS, ANOTHER, held)}
        return known[digest]


@dataclass
class Cluster:
    """An API server, and replicas that watch it."""

    kubernetes: FakeKubernetes = field(default_factory=FakeKubernetes)
    random: Iterator[bytes] = field(default_factory=numbered)

    def replica(self) -> Replica:
        return Replica(self.kubernetes, self.random)

    def put(self, value: bytes) -> None:
        """Have a Secret with this key, whoever made it."""
        secret = new_key_secret(KEY, Secret(value))
        observed = ObservedSecret(
            KEY, "uid-of-theirs", "1", secret.type, b"", labels=secret.labels
        )
        self.kubernetes.put(observed, secret.data.reveal())

    def replace(self, value: bytes) -> None:
        """Replace an immutable Secret, as a person would."""
        self.kubernetes.remove(KEY)
        self.put(value)

    @property
    def value(self) -> bytes | None:
        """The key in the cluster."""
        held = self.kubernetes.values.get(KEY)
        return None if held is None else held["key"]


@asynccontextmanager
async def leading(replica: Replica) -> AsyncIterator[Replica]:
    guard = asyncio.create_task(replica.key.guard())
    await asyncio.sleep(0.01)
    yield replica
    guard.cancel()
    await asyncio.wait({guard})


async def test_key_that_is_there_is_learned_by_every_replica() -> None:
    cluster = Cluster()
    cluster.put(UPSTREAMS)

    replica = cluster.replica().watch()

    async with asyncio.timeout(30):
        await replica.key.wait_learned()
    assert replica.digests_with == UPSTREAMS
    assert replica.gauge.in_step
    assert list(replica.key.not_ready()) == []


async def test_leader_creates_the_key_that_is_missing() -> None:
    cluster = Cluster()

    async with leading(cluster.replica().watch()) as leader:
        assert leader.digests_with == cluster.value
    assert len(cluster.value or b"") == 16
    assert cluster.kubernetes.secrets[KEY].immutable


async def test_nobody_creates_a_key_before_it_is_known_that_there_is_none() -> None:
    cluster = Cluster()

    async with leading(cluster.replica()):
        await asyncio.sleep(60)

    assert cluster.value is None


async def test_key_that_was_not_looked_for_is_not_said_to_be_missing() -> None:
    replica = Cluster().replica()

    assert list(replica.key.not_ready()) == [
        f"Secret {KEY} has not been looked for yet"
    ]


async def test_standby_creates_nothing_and_learns_what_the_leader_made() -> None:
    cluster = Cluster()
    standby = cluster.replica().watch()
    assert standby.digests_with is None
    assert list(standby.key.not_ready()) == [
        f"Secret {KEY} does not exist; the leader will create it"
    ]

    async with leading(cluster.replica().watch()):
        assert standby.digests_with == cluster.value


async def test_observer_without_the_secret_goes_on_with_a_key_of_its_own() -> None:
    cluster = Cluster()
    observer = cluster.replica().watch()

    await observer.key.stand_in()

    assert observer.key.digest(DATA)
    assert list(observer.key.not_ready()) == []
    assert cluster.kubernetes.writes == 0


async def test_observer_uses_the_key_that_is_there() -> None:
    cluster = Cluster()
    cluster.put(UPSTREAMS)
    observer = cluster.replica().watch()

    await observer.key.stand_in()

    assert observer.digests_with == UPSTREAMS


async def test_two_that_lead_together_agree_on_one_key() -> None:
    cluster = Cluster()
    cluster.kubernetes.delays["create"] = 1
    one, other = cluster.replica().watch(), cluster.replica().watch()

    async with leading(one), leading(other):
        await asyncio.sleep(5)

    assert one.digests_with == other.digests_with == cluster.value
    assert cluster.kubernetes.writes == 1


async def test_creation_whose_answer_is_lost_is_looked_for_before_it_is_repeated() -> (
    None
):
    cluster = Cluster()
    cluster.kubernetes.failures["create"] = AnswerLost("create secrets")

    async with leading(cluster.replica().watch()) as leader:
        cluster.put(UPSTREAMS)  # it had arrived
        cluster.kubernetes.failures.clear()
        await asyncio.sleep(60)

        assert leader.digests_with == cluster.value == UPSTREAMS


async def test_right_that_is_missing_is_told_and_waited_for() -> None:
    cluster = Cluster()
    cluster.kubernetes.failures["create"] = Forbidden("create secrets: forbidden")

    with capture_logs() as lines:
        async with leading(cluster.replica().watch()) as leader:
            await asyncio.sleep(600)
            tries = [line for line in lines if line["event"] == "hmac_key_not_created"]
            cluster.kubernetes.failures.clear()
            await asyncio.sleep(31)

            assert leader.digests_with is not None

    assert tries[0]["error"] == "create secrets: forbidden"
    assert 20 < len(tries) < 40, "no tight loop, and no long wait either"


async def test_row_73_secret_that_is_deleted_is_made_anew_with_the_same_key() -> None:
    cluster = Cluster()
    cluster.put(UPSTREAMS)
    standby = cluster.replica().watch()

    async with leading(cluster.replica().watch()) as leader:
        with capture_logs() as lines:
            cluster.kubernetes.remove(KEY)
            assert not standby.gauge.in_step
            await asyncio.sleep(1)

        assert cluster.value == UPSTREAMS
        assert (leader.digests_with, standby.digests_with) == (UPSTREAMS, UPSTREAMS)
        assert leader.gauge.in_step
        assert standby.gauge.in_step
    assert [line["event"] for line in lines] == [
        *["hmac_key_out_of_step"] * 2,
        *["hmac_key_in_step"] * 2,
        "hmac_key_created",
    ]


async def test_row_73_key_of_somebody_else_is_told_and_counts_from_the_next_start() -> (
    None
):
    cluster = Cluster()
    cluster.put(UPSTREAMS)

    standby = cluster.replica().watch()
    with capture_logs() as lines:
        cluster.replace(ANOTHER)
        await asyncio.sleep(60)

    assert (standby.digests_with, cluster.value) == (UPSTREAMS, ANOTHER)
    assert not standby.gauge.in_step
    assert "holds another key than the one in use" in lines[-1]["message"]
    assert cluster.replica().watch().digests_with == ANOTHER


@pytest.mark.parametrize("value", [b"", b"0" * 15, b"0" * 32])
async def test_key_of_the_wrong_length_is_told_and_never_overwritten(
    value: bytes,
) -> None:
    cluster = Cluster()
    cluster.put(value)

    with capture_logs() as lines:
        async with leading(cluster.replica().watch()) as leader:
            await asyncio.sleep(600)

            assert (leader.digests_with, cluster.value) == (None, value)
            (sentence,) = leader.key.not_ready()
            assert "has no 'key' of 16 bytes: restore it" in sentence
            assert [line["message"] for line in lines] == [sentence]

            cluster.kubernetes.remove(KEY)
            await asyncio.sleep(1)
            assert leader.digests_with == cluster.value != value


async def test_value_of_the_key_is_told_nowhere() -> None:
    cluster = Cluster()

    with capture_logs() as lines:
        async with leading(cluster.replica().watch()) as leader:
            cluster.replace(ANOTHER)

    shown = f"{lines}{vars(leader.key)}{leader.store.values()}"
    assert "canary" not in shown
    assert ANOTHER.decode() not in shown
