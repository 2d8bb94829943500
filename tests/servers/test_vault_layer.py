"""The Vault layer against a real OpenBao."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from hashlib import blake2b
from random import Random

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from structlog.testing import capture_logs

from tests.fakes.vault_server import ScriptedServer, says_json
from tests.fakes.vault_transport import LoginLog
from tests.support.openbao import OpenBao
from tests.support.openbao_api import Refused
from tests.support.openbao_audit import AuditLog
from tests.support.openbao_auth import KubernetesAuth
from tests.support.openbao_kv import KeyValue
from tests.support.tls import Authority
from vso_controller.foundation.clock import Clock, SystemClock
from vso_controller.foundation.gojson import JSONValue, Number
from vso_controller.foundation.secret import Secret
from vso_controller.vault.auth.kubernetes import KubernetesLogin
from vso_controller.vault.client import VaultClient
from vso_controller.vault.engines.kv import read_kv_v1, read_kv_v2
from vso_controller.vault.errors import (
    InvalidRequest,
    LeaseNotFound,
    LoginRefused,
    PathNotFound,
    PermissionDenied,
    RouteNotFound,
    SecretVersionDeleted,
    ServerSealed,
    TlsVerificationFailed,
)
from vso_controller.vault.ports import LoginMethod, LoginRequest
from vso_controller.vault.requests import Method, Operation, VaultReply, VaultRequest
from vso_controller.vault.session import VaultSession
from vso_controller.vault.system import seal_status
from vso_controller.vault.tls import build_tls

LOOKUP = ("auth", "token", "lookup-self")
UID = "0d3f8b5e-5a2b-4c3d-9e1f-6a7b8c9d0e1f"
POLICY = """
path "one/*" { capabilities = ["read"] }
path "two/data/*" { capabilities = ["read"] }
"""


@pytest.fixture
async def bao() -> AsyncIterator[OpenBao]:
    async with OpenBao.start(tls=True) as server:
        await server.root.put_policy("reader", POLICY)
        yield server


@pytest.fixture
async def client(bao: OpenBao) -> AsyncIterator[VaultClient]:
    async with client_of(bao) as connected:
        yield connected


def client_of(bao: OpenBao, *, ca_pem: str | None = None) -> VaultClient:
    trusted = ca_pem or bao.ca_pem
    assert trusted is not None
    return VaultClient(
        address=bao.address,
        user_agent="vso/test",
        clock=SystemClock(),
        tls=build_tls(ca_pem=trusted.encode()),
    )


class Rooted:
    """A VaultReader that may read everything."""

    def __init__(self, client: VaultClient, token: str) -> None:
        self._client = client
        self._token = Secret(token)

    async def read(
        self,
        path: tuple[str, ...],
        *,
        query: Mapping[str, str] | None = None,
        namespace: str | None = None,
    ) -> VaultReply:
        return await self._client.request(
            VaultRequest(
                operation=Operation.READ,
                method=Method.GET,
                path=path,
                query=query or {},
                namespace=namespace or "",
                token=self._token,
                repeatable=True,
            )
        )


class AheadClock(SystemClock):
    """Real time, plus the seconds a test does not want to wait."""

    ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead

    def boot(self) -> float:
        return super().boot() + self.ahead


class AppRoleLogin:
    """Logs in where OpenBao asks no Kubernetes."""

    def __init__(self, role_id: str, secret_id: str) -> None:
        self._body: dict[str, JSONValue] = {
            "role_id": role_id,
            "secret_id": secret_id,
        }
        self.logins = 0

    @classmethod
    async def enable(cls, bao: OpenBao, **options: object) -> AppRoleLogin:
        await bao.root.write("sys/auth/approle", {"type": "approle"})
        role = {"token_policies": ["reader"], "token_ttl": "60s", **options}
        await bao.root.write("auth/approle/role/app", role)
        role_id = await bao.root.read("auth/approle/role/app/role-id")
        secret_id = await bao.root.write("auth/approle/role/app/secret-id")
        return cls(role_id["data"]["role_id"], secret_id["data"]["secret_id"])

    async def credentials(self) -> LoginRequest:
        self.logins += 1
        return LoginRequest(mount="approle", body=Secret(self._body))


def session_of(
    client: VaultClient, login: LoginMethod, *, clock: Clock | None = None
) -> VaultSession:
    return VaultSession(
        transport=client,
        login=login,
        clock=clock or SystemClock(),
        random=Random(7),  # noqa: S311 - spreads rests, keeps no secret
        observer=LoginLog(),
    )


async def test_static_secrets_of_both_versions_are_read(
    bao: OpenBao, client: VaultClient
) -> None:
    one = await KeyValue.enable(bao.root, "one", version=1)
    two = await KeyValue.enable(bao.root, "two")
    await one.put("a%20b/c%25", {"k": "v", "n": 1})
    await two.put("app", {"k": "old"})
    await two.put("app", {"k": "new"})
    session = session_of(client, await AppRoleLogin.enable(bao))

    first = await read_kv_v1(session, mount="one", path="a b/c%")
    newest = await read_kv_v2(session, mount="two", path="app")
    older = await read_kv_v2(session, mount="two", path="app", version=1)

    assert first.data == Secret({"k": "v", "n": Number("1")})
    assert (newest.data, newest.version) == (Secret({"k": "new"}), 2)
    assert (older.data, older.version) == (Secret({"k": "old"}), 1)


async def test_what_is_gone_says_how(bao: OpenBao, client: VaultClient) -> None:
    two = await KeyValue.enable(bao.root, "two")
    for path in ("deleted", "destroyed"):
        await two.put(path, {"k": "v"})
    await two.delete("deleted")
    await two.destroy("destroyed", 1)
    root = Rooted(client, bao.root_token)

    with pytest.raises(SecretVersionDeleted) as deleted:
        await read_kv_v2(root, mount="two", path="deleted")
    with pytest.raises(SecretVersionDeleted) as destroyed:
        await read_kv_v2(root, mount="two", path="destroyed")
    with pytest.raises(PathNotFound):
        await read_kv_v2(root, mount="two", path="missing")
    with pytest.raises(RouteNotFound):
        await read_kv_v2(root, mount="nowhere", path="app")
    with pytest.raises(RouteNotFound):
        await read_kv_v2(root, mount="two", path="app", namespace="nobody")
    with pytest.raises(InvalidRequest, match="kv version 2"):
        await read_kv_v1(root, mount="two", path="deleted")

    assert deleted.value.deletion_time.startswith("20")
    assert destroyed.value.destroyed


async def test_seal_status_and_a_sealed_server(
    bao: OpenBao, client: VaultClient
) -> None:
    session = session_of(client, await AppRoleLogin.enable(bao))
    await session.read(LOOKUP)
    assert not (await seal_status(client)).sealed

    await bao.seal()

    assert (await seal_status(client)).sealed
    with pytest.raises(ServerSealed):
        await session.read(("one", "app"))
    await bao.unseal()
    await session.read(LOOKUP)


async def test_missing_policy_leads_to_no_login(
    bao: OpenBao, client: VaultClient
) -> None:
    login = await AppRoleLogin.enable(bao)
    session = session_of(client, login)

    with pytest.raises(PermissionDenied):
        await session.read(("sys", "mounts"))

    assert login.logins == 1


async def test_revoked_token_is_replaced_once(
    bao: OpenBao, client: VaultClient
) -> None:
    login = await AppRoleLogin.enable(bao)
    session = session_of(client, login)
    before = (await session.read(LOOKUP)).document.reveal()["data"]["accessor"]
    await bao.root.revoke_accessor(before)

    after = (await session.read(LOOKUP)).document.reveal()["data"]["accessor"]

    assert login.logins == 2
    assert session.client_id == blake2b(after.encode(), digest_size=32).hexdigest()


async def test_token_is_renewed_and_given_back(
    bao: OpenBao, client: VaultClient
) -> None:
    login, clock = await AppRoleLogin.enable(bao), AheadClock()
    session = session_of(client, login, clock=clock)
    reply = await session.read(LOOKUP)
    clock.ahead = 45

    await session.renew()

    assert session.next_renewal == pytest.approx(clock.monotonic() + 40, abs=5)
    assert login.logins == 1
    await session.revoke()
    accessor = reply.document.reveal()["data"]["accessor"]
    with pytest.raises(Refused):
        await bao.root.write("auth/token/lookup-accessor", {"accessor": accessor})


async def test_token_that_a_renewal_gives_less_is_replaced(
    bao: OpenBao, client: VaultClient
) -> None:
    login, clock = await AppRoleLogin.enable(bao), AheadClock()
    session = session_of(client, login, clock=clock)
    await session.read(LOOKUP)
    await bao.root.write("auth/approle/role/app", {"token_ttl": "50s"})

    clock.ahead = 45
    await session.renew()
    assert login.logins == 1
    clock.ahead = 90
    await session.renew()

    assert login.logins == 2


async def test_refused_logins_say_why(bao: OpenBao, client: VaultClient) -> None:
    await bao.root.write("sys/auth/kubernetes", {"type": "kubernetes"})

    async def request_token() -> Secret[str]:
        return Secret("eyJhbGciOiJub25lIn0.e30.canary")

    for mount in ("kubernetes", "nowhere"):
        login = KubernetesLogin(mount=mount, role="nope", request_token=request_token)
        with pytest.raises(LoginRefused) as refused:
            await session_of(client, login).read(("one", "app"))
        assert "canary" not in str(refused.value)


async def test_service_account_logs_in(bao: OpenBao, client: VaultClient) -> None:
    review = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenReview",
        "status": {
            "authenticated": True,
            "user": {"username": "system:serviceaccount:apps:web", "uid": UID},
        },
    }
    authority = Authority()
    kubernetes = ScriptedServer(lambda _: says_json(review, status=201))
    async with kubernetes.run(authority.server_context()):
        method = await KubernetesAuth.enable(
            bao.root,
            host=kubernetes.address,
            ca_pem=authority.ca_pem,
            reviewer_token="reviewer",
        )
        await method.put_role(
            "web", service_accounts=["web"], namespaces=["apps"], policies=["reader"]
        )
        session = session_of(
            client,
            KubernetesLogin(mount="kubernetes", role="web", request_token=web_token),
        )

        reply = await session.read(LOOKUP)

    data = reply.document.reveal()["data"]
    assert data["meta"]["service_account_name"] == "web"
    assert data["policies"] == ["default", "reader"]


async def web_token() -> Secret[str]:
    now = int(time.time())
    claims = {
        "iss": "https://kubernetes.default.svc",
        "sub": "system:serviceaccount:apps:web",
        "iat": now,
        "nbf": now,
        "exp": now + 600,
        "kubernetes.io": {
            "namespace": "apps",
            "serviceaccount": {"name": "web", "uid": UID},
        },
    }
    key = ec.generate_private_key(ec.SECP256R1())
    return Secret(jwt.encode(claims, key, algorithm="ES256"))


async def test_call_of_the_log_is_found_in_the_audit_log(
    bao: OpenBao, client: VaultClient
) -> None:
    audit = await AuditLog.enable(bao)
    await bao.root.write("sys/config/auditing/request-headers/x-correlation-id")
    root = Rooted(client, bao.root_token)

    with capture_logs() as logged:
        reply = await root.read(LOOKUP)

    (line,) = [line for line in logged if line["event"] == "vault_called"]
    (entry,) = [each for each in audit.since() if each.path == "/".join(LOOKUP)]
    assert entry.id == line["request_id"] == reply.request_id
    assert entry.headers["x-correlation-id"] == line["correlation_id"]
    assert bao.root_token not in str(logged)


async def test_lease_that_is_gone_is_named(bao: OpenBao, client: VaultClient) -> None:
    renewal = VaultRequest(
        operation=Operation.READ,
        method=Method.PUT,
        path=("sys", "leases", "renew"),
        body=Secret({"lease_id": "database/creds/app/gone"}),
        token=Secret(bao.root_token),
        repeatable=True,
    )

    with pytest.raises(LeaseNotFound):
        await client.request(renewal)


async def test_server_of_another_ca_is_not_trusted(bao: OpenBao) -> None:
    async with client_of(bao, ca_pem=Authority().ca_pem) as client:
        with pytest.raises(TlsVerificationFailed):
            await seal_status(client)
