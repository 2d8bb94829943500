"""Auth methods of OpenBao that need no cluster: approle, jwt, cert, userpass.

The Kubernetes method is in `openbao_auth`. `options` are always those of the
endpoint (`token_max_ttl`, `token_period`, `token_num_uses`, ...).
Source: the API documentation of each auth method.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.support.openbao_api import BaoApi, Token, token_in


@dataclass(frozen=True, slots=True)
class AppRoleLogin:
    """What an application logs in with."""

    role_id: str
    secret_id: str = field(repr=False)


class AppRoleAuth:
    """One enabled AppRole method."""

    def __init__(self, *, api: BaoApi, mount: str) -> None:
        self.mount = mount
        self._api = api

    @classmethod
    async def enable(cls, api: BaoApi, *, mount: str = "approle") -> AppRoleAuth:
        """Enable the method. It has no roles yet."""
        await api.write(f"sys/auth/{mount}", {"type": "approle"})
        return cls(api=api, mount=mount)

    async def put_role(
        self, name: str, *, policies: Sequence[str], ttl: str = "1h", **options: object
    ) -> None:
        """Create or replace a role."""
        role: dict[str, object] = {"token_policies": policies, "token_ttl": ttl}
        await self._api.write(f"auth/{self.mount}/role/{name}", role | options)

    async def credentials(self, role: str) -> AppRoleLogin:
        """Return the role's id and a new secret id."""
        path = f"auth/{self.mount}/role/{role}"
        role_id = await self._api.read(f"{path}/role-id")
        secret_id = await self._api.write(f"{path}/secret-id")
        return AppRoleLogin(
            role_id=role_id["data"]["role_id"],
            secret_id=secret_id["data"]["secret_id"],
        )

    async def destroy_secret_id(self, role: str, secret_id: str) -> None:
        """Take a secret id out of use. Tokens that were issued for it stay."""
        path = f"auth/{self.mount}/role/{role}/secret-id/destroy"
        await self._api.write(path, {"secret_id": secret_id})

    async def login(self, credentials: AppRoleLogin) -> Token:
        """Log in as an application. Raises Refused as OpenBao does."""
        body = {
            "role_id": credentials.role_id,
            "secret_id": credentials.secret_id,
        }
        anyone = self._api.as_token("")
        return token_in(await anyone.write(f"auth/{self.mount}/login", body))


class JwtAuth:
    """One enabled JWT method that knows the keys tokens are signed with."""

    def __init__(self, *, api: BaoApi, mount: str) -> None:
        self.mount = mount
        self._api = api

    @classmethod
    async def enable(
        cls, api: BaoApi, *, public_keys: Sequence[str], mount: str = "jwt"
    ) -> JwtAuth:
        """Enable the method for tokens signed with one of `public_keys` (PEM)."""
        await api.write(f"sys/auth/{mount}", {"type": "jwt"})
        configuration = {"jwt_validation_pubkeys": public_keys}
        await api.write(f"auth/{mount}/config", configuration)
        return cls(api=api, mount=mount)

    async def put_role(
        self,
        name: str,
        *,
        audiences: Sequence[str],
        policies: Sequence[str],
        subject: str = "",
        ttl: str = "1h",
        **options: object,
    ) -> None:
        """Create or replace a role; `subject` "" takes any."""
        role: dict[str, object] = {
            "role_type": "jwt",
            "user_claim": "sub",
            "bound_audiences": audiences,
            "bound_subject": subject,
            "token_policies": policies,
            "token_ttl": ttl,
        }
        await self._api.write(f"auth/{self.mount}/role/{name}", role | options)

    async def login(self, role: str, jwt: str) -> Token:
        """Log in with a signed token. Raises Refused as OpenBao does."""
        body = {"role": role, "jwt": jwt}
        anyone = self._api.as_token("")
        return token_in(await anyone.write(f"auth/{self.mount}/login", body))


class CertAuth:
    """One enabled TLS certificates method. The server must speak TLS."""

    def __init__(self, *, api: BaoApi, mount: str) -> None:
        self.mount = mount
        self._api = api

    @classmethod
    async def enable(cls, api: BaoApi, *, mount: str = "cert") -> CertAuth:
        """Enable the method. It trusts nobody yet."""
        await api.write(f"sys/auth/{mount}", {"type": "cert"})
        return cls(api=api, mount=mount)

    async def put_role(
        self,
        name: str,
        *,
        ca_pem: str,
        policies: Sequence[str],
        ttl: str = "1h",
        **options: object,
    ) -> None:
        """Trust clients whose certificate `ca_pem` has signed."""
        role: dict[str, object] = {
            "certificate": ca_pem,
            "token_policies": policies,
            "token_ttl": ttl,
        }
        await self._api.write(f"auth/{self.mount}/certs/{name}", role | options)

    async def login(self, client: BaoApi, *, role: str = "") -> Token:
        """Log in as `client`, which was connected with its certificate."""
        anyone = client.as_token("")
        body = {"name": role} if role else {}
        return token_in(await anyone.write(f"auth/{self.mount}/login", body))


class UserpassAuth:
    """One enabled method of names and passwords."""

    def __init__(self, *, api: BaoApi, mount: str) -> None:
        self.mount = mount
        self._api = api

    @classmethod
    async def enable(cls, api: BaoApi, *, mount: str = "userpass") -> UserpassAuth:
        """Enable the method. It has no users yet."""
        await api.write(f"sys/auth/{mount}", {"type": "userpass"})
        return cls(api=api, mount=mount)

    async def put_user(
        self,
        name: str,
        *,
        password: str,
        policies: Sequence[str],
        ttl: str = "1h",
        **options: object,
    ) -> None:
        """Create or replace a user."""
        user: dict[str, object] = {
            "password": password,
            "token_policies": policies,
            "token_ttl": ttl,
        }
        await self._api.write(f"auth/{self.mount}/users/{name}", user | options)

    async def login(self, name: str, password: str) -> Token:
        """Log in as a user. Raises Refused as OpenBao does."""
        anyone = self._api.as_token("")
        path = f"auth/{self.mount}/login/{name}"
        return token_in(await anyone.write(path, {"password": password}))
