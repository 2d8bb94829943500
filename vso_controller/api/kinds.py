"""The one table of the kinds this controller serves."""

from __future__ import annotations

from dataclasses import dataclass

from vso_controller.api.model import ApiModel
from vso_controller.api.v1beta1.secrettransformation import (
    SecretTransformationSpec,
    SecretTransformationStatus,
)
from vso_controller.api.v1beta1.vaultauth import VaultAuthSpec, VaultAuthStatus
from vso_controller.api.v1beta1.vaultauthglobal import (
    VaultAuthGlobalSpec,
    VaultAuthGlobalStatus,
)
from vso_controller.api.v1beta1.vaultconnection import (
    VaultConnectionSpec,
    VaultConnectionStatus,
)
from vso_controller.api.v1beta1.vaultdynamicsecret import (
    VaultDynamicSecretSpec,
    VaultDynamicSecretStatus,
)
from vso_controller.api.v1beta1.vaultpkisecret import (
    VaultPKISecretSpec,
    VaultPKISecretStatus,
)
from vso_controller.api.v1beta1.vaultstaticsecret import (
    VaultStaticSecretSpec,
    VaultStaticSecretStatus,
)
from vso_controller.foundation.objects import ResourceType

GROUP = "secrets.hashicorp.com"
VERSION = "v1beta1"


@dataclass(frozen=True, slots=True)
class PrinterColumn:
    """A column that `kubectl get` shows."""

    name: str
    json_path: str
    type: str = "string"


@dataclass(frozen=True, slots=True)
class Kind:
    """What there is to know about a kind without knowing what it does."""

    resource: ResourceType
    singular: str
    list_kind: str
    description: str
    spec: type[ApiModel]
    status: type[ApiModel]
    columns: tuple[PrinterColumn, ...]
    upstream_finalizer: str  # may sit on objects that it handled; "" if it adds none

    @property
    def name(self) -> str:
        return self.resource.kind


def _condition(name: str, condition_type: str) -> PrinterColumn:
    path = f'.status.conditions[?(@.type == "{condition_type}")].status'
    return PrinterColumn(name, path)


_SYNCED = _condition("Synced", "SecretSynced")
_HEALTHY = _condition("Healthy", "Healthy")
_READY = _condition("Ready", "Ready")
_AGE = PrinterColumn("Age", ".metadata.creationTimestamp", "date")

VAULT_CONNECTION = Kind(
    resource=ResourceType(GROUP, VERSION, "vaultconnections", "VaultConnection"),
    singular="vaultconnection",
    list_kind="VaultConnectionList",
    description="A VaultConnection says how to reach a Vault server.",
    spec=VaultConnectionSpec,
    status=VaultConnectionStatus,
    columns=(_HEALTHY, _READY, _AGE),
    upstream_finalizer=f"vaultconnection.{GROUP}/finalizer",
)
VAULT_AUTH = Kind(
    resource=ResourceType(GROUP, VERSION, "vaultauths", "VaultAuth"),
    singular="vaultauth",
    list_kind="VaultAuthList",
    description="A VaultAuth says how to log in to Vault, and who may use it.",
    spec=VaultAuthSpec,
    status=VaultAuthStatus,
    columns=(_HEALTHY, _READY, _AGE),
    upstream_finalizer=f"vaultauth.{GROUP}/finalizer",
)
VAULT_AUTH_GLOBAL = Kind(
    resource=ResourceType(GROUP, VERSION, "vaultauthglobals", "VaultAuthGlobal"),
    singular="vaultauthglobal",
    list_kind="VaultAuthGlobalList",
    description="A VaultAuthGlobal has what several VaultAuths inherit.",
    spec=VaultAuthGlobalSpec,
    status=VaultAuthGlobalStatus,
    columns=(),
    upstream_finalizer="",
)
VAULT_STATIC_SECRET = Kind(
    resource=ResourceType(GROUP, VERSION, "vaultstaticsecrets", "VaultStaticSecret"),
    singular="vaultstaticsecret",
    list_kind="VaultStaticSecretList",
    description=(
        "A VaultStaticSecret keeps a Secret equal to an entry of Vault's key-value "
        "engine."
    ),
    spec=VaultStaticSecretSpec,
    status=VaultStaticSecretStatus,
    columns=(_SYNCED, _HEALTHY, _READY, _AGE),
    upstream_finalizer=f"vaultstaticsecret.{GROUP}/finalizer",
)
VAULT_DYNAMIC_SECRET = Kind(
    resource=ResourceType(GROUP, VERSION, "vaultdynamicsecrets", "VaultDynamicSecret"),
    singular="vaultdynamicsecret",
    list_kind="VaultDynamicSecretList",
    description=(
        "A VaultDynamicSecret keeps credentials in a Secret that Vault issues for a "
        "time."
    ),
    spec=VaultDynamicSecretSpec,
    status=VaultDynamicSecretStatus,
    columns=(_SYNCED, _HEALTHY, _READY, _AGE),
    upstream_finalizer=f"vaultdynamicsecret.{GROUP}/finalizer",
)
VAULT_PKI_SECRET = Kind(
    resource=ResourceType(GROUP, VERSION, "vaultpkisecrets", "VaultPKISecret"),
    singular="vaultpkisecret",
    list_kind="VaultPKISecretList",
    description="A VaultPKISecret keeps a certificate in a Secret that Vault issues.",
    spec=VaultPKISecretSpec,
    status=VaultPKISecretStatus,
    columns=(_SYNCED, _HEALTHY, _READY, _AGE),
    upstream_finalizer=f"vaultpkisecrets.{GROUP}/finalizer",
)
SECRET_TRANSFORMATION = Kind(
    resource=ResourceType(
        GROUP, VERSION, "secrettransformations", "SecretTransformation"
    ),
    singular="secrettransformation",
    list_kind="SecretTransformationList",
    description=(
        "A SecretTransformation has templates and filters that several resources can "
        "refer to."
    ),
    spec=SecretTransformationSpec,
    status=SecretTransformationStatus,
    columns=(_HEALTHY, _READY, _AGE),
    upstream_finalizer="",
)

KINDS = (
    VAULT_CONNECTION,
    VAULT_AUTH,
    VAULT_AUTH_GLOBAL,
    VAULT_STATIC_SECRET,
    VAULT_DYNAMIC_SECRET,
    VAULT_PKI_SECRET,
    SECRET_TRANSFORMATION,
)
_NOT_RECONCILED = (VAULT_PKI_SECRET,)
RECONCILED = tuple(kind for kind in KINDS if kind not in _NOT_RECONCILED)
"""The kinds that are watched; of the others there is no more than the schema yet."""

_BY_NAME = {kind.name: kind for kind in KINDS}


def kind_named(name: str) -> Kind | None:
    """Return the kind called `name` (`VaultAuth`), or None if it is not ours."""
    return _BY_NAME.get(name)
