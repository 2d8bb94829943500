"""Where the confidential part of a login comes from: fetched live, for each login.

Each source knows the uid of what provides it, as soon as it was fetched once: it goes
into the name by which the upstream operator knows a client. That of a ServiceAccount is
told by its token, so it costs no request and no right.

Who cannot be fetched for a reason that a person should read raises Refusal; other
failures are those of the API server.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Protocol
from uuid import NAMESPACE_URL, uuid5

from vso_controller.credentials.files import FileUnusable, FileVersion, RootedFiles
from vso_controller.credentials.ports import OpenSecrets, TokenRequester
from vso_controller.domain.login import FileContent, SecretEntry, ServiceAccountToken
from vso_controller.domain.reasons import Reason, Refusal
from vso_controller.foundation.errors import Gone
from vso_controller.foundation.objects import ObjectKey, ObjectVersion
from vso_controller.foundation.secret import Secret
from vso_controller.kube.errors import Forbidden, Unprocessable
from vso_controller.runtime.versions import is_older


class Source(Protocol):
    """Provides the confidential part of the logins of one identity."""

    provider_uid: str
    """Of what provides it; "" before it was fetched, and where nobody tells."""
    needs_looking: bool
    """Whether `has_changed` must be asked from time to time: no watch tells."""

    @property
    def secret(self) -> ObjectKey | None:
        """The Secret that it comes from, None if it does not."""
        ...

    async def fetch(self) -> Secret[str]:
        """Return it as it is now."""
        ...

    def has_seen(self, version: ObjectVersion) -> bool:
        """Whether the last fetch saw its Secret in this version, or a later one."""
        ...

    async def has_changed(self) -> bool:
        """Whether it was fetched, and is another one now by what no watch tells."""
        ...


class ServiceAccountSource:
    """Tokens of a ServiceAccount."""

    secret = None
    needs_looking = False

    def __init__(
        self, *, tokens: TokenRequester, namespace: str, token: ServiceAccountToken
    ) -> None:
        self.provider_uid = ""
        self._tokens = tokens
        self._account = ObjectKey(namespace, token.service_account)
        self._token = token

    async def fetch(self) -> Secret[str]:
        """Return a new token of the ServiceAccount."""
        try:
            token = await self._tokens.request_token(
                self._account,
                audiences=self._token.audiences,
                expiration_seconds=self._token.expiration_seconds,
            )
        except Gone as error:
            raise Refusal(
                Reason.SERVICE_ACCOUNT_NOT_FOUND,
                f"ServiceAccount {self._account} does not exist",
            ) from error
        except (Forbidden, Unprocessable) as error:
            raise Refusal(Reason.SERVICE_ACCOUNT_TOKEN_REFUSED, str(error)) from error
        self.provider_uid = account_uid(token)
        return token

    def has_seen(self, _: ObjectVersion) -> bool:
        return True

    async def has_changed(self) -> bool:
        return False


class SecretSource:
    """The value of a key of a Secret."""

    needs_looking = False

    def __init__(
        self, *, secrets: OpenSecrets, namespace: str, entry: SecretEntry
    ) -> None:
        self.provider_uid = ""
        self.secret = ObjectKey(namespace, entry.secret)
        self._secrets = secrets
        self._entry = entry
        self._version = ""  # of the Secret as it was fetched last

    async def fetch(self) -> Secret[str]:
        """Return the value as it is; only what can be no text is refused."""
        try:
            found = await self._secrets.read_open(self.secret)
        except Gone as error:
            raise _unavailable(f"Secret {self.secret} does not exist") from error
        except Forbidden as error:
            raise _unavailable(str(error)) from error
        self.provider_uid, self._version = found.uid, found.resource_version
        value = found.data.reveal().get(self._entry.key)
        if not value:
            raise _unavailable(f"Secret {self.secret} has no key {self._entry.key!r}")
        return _text(value, f"key {self._entry.key!r} of Secret {self.secret}")

    def has_seen(self, version: ObjectVersion) -> bool:
        told = version.resource_version
        return version.uid == self.provider_uid and (
            told == self._version or is_older(told, than=self._version)
        )

    async def has_changed(self) -> bool:
        return False


class FileSource:
    """The content of a file, without white space around it."""

    secret = None
    needs_looking = True

    def __init__(self, *, files: RootedFiles, file: FileContent) -> None:
        # The same in every process, whatever becomes of the file.
        self.provider_uid = str(uuid5(NAMESPACE_URL, f"file://{file.path}"))
        self._files = files
        self._path = file.path
        self._version: FileVersion | None = None

    async def fetch(self) -> Secret[str]:
        """Return the content."""
        try:
            found = await self._files.read(self._path)
        except FileUnusable as error:
            raise _unavailable(f"file {error}") from error
        self._version = found.version
        value = found.content.reveal().strip()
        if not value:
            raise _unavailable(f"file {self._path} is empty")
        return _text(value, f"file {self._path}")

    def has_seen(self, _: ObjectVersion) -> bool:
        return True

    async def has_changed(self) -> bool:
        return self._version is not None and not await self._files.is_unchanged(
            self._version
        )


def account_uid(token: Secret[str]) -> str:
    """Return the uid of the ServiceAccount that a token says it is of, "" if none.

    It is what the API server wrote there: it has just issued the token.
    """
    try:
        part = token.reveal().split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        uid = claims["kubernetes.io"]["serviceaccount"]["uid"]
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
        return ""
    return uid if isinstance(uid, str) else ""


def _text(value: bytes, what: str) -> Secret[str]:
    try:
        return Secret(value.decode())
    except UnicodeDecodeError:
        # Not chained on purpose: the decoder's error carries the value.
        raise _unavailable(f"{what} is no text") from None


def _unavailable(why: str) -> Refusal:
    return Refusal(Reason.CREDENTIALS_UNAVAILABLE, why)
