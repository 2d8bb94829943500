"""The Kubernetes auth method of OpenBao: roles, and logins as a workload makes them."""

from __future__ import annotations

from collections.abc import Sequence

from tests.support.openbao_api import BaoApi, Token, token_in


class KubernetesAuth:
    """One enabled Kubernetes auth method."""

    def __init__(self, *, api: BaoApi, mount: str) -> None:
        self.mount = mount
        self._api = api

    @classmethod
    async def enable(
        cls,
        api: BaoApi,
        *,
        host: str,
        ca_pem: str,
        reviewer_token: str | None = None,
        mount: str = "kubernetes",
    ) -> KubernetesAuth:
        """Enable the method at `mount` and point it to the API server at `host`.

        It asks there (TokenReview) as `reviewer_token`; None: as the one who logs
        in, who then needs the right to create TokenReviews.
        """
        await api.write(f"sys/auth/{mount}", {"type": "kubernetes"})
        method = cls(api=api, mount=mount)
        await method.configure(host=host, ca_pem=ca_pem, reviewer_token=reviewer_token)
        return method

    async def configure(
        self, *, host: str, ca_pem: str, reviewer_token: str | None = None
    ) -> None:
        """Point the method to another API server, or give it another reviewer."""
        configuration: dict[str, object] = {
            "kubernetes_host": host,
            "kubernetes_ca_cert": ca_pem,
            "disable_local_ca_jwt": True,
            "token_reviewer_jwt": reviewer_token or "",
        }
        await self._api.write(f"auth/{self.mount}/config", configuration)

    async def put_role(
        self,
        name: str,
        *,
        service_accounts: Sequence[str],
        namespaces: Sequence[str],
        policies: Sequence[str],
        audience: str = "",
        ttl: str = "1h",
        **options: object,
    ) -> None:
        """Create or replace a role.

        `audience` "" takes tokens for any; `options` are those of the endpoint
        (`token_max_ttl`, `token_period`, `token_num_uses`, ...).
        """
        role: dict[str, object] = {
            "bound_service_account_names": service_accounts,
            "bound_service_account_namespaces": namespaces,
            "token_policies": policies,
            "token_ttl": ttl,
        }
        if audience:
            role["audience"] = audience
        await self._api.write(f"auth/{self.mount}/role/{name}", role | options)

    async def login(self, role: str, jwt: str) -> Token:
        """Log in with a ServiceAccount token. Raises Refused as OpenBao does."""
        body = {"role": role, "jwt": jwt}
        anyone = self._api.as_token("")
        return token_in(await anyone.write(f"auth/{self.mount}/login", body))
