"""Stories of logging in: every auth method, and what becomes of a login that ends.

Rows 29 to 31 of the fault matrix: a token that was revoked, a policy that was taken
away, a role that does not let the identity in any more.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.e2e.admin import Admin
from tests.e2e.team import PATIENCE, Team
from tests.e2e.world import ANY_TEAM, CREDENTIALS, World
from tests.support.conditions import eventually
from tests.support.openbao_methods import AppRoleAuth, AppRoleLogin, JwtAuth

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(60)]

POLICIES = ["app-policy"]
AUDIENCE = "vault"


@dataclass(frozen=True, slots=True)
class LoginCount:
    """Counts logins to a mount from a moment on."""

    world: World
    mount: str
    mark: int

    @classmethod
    def begin(cls, world: World, mount: str = "kubernetes") -> LoginCount:
        return cls(world, mount, world.vault_proxy.recorder.mark())

    @property
    def starts(self) -> list[float]:
        """When each began."""
        path = f"/v1/auth/{self.mount}/login"
        requests = self.world.vault_proxy.recorder.since(self.mark)
        return [one.started for one in requests if one.head.path == path]

    @property
    def value(self) -> int:
        return len(self.starts)


async def secret_of(team: Team, name: str, **data: str) -> None:
    """Create or change a Secret with something to log in with."""
    encoded = {key: base64.b64encode(each.encode()) for key, each in data.items()}
    manifest = {key: each.decode() for key, each in encoded.items()}
    await team.world.admin.apply(team.named("Secret", name) | {"data": manifest})


def write_file(world: World, name: str, content: str) -> str:
    """Have a file to log in with, as a mounted Secret has it; return its path."""
    folder = world.folder / CREDENTIALS
    folder.mkdir(exist_ok=True)
    new = folder / f"{name}.new"
    new.write_text(content)
    return str(new.rename(folder / name))


async def app_role(
    team: Team, *, ttl: str = "1h", **options: object
) -> tuple[AppRoleAuth, AppRoleLogin]:
    """Enable an AppRole method for the team, with a role `app`."""
    mount = f"approle-{team.namespace}"
    method = await AppRoleAuth.enable(team.world.bao.root, mount=mount)
    await method.put_role("app", policies=POLICIES, ttl=ttl, **options)
    return method, await method.credentials("app")


async def log_in_by_app_role(
    team: Team, *, ttl: str = "1h", **options: object
) -> tuple[AppRoleAuth, AppRoleLogin]:
    """Have the team log in by an AppRole, with the secret ID in a Secret."""
    method, login = await app_role(team, ttl=ttl, **options)
    await secret_of(team, "app-id", id=login.secret_id)
    block = {"roleId": login.role_id, "secretRef": "app-id"}
    await authenticate(team, "appRole", block, mount=method.mount)
    return method, login


async def authenticate(
    team: Team, method: str, block: object, *, mount: str = "not-used"
) -> None:
    """Have the team log in with this method alone."""
    await team.authenticate(
        **{"method": method, "mount": mount, "kubernetes": None, method: block}
    )


def pem(keys: Iterable[dict[str, Any]]) -> list[str]:
    """Return JWKs as OpenBao takes them."""
    forms = Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    public = (jwt.PyJWK(key).key for key in keys)
    return [each.public_bytes(*forms).decode() for each in public]


async def jwt_auth(team: Team, admin: Admin) -> JwtAuth:
    """Enable a JWT method that trusts the API server's tokens, with a role `app`."""
    method = await JwtAuth.enable(
        team.world.bao.root,
        mount=f"jwt-{team.namespace}",
        public_keys=pem(await admin.signing_keys()),
    )
    subject = f"system:serviceaccount:{team.namespace}:app-sa"
    await method.put_role(
        "app", audiences=[AUDIENCE], policies=POLICIES, subject=subject
    )
    return method


async def revoke_tokens(team: Team) -> None:
    accessors = await team.tokens()
    assert accessors
    for accessor in accessors:
        await team.world.bao.root.revoke_accessor(accessor)


async def several(team: Team, count: int = 5) -> list[str]:
    """Have that many resources, in step."""
    names = [f"app-{number}" for number in range(count)]
    for name in names:
        await team.put(name, password="s3cret")
        await team.sync(name)
    for name in names:
        await team.wait_ready(name)
    return names


async def refreshes(team: Team, names: Iterable[str], times: int = 2) -> None:
    """Wait until each of the resources was read so often from now on."""
    recorder = team.world.vault_proxy.recorder
    mark = recorder.mark()
    paths = {f"/v1/secret/data/{team.namespace}/{name}" for name in names}

    async def read() -> None:
        seen = [one.head.path for one in recorder.since(mark)]
        assert all(seen.count(path) >= times for path in paths)

    await eventually(read, within=PATIENCE)


async def test_service_account_logs_in_by_jwt(team: Team) -> None:
    method = await jwt_auth(team, team.world.admin)
    block = {"role": "app", "serviceAccount": "app-sa", "audiences": [AUDIENCE]}
    await authenticate(team, "jwt", block, mount=method.mount)
    await team.put(password="s3cret")

    await team.sync()

    await team.wait_value("password", b"s3cret")


async def test_jwt_of_a_secret_logs_in(team: Team) -> None:
    admin = team.world.admin
    method = await jwt_auth(team, admin)
    token = await admin.token(team.namespace, "app-sa", audience=AUDIENCE)
    await secret_of(team, "app-jwt", jwt=token)
    block = {"role": "app", "secretRef": "app-jwt"}
    await authenticate(team, "jwt", block, mount=method.mount)
    await team.put(password="s3cret")

    await team.sync()

    await team.wait_value("password", b"s3cret")


async def test_app_role_logs_in_with_a_secret(team: Team) -> None:
    await log_in_by_app_role(team)
    await team.put(password="s3cret")

    await team.sync()

    await team.wait_value("password", b"s3cret")
    await team.wait_ready()  # the status is written after the Secret
    resource = await team.world.admin.get(team.named("VaultStaticSecret", "app"))
    assert resource is not None
    meta = resource["status"]["vaultClientMeta"]
    assert meta["cacheKey"].startswith("approle-")
    assert len(meta["id"]) == 64


async def test_app_role_logs_in_once_with_a_file(team: Team) -> None:
    method, login = await app_role(team)
    path = write_file(team.world, team.namespace, f"{login.secret_id}\n")
    block = {"roleId": login.role_id, "secretIDPath": path}
    logins = LoginCount.begin(team.world, method.mount)
    await authenticate(team, "appRole", block, mount=method.mount)

    names = await several(team)
    await refreshes(team, names)

    assert logins.value == 1, "upstream logs in again with each reconcile"


async def test_file_outside_the_roots_is_told_and_never_sent(team: Team) -> None:
    method, login = await app_role(team)
    path = str(Path(__file__))
    block = {"roleId": login.role_id, "secretIDPath": path}
    logins = LoginCount.begin(team.world, method.mount)
    await authenticate(team, "appRole", block, mount=method.mount)
    await team.sync()

    message = await team.wait_condition("False", "CredentialsUnavailable")
    assert "--credential-path-roots" in message
    assert logins.value == 0
    path = write_file(team.world, team.namespace, login.secret_id)
    block["secretIDPath"] = path
    await team.put(password="s3cret")
    await authenticate(team, "appRole", block, mount=method.mount)

    await team.wait_ready()


async def test_token_of_a_secret_is_used_and_renewed_and_never_revoked(
    team: Team,
) -> None:
    root = team.world.bao.root
    token = await root.create_token("app-policy", ttl="3s")
    await secret_of(team, "app-token", token=token.value)
    await authenticate(team, "token", {"secretRef": "app-token"})
    await team.put(password="s3cret")

    await team.sync()
    await team.wait_value("password", b"s3cret")
    await refreshes(team, ["app"], times=6)

    await team.wait_ready()
    await team.remove()
    await root.write("auth/token/lookup-accessor", {"accessor": token.accessor})


async def test_token_of_a_file_is_used(team: Team) -> None:
    token = await team.world.bao.root.create_token("app-policy")
    path = write_file(team.world, team.namespace, f"{token.value}\n")
    await authenticate(team, "token", {"tokenPath": path})
    await team.put(password="s3cret")

    await team.sync()

    await team.wait_value("password", b"s3cret")


async def test_token_of_a_secret_that_was_revoked_is_replaced_by_an_edit(
    team: Team,
) -> None:
    root = team.world.bao.root
    token = await root.create_token("app-policy")
    await secret_of(team, "app-token", token=token.value)
    await authenticate(team, "token", {"secretRef": "app-token"})
    await team.put(password="s3cret")
    await team.sync()
    await team.wait_ready()

    await root.revoke_accessor(token.accessor)
    message = await team.wait_condition("False", "Unhealthy", condition="Healthy")
    assert "the token has ended" in message
    await secret_of(
        team, "app-token", token=(await root.create_token("app-policy")).value
    )

    await team.wait_condition("True", "Healthy", condition="Healthy")


async def test_missing_credentials_are_told_and_found(team: Team) -> None:
    method, login = await app_role(team)
    block = {"roleId": login.role_id, "secretRef": "app-id"}
    await authenticate(team, "appRole", block, mount=method.mount)
    await team.put(password="s3cret")
    await team.sync()

    message = await team.wait_condition("False", "CredentialsUnavailable")
    assert message == f"Secret {team.namespace}/app-id does not exist"
    await secret_of(team, "app-id", id=login.secret_id)

    await team.wait_ready()


async def test_changed_secret_id_is_used_at_once(team: Team) -> None:
    method, login = await log_in_by_app_role(team)
    names = await several(team)
    logins = LoginCount.begin(team.world, method.mount)

    await method.destroy_secret_id("app", login.secret_id)
    await secret_of(team, "app-id", id=(await method.credentials("app")).secret_id)

    async def logged_in() -> None:
        assert logins.value == 1

    await eventually(logged_in, within=PATIENCE)
    await refreshes(team, names)
    assert logins.value == 1
    for name in names:
        await team.wait_ready(name)


async def test_row_29_revoked_token_costs_one_login_for_all_who_share_it(
    team: Team,
) -> None:
    neighbours = await team.world.team()
    await several(neighbours, 1)
    names = await several(team)
    accessors = await neighbours.tokens()
    logins = LoginCount.begin(team.world)

    await revoke_tokens(team)
    await refreshes(team, names)

    assert logins.value == 1
    assert await neighbours.tokens() == accessors
    for name in names:
        await team.wait_ready(name)
    await neighbours.end()


async def test_row_30_policy_that_was_taken_away_leads_to_no_login(team: Team) -> None:
    root = team.world.bao.root
    name = f"policy-{team.namespace}"
    rules = f'path "secret/data/{team.namespace}/*" {{ capabilities = ["read"] }}'
    await root.put_policy(name, rules)
    role = {**ANY_TEAM, "policies": [name]}
    await team.world.auth.put_role(f"role-{team.namespace}", **role)
    login = {"role": f"role-{team.namespace}", "serviceAccount": "app-sa"}
    await team.authenticate(kubernetes={**login, "audiences": [AUDIENCE]})
    names = await several(team)
    logins = LoginCount.begin(team.world)

    await root.put_policy(name, rules.replace("read", "deny"))
    message = await team.wait_condition(
        "False", "Unhealthy", condition="Healthy", name=names[0]
    )
    path = f"secret/data/{team.namespace}/{names[0]}"
    assert f"this identity has deny on {path} and needs read" in message
    await refreshes(team, names, times=4)
    assert logins.value == 0
    await root.put_policy(name, rules)

    for each in names:
        await team.wait_condition("True", "Healthy", condition="Healthy", name=each)
    assert logins.value == 0


@pytest.mark.parametrize("cause", ["role deleted", "wrong audience"])
async def test_row_31_refused_login_rests_for_the_identity_not_for_each_resource(
    team: Team, cause: str
) -> None:
    auth, root = team.world.auth, team.world.bao.root
    role = f"role-{team.namespace}"
    await auth.put_role(role, **ANY_TEAM)
    login = {"role": role, "serviceAccount": "app-sa", "audiences": [AUDIENCE]}
    await team.authenticate(kubernetes=login)
    names = await several(team, 10)
    logins = LoginCount.begin(team.world)

    if cause == "role deleted":
        await root.delete(f"auth/kubernetes/role/{role}")
    else:
        await auth.put_role(role, **{**ANY_TEAM, "audience": "somebody-else"})
    await revoke_tokens(team)
    for name in names:
        await team.wait_condition("False", "Unhealthy", condition="Healthy", name=name)

    async def tried_again() -> None:
        assert logins.value >= 6

    await eventually(tried_again, within=PATIENCE)
    rests = [later - one for one, later in pairwise(logins.starts)]
    # 200 ms, half as long again each time up to 1 s, shortened by a quarter at most.
    for rest, length in zip(rests, (0.2, 0.3, 0.45, 0.675, 1.0), strict=False):
        assert rest >= 0.75 * length
    await auth.put_role(role, **ANY_TEAM)

    for name in names:
        await team.wait_condition("True", "Healthy", condition="Healthy", name=name)


async def test_tokens_that_end_while_they_are_needed_are_replaced_unnoticed(
    team: Team,
) -> None:
    await log_in_by_app_role(team, ttl="2s", token_max_ttl="3s")
    names = await several(team, 2)
    logins = LoginCount.begin(team.world, f"approle-{team.namespace}")
    mark = team.world.vault_proxy.recorder.mark()

    await refreshes(team, names, times=8)

    seen = team.world.vault_proxy.recorder.since(mark)
    reads = [one for one in seen if "/secret/data/" in one.head.path]
    answered = (one for one in reads if one.duration is not None)
    assert {one.status for one in answered} == {200}
    rests = [later - one for one, later in pairwise(logins.starts)]
    assert rests, "no token lives longer than 3 s"
    assert min(rests) > 1, "the next login is due when the token has little left"
    for name in names:
        await team.wait_ready(name)


async def test_mount_that_is_disabled_is_told_and_found(team: Team) -> None:
    method, login = await log_in_by_app_role(team)
    root = team.world.bao.root
    await team.put(password="s3cret")
    await team.sync()
    await team.wait_ready()

    await root.delete(f"sys/auth/{method.mount}")
    message = await team.wait_condition("False", "Unhealthy", condition="Healthy")
    assert f"auth/{method.mount}/login" in message
    again = await AppRoleAuth.enable(root, mount=method.mount)
    role_id = {"role_id": login.role_id}
    await again.put_role("app", policies=POLICIES)
    await root.write(f"auth/{method.mount}/role/app/role-id", role_id)
    await secret_of(team, "app-id", id=(await again.credentials("app")).secret_id)

    await team.wait_condition("True", "Healthy", condition="Healthy")
