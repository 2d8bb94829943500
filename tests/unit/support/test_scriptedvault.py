"""Does the product's client understand what the scripted Vault says?"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from random import Random

import aiohttp
import pytest

from tests.fakes.vault_transport import LoginLog
from tests.support.scriptedvault.consistency import decode
from tests.support.scriptedvault.messages import Asked, Said, refusal
from tests.support.scriptedvault.node import NodeState
from tests.support.scriptedvault.server import ScriptedVault
from tests.support.scriptedvault.tokens import login_reply
from tests.unit.support.scripted_client import client_of, login_at, read_of
from vso_controller.foundation.clock import SystemClock
from vso_controller.foundation.errors import OperationFailed
from vso_controller.foundation.gojson import JSONValue
from vso_controller.foundation.secret import Secret
from vso_controller.vault.client import VaultClient
from vso_controller.vault.engines.kv import read_kv_v1, read_kv_v2
from vso_controller.vault.errors import (
    IndexNotReady,
    LeaseQuotaReached,
    PathNotFound,
    PermissionDenied,
    RateLimited,
    RedirectRefused,
    RouteNotFound,
    SecretVersionDeleted,
    ServerNotInitialized,
    ServerSealed,
    StandbyAnswered,
    TlsVerificationFailed,
)
from vso_controller.vault.ports import LoginRequest
from vso_controller.vault.requests import VaultReply
from vso_controller.vault.session import VaultSession
from vso_controller.vault.system import seal_status


@pytest.fixture
async def vault() -> AsyncIterator[ScriptedVault]:
    async with ScriptedVault.start() as running:
        running.kv.mount("secret")
        running.kv.put("secret", "app", {"password": "one"})
        yield running


@pytest.fixture
async def client(vault: ScriptedVault) -> AsyncIterator[VaultClient]:
    async with client_of(vault) as built:
        yield built


class Rooted:
    """A VaultReader that may read everything."""

    def __init__(self, client: VaultClient, vault: ScriptedVault) -> None:
        self._client = client
        self._vault = vault

    async def read(
        self,
        path: tuple[str, ...],
        *,
        query: Mapping[str, str] | None = None,
        namespace: str | None = None,
    ) -> VaultReply:
        request = read_of(
            self._vault, "/".join(path), namespace=namespace or "", query=query
        )
        return await self._client.request(request)


class AheadClock(SystemClock):
    """Real time, plus the seconds a test does not want to wait."""

    ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead

    def boot(self) -> float:
        return super().boot() + self.ahead


class ScriptedLogin:
    """Logs in where `granting` listens."""

    async def credentials(self) -> LoginRequest:
        body: dict[str, JSONValue] = {"role": "app"}
        return LoginRequest(mount="scripted", body=Secret(body))


def granting(vault: ScriptedVault, *, ttl: int) -> None:
    """Let everybody log in at auth/scripted."""

    def part(asked: Asked) -> Said | None:
        if asked.path != "auth/scripted/login":
            return None
        issued = vault.tokens.issue(policies=("default",), ttl=ttl)
        return login_reply(issued)

    vault.script(part)


async def test_versions_of_a_secret_are_read_with_their_metadata(
    vault: ScriptedVault, client: VaultClient
) -> None:
    vault.kv.put("secret", "app", {"password": "two"})
    reader = Rooted(client, vault)

    newest = await read_kv_v2(reader, mount="secret", path="app")
    first = await read_kv_v2(reader, mount="secret", path="app", version=1)

    assert newest.data == Secret({"password": "two"})
    assert newest.version == 2
    assert first.data == Secret({"password": "one"})


async def test_a_version_1_engine_keeps_the_newest_alone(
    vault: ScriptedVault, client: VaultClient
) -> None:
    vault.kv.mount("old", version=1)
    vault.kv.put("old", "app", {"password": "one"})
    vault.kv.put("old", "app", {"password": "two"})

    found = await read_kv_v1(Rooted(client, vault), mount="old", path="app")
    assert found.data == Secret({"password": "two"})

    vault.kv.delete("old", "app")
    with pytest.raises(PathNotFound):
        await read_kv_v1(Rooted(client, vault), mount="old", path="app")


async def test_a_deleted_version_says_so(
    vault: ScriptedVault, client: VaultClient
) -> None:
    vault.kv.delete("secret", "app")

    with pytest.raises(SecretVersionDeleted) as refused:
        await read_kv_v2(Rooted(client, vault), mount="secret", path="app")
    assert refused.value.deletion_time


@pytest.mark.parametrize("path", ["secret/data/app", "old/app"])
async def test_answers_name_the_type_of_their_mount(
    vault: ScriptedVault, client: VaultClient, path: str
) -> None:
    vault.kv.mount("old", version=1)
    vault.kv.put("old", "app", {"password": "one"})

    reply = await client.request(read_of(vault, path))

    assert reply.document.reveal()["mount_type"] == "kv"


@pytest.mark.parametrize(
    ("path", "error"),
    [
        pytest.param("secret/data/other", PathNotFound, id="nothing there"),
        pytest.param("nowhere/data/app", RouteNotFound, id="no such mount"),
    ],
)
async def test_what_is_not_there_is_told_apart(
    vault: ScriptedVault, client: VaultClient, path: str, error: type[OperationFailed]
) -> None:
    with pytest.raises(error):
        await client.request(read_of(vault, path))


async def test_a_namespace_is_a_world_of_its_own(
    vault: ScriptedVault, client: VaultClient
) -> None:
    vault.kv.mount("team-only", namespace="team")
    vault.kv.put("team-only", "app", {"password": "one"}, namespace="team")

    there = read_of(vault, "team-only/data/app", namespace="team/")
    assert password_in(await client.request(there)) == "one"
    with pytest.raises(RouteNotFound):
        await client.request(read_of(vault, "team-only/data/app"))


async def test_strangers_are_refused(vault: ScriptedVault, client: VaultClient) -> None:
    vault.tokens.revoke(vault.tokens.root)

    with pytest.raises(PermissionDenied):
        await client.request(read_of(vault))


async def test_it_speaks_tls_under_a_ca_of_its_own() -> None:
    async with ScriptedVault.start(tls=True) as vault:
        async with client_of(vault) as client:
            assert (await seal_status(client)).cluster_name == "scripted"

        vault.ca_pem = None
        async with client_of(vault) as client:
            with pytest.raises(TlsVerificationFailed):
                await seal_status(client)


@pytest.mark.parametrize(
    ("state", "error"),
    [
        pytest.param(NodeState.STANDBY, RateLimited, id="429"),
        pytest.param(NodeState.DR_SECONDARY, StandbyAnswered, id="472"),
        pytest.param(NodeState.PERFORMANCE_STANDBY, StandbyAnswered, id="473"),
        pytest.param(NodeState.CUT_OFF, StandbyAnswered, id="474"),
        pytest.param(NodeState.UNINITIALIZED, ServerNotInitialized, id="501"),
        pytest.param(NodeState.SEALED, ServerSealed, id="503"),
        pytest.param(NodeState.REMOVED, StandbyAnswered, id="530"),
    ],
)
async def test_a_node_that_does_not_serve_is_understood(
    vault: ScriptedVault,
    client: VaultClient,
    state: NodeState,
    error: type[OperationFailed],
) -> None:
    vault.node.become(state, serves=False)

    with pytest.raises(error) as refused:
        await client.request(read_of(vault))
    assert type(refused.value) is error

    vault.node.become(NodeState.ACTIVE)
    assert password_in(await client.request(read_of(vault))) == "one"


@pytest.mark.parametrize(
    "state", [NodeState.STANDBY, NodeState.PERFORMANCE_STANDBY], ids=lambda it: it.name
)
async def test_a_standby_forwards_what_it_is_asked(
    vault: ScriptedVault, client: VaultClient, state: NodeState
) -> None:
    vault.node.become(state)

    assert password_in(await client.request(read_of(vault))) == "one"


@pytest.mark.parametrize(
    ("state", "query", "status"),
    [
        pytest.param(NodeState.ACTIVE, {}, 200, id="active"),
        pytest.param(NodeState.ACTIVE, {"activecode": "299"}, 299, id="active asked"),
        pytest.param(NodeState.STANDBY, {}, 429, id="standby"),
        pytest.param(NodeState.STANDBY, {"standbyok": "true"}, 200, id="standby ok"),
        pytest.param(NodeState.STANDBY, {"standbycode": "203"}, 203, id="asked"),
        pytest.param(NodeState.DR_SECONDARY, {}, 472, id="secondary"),
        pytest.param(
            NodeState.DR_SECONDARY, {"standbyok": "true"}, 472, id="no pardon"
        ),
        pytest.param(NodeState.PERFORMANCE_STANDBY, {}, 473, id="performance"),
        pytest.param(
            NodeState.PERFORMANCE_STANDBY, {"standbyok": "true"}, 473, id="other pardon"
        ),
        pytest.param(
            NodeState.PERFORMANCE_STANDBY, {"perfstandbyok": "true"}, 200, id="own"
        ),
        pytest.param(NodeState.CUT_OFF, {}, 474, id="cut off"),
        pytest.param(NodeState.UNINITIALIZED, {}, 501, id="uninitialized"),
        pytest.param(NodeState.SEALED, {}, 503, id="sealed"),
        pytest.param(NodeState.SEALED, {"sealedcode": "200"}, 200, id="sealed asked"),
        pytest.param(NodeState.REMOVED, {}, 530, id="removed"),
    ],
)
async def test_health_has_the_status_of_the_node_or_the_one_asked_for(
    vault: ScriptedVault, state: NodeState, query: Mapping[str, str], status: int
) -> None:
    vault.node.become(state)

    async with (
        aiohttp.ClientSession() as http,
        http.get(f"{vault.address}/v1/sys/health", params=query) as answer,
    ):
        health = await answer.json()

    assert answer.status == status
    assert health["sealed"] == (
        state in {NodeState.SEALED, NodeState.UNINITIALIZED, NodeState.REMOVED}
    )
    assert health["performance_standby"] == (state is NodeState.PERFORMANCE_STANDBY)


async def test_a_sealed_node_tells_its_seal_status(
    vault: ScriptedVault, client: VaultClient
) -> None:
    vault.node.become(NodeState.SEALED)

    status = await seal_status(client)

    assert status.sealed
    assert status.initialized
    assert status.cluster_name == ""


async def test_a_redirect_to_another_host_is_refused(
    vault: ScriptedVault, client: VaultClient
) -> None:
    async with ScriptedVault.start() as active:
        vault.node.become(NodeState.STANDBY, redirects_to=active.address)

        with pytest.raises(RedirectRefused):
            await client.request(read_of(vault))

        assert active.requests == [], "the token went nowhere else"


async def test_a_redirect_on_the_same_host_is_followed(
    vault: ScriptedVault, client: VaultClient
) -> None:
    vault.node.become(NodeState.STANDBY, redirects_to=vault.active_address)

    reply = await client.request(read_of(vault, query={"version": "1"}))

    assert reply.status == 200
    assert [asked.prefix for asked in vault.requests] == ["", "/active"]
    assert vault.requests[-1].query["version"] == "1"


async def test_an_index_from_the_future_is_412_until_the_node_has_caught_up(
    vault: ScriptedVault, client: VaultClient
) -> None:
    vault.consistency.lag()
    index = await index_of_a_write(vault)
    request = read_of(vault, index=index)

    with pytest.raises(IndexNotReady):
        await client.request(request)

    vault.consistency.catch_up()
    assert password_in(await client.request(request)) == "two"


async def test_a_lagging_node_shows_old_data_to_who_does_not_insist(
    vault: ScriptedVault, client: VaultClient
) -> None:
    vault.consistency.lag()
    index = await index_of_a_write(vault)
    insisting = read_of(
        vault, index=index, headers={"X-Vault-Inconsistent": "forward-active-node"}
    )

    assert password_in(await client.request(read_of(vault))) == "one"
    assert password_in(await client.request(insisting)) == "two"


async def test_each_write_has_a_later_index(vault: ScriptedVault) -> None:
    first, second = [await index_of_a_write(vault) for _ in range(2)]

    assert decode(first) < decode(second)


async def test_an_index_that_is_none_is_refused(vault: ScriptedVault) -> None:
    headers = {"X-Vault-Token": vault.tokens.root, "X-Vault-Index": "nonsense"}
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.get(f"{vault.address}/v1/secret/data/app") as answer,
    ):
        assert answer.status == 400


async def test_a_session_lives_with_its_tokens(
    vault: ScriptedVault, client: VaultClient
) -> None:
    granting(vault, ttl=60)
    clock = AheadClock()
    session = VaultSession(
        transport=client,
        login=ScriptedLogin(),
        clock=clock,
        random=Random(7),  # noqa: S311 - spreads rests, keeps no secret
        observer=LoginLog(),
    )

    await session.read(("secret", "data", "app"))
    clock.ahead = 50
    await session.renew()
    vault.tokens.revoke(vault.requests[-1].token)
    await session.read(("secret", "data", "app"))

    assert [request.path for request in vault.requests] == [
        "auth/scripted/login",
        "secret/data/app",
        "auth/token/renew-self",
        "secret/data/app",  # refused
        "auth/token/lookup-self",
        "auth/scripted/login",
        "secret/data/app",
    ]


async def test_own_answers_come_first(
    vault: ScriptedVault, client: VaultClient
) -> None:
    exhausted = refusal(429, "lease count quota exceeded", headers={"Retry-After": "7"})
    vault.script(lambda asked: exhausted if "app" in asked.path else None)

    with pytest.raises(LeaseQuotaReached) as refused:
        await client.request(read_of(vault))

    assert refused.value.retry_after == 7


async def test_nothing_secret_is_in_what_was_asked(
    vault: ScriptedVault, client: VaultClient
) -> None:
    with pytest.raises(PermissionDenied):
        await client.request(login_at("other", {"jwt": "canary-value"}))
    await client.request(read_of(vault))

    printed = repr(vault.requests)
    assert "canary-value" not in printed
    assert vault.tokens.root not in printed


async def index_of_a_write(vault: ScriptedVault) -> str:
    """Write through the API, as another client, and return the index."""
    async with (
        aiohttp.ClientSession(headers={"X-Vault-Token": vault.tokens.root}) as http,
        http.put(
            f"{vault.address}/v1/secret/data/app", json={"data": {"password": "two"}}
        ) as answer,
    ):
        assert answer.status == 200
        return answer.headers["X-Vault-Index"]


def password_in(reply: VaultReply) -> str:
    password: str = reply.document.reveal()["data"]["data"]["password"]
    return password
