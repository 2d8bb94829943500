"""VaultAuth: how to log in to Vault."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from vso_controller.api.model import ApiModel, Int64
from vso_controller.api.v1beta1.shared import Status


class AuthMethod(StrEnum):
    """The auth methods of Vault that can be used."""

    KUBERNETES = "kubernetes"
    JWT = "jwt"
    APP_ROLE = "appRole"
    AWS = "aws"
    GCP = "gcp"
    TOKEN = "token"


class MergeStrategy(StrEnum):
    """How a map is merged with the one of the VaultAuthGlobal."""

    UNION = "union"
    REPLACE = "replace"
    NONE = "none"


class MergeStrategies(ApiModel):
    """How maps are merged with those of the VaultAuthGlobal."""

    headers: MergeStrategy | None = None
    """Strategy for headers: none if empty."""
    params: MergeStrategy | None = None
    """Strategy for params: none if empty."""


class VaultAuthGlobalRef(ApiModel):
    """The VaultAuthGlobal to inherit from."""

    name: Annotated[str, Field(pattern="^([a-z0-9.-]{1,253})$")] | None = None
    """Name of the VaultAuthGlobal."""
    namespace: Annotated[str, Field(pattern="^([a-z0-9-]{1,63})$")] | None = None
    """Namespace of the VaultAuthGlobal; that of this object if empty."""
    allow_default: bool | None = None
    """Fall back to the VaultAuthGlobal `default` if name is empty.

    It is looked for in the given namespace, else in that of this object and
    then in that of the controller.
    """
    merge_strategy: MergeStrategies | None = None
    """How maps are merged with those of the VaultAuthGlobal."""


class KubernetesAuth(ApiModel):
    """Logs in with a token of a ServiceAccount, reviewed by the API server."""

    role: str | None = None
    """Role of the auth method."""
    service_account: str | None = None
    """ServiceAccount whose token is sent, in the namespace of the syncing object."""
    audiences: tuple[str, ...] = ()
    """Audiences of the token; the API server's own if empty."""
    token_expiration_seconds: Int64 = Field(default=600, ge=600)
    """Life of the token in seconds."""


class JWTAuth(ApiModel):
    """Logs in with a JWT: a ServiceAccount's token or the content of a Secret."""

    role: str | None = None
    """Role of the auth method."""
    secret_ref: str | None = None
    """Secret whose key `jwt` is sent, in the namespace of the syncing object."""
    service_account: str | None = None
    """ServiceAccount whose token is sent, in the namespace of the syncing object."""
    audiences: tuple[str, ...] = ()
    """Audiences of the ServiceAccount's token; the API server's own if empty."""
    token_expiration_seconds: Int64 = Field(default=600, ge=600)
    """Life of the ServiceAccount's token in seconds."""


class AppRoleAuth(ApiModel):
    """Logs in with a role ID and a secret ID."""

    role_id: str | None = None
    """Role ID of the AppRole."""
    secret_id_path: str | None = Field(default=None, alias="secretIDPath")
    """Path of a file in the controller's container that holds the secret ID."""
    secret_ref: str | None = None
    """Secret whose key `id` is the secret ID, in the syncing object's namespace."""


class AWSAuth(ApiModel):
    """Logs in with a signed request to AWS that Vault replays."""

    role: str | None = None
    """Role of the auth method."""
    region: str | None = None
    """AWS region to sign for."""
    header_value: str | None = None
    """Value of the header X-Vault-AWS-IAM-Server-ID in the signed request."""
    session_name: str | None = None
    """Name of the session when a role is assumed by web identity."""
    sts_endpoint: str | None = None
    """URL of STS, where it is not the region's own."""
    iam_endpoint: str | None = None
    """URL of IAM, where it is not the region's own."""
    secret_ref: str | None = None
    """Secret with access_key_id, secret_access_key and, if needed, session_token."""
    irsa_service_account: str | None = None
    """ServiceAccount with an IAM role (IRSA), in the syncing object's namespace."""


class GCPAuth(ApiModel):
    """Logs in as a Google service account by workload identity."""

    role: str | None = None
    """Role of the auth method."""
    workload_identity_service_account: str | None = None
    """ServiceAccount with workload identity, in the syncing object's namespace."""
    region: str | None = None
    """Region of the cluster; asked from the metadata server if empty."""
    cluster_name: str | None = None
    """Name of the cluster; asked from the metadata server if empty."""
    project_id: str | None = Field(default=None, alias="projectID")
    """Google project of the cluster; asked from the metadata server if empty."""


class TokenAuth(ApiModel):
    """Uses a token that somebody else has made, and renews it if it can be renewed.

    The upstream operator does not know this method.
    """

    secret_ref: str | None = None
    """Secret whose key `token` is the token, in the syncing object's namespace."""
    token_path: str | None = None
    """Path of a file in the controller's container that holds the token."""


class StorageEncryption(ApiModel):
    """The transit key that encrypts clients which are stored."""

    mount: str
    """Mount of the transit engine."""
    key_name: str
    """Name of the key."""


class VaultAuthSpec(ApiModel):
    """How to log in to Vault, and who may."""

    vault_connection_ref: str | None = None
    """VaultConnection to use: `name` or `namespace/name`.

    If empty, it is `default` in the namespace of the controller.
    """
    vault_auth_global_ref: VaultAuthGlobalRef | None = None
    """VaultAuthGlobal to inherit from."""
    namespace: str | None = None
    """Vault namespace to log in to; also that of requests which name none."""
    allowed_namespaces: tuple[str, ...] = ()
    """Kubernetes namespaces whose objects may use this one, or just `*` for all.

    Its own namespace always may.
    """
    method: AuthMethod | None = None
    """Auth method to use."""
    mount: str | None = None
    """Mount of the auth method."""
    params: dict[str, str] = Field(default_factory=dict)
    """Query parameters to send with the login request."""
    headers: dict[str, str] = Field(default_factory=dict)
    """HTTP headers to send with every request of this identity."""
    kubernetes: KubernetesAuth | None = None
    """Configuration of the method kubernetes."""
    jwt: JWTAuth | None = None
    """Configuration of the method jwt."""
    app_role: AppRoleAuth | None = None
    """Configuration of the method appRole."""
    aws: AWSAuth | None = None
    """Configuration of the method aws."""
    gcp: GCPAuth | None = None
    """Configuration of the method gcp."""
    token: TokenAuth | None = None
    """Configuration of the method token, which needs no mount."""
    storage_encryption: StorageEncryption | None = None
    """Transit key that encrypts clients which are stored."""


class VaultAuthStatus(Status):
    """Whether the configuration can be used."""

    valid: bool | None = None
    """Whether the configuration is valid."""
    error: str | None = None
    """Why it is not valid; empty if it is."""
    spec_hash: str | None = None
    """Digest of the spec after it was merged with the VaultAuthGlobal's."""
