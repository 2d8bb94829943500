"""From what a VaultAuth says of logging in to a login that works.

The ServiceAccounts and Secrets it names lie in the namespace of the consumer.
"""

from __future__ import annotations

import re

from vso_controller.credentials.files import RootedFiles
from vso_controller.credentials.ports import OpenSecrets, TokenRequester
from vso_controller.credentials.sources import (
    FileSource,
    SecretSource,
    ServiceAccountSource,
    Source,
)
from vso_controller.domain import login as described
from vso_controller.domain.reasons import Reason, Refusal
from vso_controller.foundation.secret import Secret
from vso_controller.vault.auth.approle import AppRoleLogin
from vso_controller.vault.auth.jwt import JwtLogin
from vso_controller.vault.auth.kubernetes import KubernetesLogin
from vso_controller.vault.auth.token import TokenLogin
from vso_controller.vault.ports import Credentials, LoginMethod

_TOKEN = re.compile("[!-~]+")


class IdentityLogin:
    """The LoginMethod of one identity, and what its credentials are made from."""

    def __init__(self, *, name: str, method: LoginMethod, source: Source) -> None:
        self.name = name  # as the VaultAuth calls it
        self.source = source
        self._method = method

    async def credentials(self) -> Credentials:
        """Return what to show to Vault now."""
        return await self._method.credentials()


class Logins:
    """Makes the logins of identities."""

    def __init__(
        self, *, tokens: TokenRequester, secrets: OpenSecrets, files: RootedFiles
    ) -> None:
        self._tokens = tokens
        self._secrets = secrets
        self._files = files

    def login(self, login: described.Login, namespace: str) -> IdentityLogin:
        """Return the login for consumers of `namespace`. Nothing is fetched yet."""
        source = self._source(login.how.source, namespace)
        method = _method(login.how, login.mount, source)
        return IdentityLogin(name=login.method, method=method, source=source)

    def _source(self, source: described.Source, namespace: str) -> Source:
        match source:
            case described.ServiceAccountToken():
                return ServiceAccountSource(
                    tokens=self._tokens, namespace=namespace, token=source
                )
            case described.SecretEntry():
                return SecretSource(
                    secrets=self._secrets, namespace=namespace, entry=source
                )
            case described.FileContent():
                return FileSource(files=self._files, file=source)


def _method(how: described.How, mount: str, source: Source) -> LoginMethod:
    match how:
        case described.KubernetesLogin(role=role):
            return KubernetesLogin(mount=mount, role=role, request_token=source.fetch)
        case described.JwtLogin(role=role):
            return JwtLogin(mount=mount, role=role, request_token=source.fetch)
        case described.AppRoleLogin(role_id=role_id):
            return AppRoleLogin(
                mount=mount, role_id=role_id, fetch_secret_id=source.fetch
            )
        case described.TokenLogin():
            return TokenLogin(fetch_token=lambda: _fetch_token(source))


async def _fetch_token(source: Source) -> Secret[str]:
    """Return a token that can go into a header."""
    token = (await source.fetch()).reveal().strip()
    if not _TOKEN.fullmatch(token):
        raise Refusal(
            Reason.CREDENTIALS_UNAVAILABLE, "what should be a token of Vault is none"
        )
    return Secret(token)
