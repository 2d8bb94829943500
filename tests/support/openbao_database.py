"""The database engine of OpenBao, before a PostgreSQL.

Source: the API documentation of the database secrets engine and of its PostgreSQL
plugin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.support.openbao_api import BaoApi
from tests.support.openbao_leases import Leases
from tests.support.postgres import Login, Postgres

_CONNECTION = "postgres"
_CREATE = (
    "CREATE ROLE \"{{name}}\" LOGIN PASSWORD '{{password}}'"
    " VALID UNTIL '{{expiration}}'"
)
_REVOKE = 'DROP ROLE IF EXISTS "{{name}}"'
_ROTATE = "ALTER ROLE \"{{name}}\" PASSWORD '{{password}}'"


@dataclass(frozen=True, slots=True)
class Issued:
    """What a dynamic role was read for: a login and the lease that it lives by."""

    login: Login
    lease_id: str
    lease_duration: int  # seconds


@dataclass(frozen=True, slots=True)
class Static:
    """The login of a static role as it is now."""

    login: Login
    ttl: int  # seconds until the next rotation
    last_rotation: str  # RFC 3339


class DatabaseEngine:
    """One mounted database engine, connected to one PostgreSQL."""

    def __init__(self, *, api: BaoApi, mount: str) -> None:
        self.mount = mount
        self._api = api

    @classmethod
    async def enable(
        cls, api: BaoApi, postgres: Postgres, *, mount: str = "database"
    ) -> DatabaseEngine:
        """Mount the engine and connect it to `postgres` as its superuser."""
        await api.write(f"sys/mounts/{mount}", {"type": "database"})
        connection = {
            "plugin_name": "postgresql-database-plugin",
            "connection_url": postgres.connection_url,
            "username": postgres.admin.user,
            "password": postgres.admin.password,
            "allowed_roles": "*",
        }
        await api.write(f"{mount}/config/{_CONNECTION}", connection)
        return cls(api=api, mount=mount)

    async def put_role(
        self, name: str, *, ttl: str = "1h", max_ttl: str = "24h", **options: object
    ) -> None:
        """Create or replace a dynamic role; `options` are those of the endpoint."""
        role: dict[str, object] = {
            "db_name": _CONNECTION,
            "creation_statements": [_CREATE],
            "revocation_statements": [_REVOKE],
            "default_ttl": ttl,
            "max_ttl": max_ttl,
        }
        await self._api.write(f"{self.mount}/roles/{name}", role | options)

    async def put_static_role(
        self, name: str, *, username: str, rotation_period: str = "24h"
    ) -> None:
        """Put `username`, a role of PostgreSQL's, under OpenBao's care.

        Its password is changed at once and then every `rotation_period`, of which
        OpenBao wants at least 5 s.
        """
        role = {
            "db_name": _CONNECTION,
            "username": username,
            "rotation_statements": [_ROTATE],
            "rotation_period": rotation_period,
        }
        await self._api.write(f"{self.mount}/static-roles/{name}", role)

    async def issue(self, role: str) -> Issued:
        """Let a dynamic role issue a new login."""
        reply = await self._api.read(f"{self.mount}/creds/{role}")
        return Issued(
            login=_login_in(reply["data"]),
            lease_id=reply["lease_id"],
            lease_duration=reply["lease_duration"],
        )

    async def static(self, role: str) -> Static:
        """Return the present login of a static role."""
        data = (await self._api.read(f"{self.mount}/static-creds/{role}"))["data"]
        return Static(
            login=_login_in(data),
            ttl=data["ttl"],
            last_rotation=data["last_vault_rotation"],
        )

    async def rotate(self, role: str) -> None:
        """Change the password of a static role now."""
        await self._api.write(f"{self.mount}/rotate-role/{role}")

    async def leases(self, role: str) -> set[str]:
        """Return the ids of the leases that a dynamic role still has."""
        return await Leases(api=self._api).below(f"{self.mount}/creds/{role}")


def _login_in(data: dict[str, Any]) -> Login:
    return Login(user=data["username"], password=data["password"])
