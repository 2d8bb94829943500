"""What a VaultAuth says about logging in, checked.

One small description for each auth method, and one table that chooses by method. Each
names all fields that are missing or contradict each other, not just the last one.

Source of the rules: the upstream operator's behaviour; the method `token` is ours.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath

from vso_controller.api.v1beta1.vaultauth import (
    AppRoleAuth,
    AuthMethod,
    JWTAuth,
    KubernetesAuth,
    TokenAuth,
    VaultAuthSpec,
)
from vso_controller.domain.features import unsupported_in_auth
from vso_controller.domain.reasons import Failure, Reason
from vso_controller.domain.references import ReferenceMalformed, check_name

JWT_KEY = "jwt"
SECRET_ID_KEY = "id"
TOKEN_KEY = "token"


@dataclass(frozen=True, slots=True)
class ServiceAccountToken:
    """A token of a ServiceAccount, asked for at each login."""

    service_account: str
    audiences: tuple[str, ...]
    expiration_seconds: int


@dataclass(frozen=True, slots=True)
class SecretEntry:
    """The value of one key of a Kubernetes Secret."""

    secret: str
    key: str


@dataclass(frozen=True, slots=True)
class FileContent:
    """The content of a file of the controller's."""

    path: str


Source = ServiceAccountToken | SecretEntry | FileContent
"""Where the confidential part of a login comes from."""


@dataclass(frozen=True, slots=True)
class KubernetesLogin:
    """A ServiceAccount's token, which Vault has the API server review."""

    role: str
    source: ServiceAccountToken


@dataclass(frozen=True, slots=True)
class JwtLogin:
    """A JWT, which Vault verifies by the keys of its issuer."""

    role: str
    source: ServiceAccountToken | SecretEntry


@dataclass(frozen=True, slots=True)
class AppRoleLogin:
    """A role ID and a secret ID."""

    role_id: str
    source: SecretEntry | FileContent


@dataclass(frozen=True, slots=True)
class TokenLogin:
    """A token that somebody else has made: nobody logs in with it."""

    source: SecretEntry | FileContent


How = KubernetesLogin | JwtLogin | AppRoleLogin | TokenLogin


@dataclass(frozen=True, slots=True)
class Login:
    """Where to log in, and how."""

    method: AuthMethod
    mount: str  # "" for the method `token`, which has none
    how: How
    namespace: str  # of Vault; "" for the root namespace
    headers: Mapping[str, str] = field(default_factory=dict)  # of every call
    params: Mapping[str, str] = field(default_factory=dict)  # the login's query


def login_of(spec: VaultAuthSpec) -> Login | Failure:
    """Return the login that the spec describes, or what is wrong with it."""
    refusal = unsupported_in_auth(spec)
    if refusal is not None:
        return refusal
    described = _described(spec)
    if isinstance(described, Failure):
        return described
    method, how = described
    return Login(
        method=method,
        mount=spec.mount or "",
        how=how,
        namespace=spec.namespace or "",
        headers=spec.headers,
        params=spec.params,
    )


def fingerprint(login: Login) -> str:
    """Return a digest by which logins that differ in anything can be told apart."""
    written = json.dumps(asdict(login), sort_keys=True)
    return hashlib.sha256(written.encode()).hexdigest()


@dataclass(slots=True)
class _Check:
    """Collects what is wrong with the fields of a spec."""

    missing: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def text(self, name: str, value: str | None) -> str:
        """Take in a field that must be there."""
        if not value:
            self.missing.append(name)
        return value or ""

    def name(self, field_name: str, value: str | None) -> None:
        """Take in the name, if there is one, of an object beside the consumer."""
        if not value:
            return
        try:
            check_name(value)
        except ReferenceMalformed as error:
            self.wrong.append(f"{field_name}: {error}")

    def path(self, name: str, value: str) -> None:
        """Take in a path, which must be absolute and climb nowhere."""
        path = PurePosixPath(value)
        if not path.is_absolute() or ".." in path.parts:
            self.wrong.append(f"{name}: must be an absolute path without `..`")

    def failure(self) -> Failure | None:
        """Return all that was wrong, None if nothing was."""
        reasons = "; ".join(self._reasons())
        return Failure(Reason.INVALID_SPEC, reasons) if reasons else None

    def _reasons(self) -> Iterator[str]:
        if self.missing:
            yield f"not set: {', '.join(self.missing)}"
        yield from self.wrong


def _kubernetes(spec: VaultAuthSpec, check: _Check) -> How:
    auth = spec.kubernetes or KubernetesAuth()
    check.text("spec.mount", spec.mount)
    role = check.text("spec.kubernetes.role", auth.role)
    check.text("spec.kubernetes.serviceAccount", auth.service_account)
    check.name("spec.kubernetes.serviceAccount", auth.service_account)
    return KubernetesLogin(role, _token_of(auth))


def _jwt(spec: VaultAuthSpec, check: _Check) -> How:
    auth = spec.jwt or JWTAuth()
    check.text("spec.mount", spec.mount)
    role = check.text("spec.jwt.role", auth.role)
    check.name("spec.jwt.serviceAccount", auth.service_account)
    check.name("spec.jwt.secretRef", auth.secret_ref)
    if auth.service_account:
        return JwtLogin(role, _token_of(auth))
    secret = check.text(
        "spec.jwt.serviceAccount or spec.jwt.secretRef", auth.secret_ref
    )
    return JwtLogin(role, SecretEntry(secret, JWT_KEY))


def _app_role(spec: VaultAuthSpec, check: _Check) -> How:
    auth = spec.app_role or AppRoleAuth()
    check.text("spec.mount", spec.mount)
    role_id = check.text("spec.appRole.roleId", auth.role_id)
    secret = "spec.appRole.secretRef", auth.secret_ref, SECRET_ID_KEY
    file = "spec.appRole.secretIDPath", auth.secret_id_path
    return AppRoleLogin(role_id, _one_of(secret, file, check))


def _token(spec: VaultAuthSpec, check: _Check) -> How:
    auth = spec.token or TokenAuth()
    secret = "spec.token.secretRef", auth.secret_ref, TOKEN_KEY
    file = "spec.token.tokenPath", auth.token_path
    return TokenLogin(_one_of(secret, file, check))


_METHODS: dict[AuthMethod, Callable[[VaultAuthSpec, _Check], How]] = {
    AuthMethod.KUBERNETES: _kubernetes,
    AuthMethod.JWT: _jwt,
    AuthMethod.APP_ROLE: _app_role,
    AuthMethod.TOKEN: _token,
}


def _described(spec: VaultAuthSpec) -> tuple[AuthMethod, How] | Failure:
    check = _Check()
    # Without a method the fields of the commonest one are named, so that one edit does.
    method = spec.method or AuthMethod.KUBERNETES
    check.text("spec.method", spec.method)
    how = _METHODS[method](spec, check)
    return check.failure() or (method, how)


def _token_of(auth: KubernetesAuth | JWTAuth) -> ServiceAccountToken:
    return ServiceAccountToken(
        service_account=auth.service_account or "",
        audiences=auth.audiences,
        expiration_seconds=auth.token_expiration_seconds,
    )


def _one_of(
    secret: tuple[str, str | None, str], file: tuple[str, str | None], check: _Check
) -> SecretEntry | FileContent:
    """Return the one of two sources that is set."""
    (secret_field, name, key), (file_field, path) = secret, file
    if name and path:
        check.wrong.append(f"{secret_field} and {file_field}: set one, not both")
    check.text(f"{secret_field} or {file_field}", name or path)
    check.name(secret_field, name)
    if not path:
        return SecretEntry(name or "", key)
    check.path(file_field, path)
    return FileContent(path)
