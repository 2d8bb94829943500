"""VaultAuthGlobal: what several VaultAuths have in common."""

from __future__ import annotations

from pydantic import Field

from vso_controller.api.model import AlwaysPresent, ApiModel
from vso_controller.api.v1beta1.shared import Status
from vso_controller.api.v1beta1.vaultauth import (
    AppRoleAuth,
    AuthMethod,
    AWSAuth,
    GCPAuth,
    JWTAuth,
    KubernetesAuth,
    TokenAuth,
)


class MethodDefaults(ApiModel):
    """What holds for the VaultAuths that use one auth method."""

    namespace: str | None = None
    """Vault namespace to log in to with this method."""
    mount: str | None = None
    """Mount of the auth method."""
    params: dict[str, str] = Field(default_factory=dict)
    """Query parameters to send with logins by this method."""
    headers: dict[str, str] = Field(default_factory=dict)
    """HTTP headers to send with every request of an identity that uses this method."""


class GlobalKubernetesAuth(KubernetesAuth, MethodDefaults):
    """Logs in with a token of a ServiceAccount, reviewed by the API server."""


class GlobalJWTAuth(JWTAuth, MethodDefaults):
    """Logs in with a JWT: a ServiceAccount's token or the content of a Secret."""


class GlobalAppRoleAuth(AppRoleAuth, MethodDefaults):
    """Logs in with a role ID and a secret ID."""


class GlobalAWSAuth(AWSAuth, MethodDefaults):
    """Logs in with a signed request to AWS that Vault replays."""


class GlobalGCPAuth(GCPAuth, MethodDefaults):
    """Logs in as a Google service account by workload identity."""


class GlobalTokenAuth(TokenAuth, MethodDefaults):
    """Uses a token that somebody else has made, and renews it if it can be renewed.

    The upstream operator does not know this method.
    """


class VaultAuthGlobalSpec(ApiModel):
    """What the VaultAuths that refer to this object inherit, and who may refer."""

    allowed_namespaces: tuple[str, ...] = ()
    """Kubernetes namespaces whose VaultAuths may use this one, or just `*` for all.

    Its own namespace always may.
    """
    vault_connection_ref: str | None = None
    """VaultConnection of those that name none: `name` or `namespace/name`.

    A bare name is looked up beside the VaultAuth.
    """
    default_vault_namespace: str | None = None
    """Vault namespace to log in to where neither VaultAuth nor method say one."""
    default_auth_method: AuthMethod | None = None
    """Auth method of those that name none."""
    default_mount: str | None = None
    """Mount of the auth method where neither VaultAuth nor method say one."""
    params: dict[str, str] = Field(default_factory=dict)
    """Query parameters to send with logins, as the VaultAuth's mergeStrategy says."""
    headers: dict[str, str] = Field(default_factory=dict)
    """HTTP headers to send with requests, as the VaultAuth's mergeStrategy says."""
    kubernetes: GlobalKubernetesAuth | None = None
    """Configuration of the method kubernetes."""
    jwt: GlobalJWTAuth | None = None
    """Configuration of the method jwt."""
    app_role: GlobalAppRoleAuth | None = None
    """Configuration of the method appRole."""
    aws: GlobalAWSAuth | None = None
    """Configuration of the method aws."""
    gcp: GlobalGCPAuth | None = None
    """Configuration of the method gcp."""
    token: GlobalTokenAuth | None = None
    """Configuration of the method token, which needs no mount."""


class VaultAuthGlobalStatus(Status):
    """Whether it can be used."""

    valid: AlwaysPresent[bool] = False
    """Whether the configuration can be inherited."""
    error: AlwaysPresent[str] = ""
    """Why it cannot; empty if it can."""
