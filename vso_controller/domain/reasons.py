"""The closed list of condition reasons, and what each one means for whom.

`REASONS` is the whole policy of failing: what the conditions say, which Event
is written, when the resource is tried again and what a person can do. It is
also the source of `docs/conditions.md`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from vso_controller.foundation.errors import OperationFailed


class Reason(StrEnum):
    """Why a condition is what it is. The values appear in status and metrics."""

    # True
    READY = "Ready"
    HEALTHY = "Healthy"
    SYNCED = "Synced"
    ACCEPTED = "Accepted"
    LOGIN_SUCCEEDED = "LoginSucceeded"
    SECRET_LEASE_RENEWAL = "SecretLeaseRenewal"
    # True or False, of Available
    VAULT_AUTH_GLOBAL_REF = "VaultAuthGlobalRef"
    # Unknown
    NO_LOGIN_YET = "NoLoginYet"
    # False, of the conditions that upstream gives one reason for all causes
    UNHEALTHY = "Unhealthy"
    SECRET_LEASE_RENEWAL_ERROR = "SecretLeaseRenewalError"
    VAULT_CLIENT_CONFIG_ERROR = "VaultClientConfigError"
    INVALID_CONFIGURATION = "InvalidConfiguration"
    # False, of Ready and SecretSynced
    INVALID_SPEC = "InvalidSpec"
    INVALID_REFERENCE = "InvalidReference"
    NAMESPACE_NOT_WATCHED = "NamespaceNotWatched"
    UNSUPPORTED_FEATURE = "UnsupportedFeature"
    VAULT_AUTH_NOT_FOUND = "VaultAuthNotFound"
    VAULT_AUTH_NOT_ALLOWED = "VaultAuthNotAllowed"
    VAULT_AUTH_INVALID = "VaultAuthInvalid"
    VAULT_AUTH_GLOBAL_NOT_FOUND = "VaultAuthGlobalNotFound"
    VAULT_AUTH_GLOBAL_NOT_ALLOWED = "VaultAuthGlobalNotAllowed"
    VAULT_AUTH_GLOBAL_INVALID = "VaultAuthGlobalInvalid"
    VAULT_CONNECTION_NOT_FOUND = "VaultConnectionNotFound"
    VAULT_CONNECTION_NOT_ALLOWED = "VaultConnectionNotAllowed"
    VAULT_CONNECTION_INVALID = "VaultConnectionInvalid"
    VAULT_ADDRESS_NOT_ALLOWED = "VaultAddressNotAllowed"
    CA_CERTIFICATE_UNAVAILABLE = "CACertificateUnavailable"
    SERVICE_ACCOUNT_NOT_FOUND = "ServiceAccountNotFound"
    SERVICE_ACCOUNT_TOKEN_REFUSED = "ServiceAccountTokenRefused"
    CREDENTIALS_UNAVAILABLE = "CredentialsUnavailable"
    VAULT_UNREACHABLE = "VaultUnreachable"
    VAULT_TLS_FAILED = "VaultTLSFailed"
    VAULT_SEALED = "VaultSealed"
    VAULT_NOT_INITIALIZED = "VaultNotInitialized"
    VAULT_THROTTLED = "VaultThrottled"
    VAULT_ERROR = "VaultError"
    VAULT_LOGIN_FAILED = "VaultLoginFailed"
    VAULT_PERMISSION_DENIED = "VaultPermissionDenied"
    VAULT_PATH_NOT_FOUND = "VaultPathNotFound"
    SECRET_VERSION_DELETED = "SecretVersionDeleted"
    TRANSFORMATION_INVALID = "TransformationInvalid"
    SECRET_TRANSFORMATION_NOT_FOUND = "SecretTransformationNotFound"
    SECRET_TRANSFORMATION_NOT_ALLOWED = "SecretTransformationNotAllowed"
    SECRET_TRANSFORMATION_INVALID = "SecretTransformationInvalid"
    TEMPLATE_FAILED = "TemplateFailed"
    INVALID_SECRET_DATA = "InvalidSecretData"
    DESTINATION_MISSING = "DestinationMissing"
    DESTINATION_NOT_OWNED = "DestinationNotOwned"
    DESTINATION_IMMUTABLE = "DestinationImmutable"
    DESTINATION_TERMINATING = "DestinationTerminating"
    KUBERNETES_FORBIDDEN = "KubernetesForbidden"
    KUBERNETES_REFUSED = "KubernetesRefused"
    KUBERNETES_UNAVAILABLE = "KubernetesUnavailable"


class Scope(StrEnum):
    """What a failure says about the destination Secret that is there."""

    SPEC = "spec"
    """The spec cannot be acted on: what is there is not what it asks for."""
    SOURCE = "source"
    """Vault could not be asked: what is there is what it said last."""
    DESTINATION = "destination"
    """The Secret is not what it should be."""


class Retry(StrEnum):
    """When a resource that failed is tried again without anybody's doing."""

    BACK_OFF = "after a rest of 5 s that grows to 60 s"
    TRIGGER = "as soon as the object it waits for changes"
    EDIT = "when its spec changes"
    REFRESH = "at its next refresh"


class EventReason(StrEnum):
    """The reason of an Event; upstream's names, and one of ours."""

    ACCEPTED = "Accepted"
    INVALID_CONFIGURATION = "InvalidConfiguration"
    INVALID_RESOURCE_REF = "InvalidResourceRef"
    K8S_CLIENT_ERROR = "K8sClientError"
    SECRET_DATA_BUILDER_ERROR = "SecretDataBuilderError"
    SECRET_LEASE_RENEWAL = "SecretLeaseRenewal"
    SECRET_LEASE_RENEWAL_ERROR = "SecretLeaseRenewalError"
    SECRET_LEASE_REVOKE = "SecretLeaseRevoke"
    SECRET_ROTATED = "SecretRotated"
    SECRET_SYNCED = "SecretSynced"
    SECRET_SYNC_ERROR = "SecretSyncError"
    SECRET_VERSION_WENT_BACK = "SecretVersionWentBack"
    """Ours: Vault shows an older version of an entry than it did before."""
    TRANSFORMATION_ERROR = "TransformationError"
    VAULT_CLIENT_CONFIG_ERROR = "VaultClientConfigError"
    VAULT_CLIENT_ERROR = "VaultClientError"


@dataclass(frozen=True, slots=True)
class Facts:
    """One row of the list: what a reason means and what follows from it."""

    meaning: str
    advice: str
    scope: Scope
    retry: Retry
    event: EventReason


_EDIT_SPEC = "Correct the spec; the message names the field."

REASONS: dict[Reason, Facts] = {
    Reason.INVALID_SPEC: Facts(
        "A field of the spec has a value that cannot be used.",
        _EDIT_SPEC,
        Scope.SPEC,
        Retry.EDIT,
        EventReason.INVALID_CONFIGURATION,
    ),
    Reason.INVALID_REFERENCE: Facts(
        "A reference to another object is not `name` or `namespace/name`.",
        _EDIT_SPEC,
        Scope.SPEC,
        Retry.EDIT,
        EventReason.INVALID_RESOURCE_REF,
    ),
    Reason.NAMESPACE_NOT_WATCHED: Facts(
        "A reference leads to a namespace that this controller does not watch.",
        "Add the namespace to `--watch-namespaces` of the controller, or refer to an "
        "object of a namespace that is named there.",
        Scope.SOURCE,
        Retry.TRIGGER,
        EventReason.INVALID_RESOURCE_REF,
    ),
    Reason.UNSUPPORTED_FEATURE: Facts(
        "The spec uses a feature that this version does not have.",
        "Remove the field the message names, or run a version that has it "
        "(docs/parity.md). Nothing is written rather than something else.",
        Scope.SPEC,
        Retry.EDIT,
        EventReason.INVALID_CONFIGURATION,
    ),
    Reason.VAULT_AUTH_NOT_FOUND: Facts(
        "The VaultAuth that the resource refers to does not exist.",
        "Create it, or correct `vaultAuthRef`.",
        Scope.SOURCE,
        Retry.TRIGGER,
        EventReason.VAULT_CLIENT_CONFIG_ERROR,
    ),
    Reason.VAULT_AUTH_NOT_ALLOWED: Facts(
        "The VaultAuth does not admit the namespace of the resource.",
        "Add the namespace to `allowedNamespaces` of the VaultAuth.",
        Scope.SOURCE,
        Retry.TRIGGER,
        EventReason.VAULT_CLIENT_CONFIG_ERROR,
    ),
    Reason.VAULT_AUTH_INVALID: Facts(
        "The VaultAuth cannot be used as it is.",
        "See the conditions of the VaultAuth.",
        Scope.SOURCE,
        Retry.TRIGGER,
        EventReason.VAULT_CLIENT_CONFIG_ERROR,
    ),
    Reason.VAULT_AUTH_GLOBAL_NOT_FOUND: Facts(
        "The VaultAuthGlobal that the VaultAuth refers to does not exist.",
        "Create it, or correct `vaultAuthGlobalRef` of the VaultAuth.",
        Scope.SOURCE,
        Retry.TRIGGER,
        EventReason.VAULT_CLIENT_CONFIG_ERROR,
    ),
    Reason.VAULT_AUTH_GLOBAL_NOT_ALLOWED: Facts(
        "The VaultAuthGlobal does not admit the namespace of the VaultAuth.",
        "Add the namespace to `allowedNamespaces` of the VaultAuthGlobal.",
        Scope.SOURCE,
        Retry.TRIGGER,
        EventReason.VAULT_CLIENT_CONFIG_ERROR,
    ),
    Reason.VAULT_AUTH_GLOBAL_INVALID: Facts(
        "The VaultAuthGlobal that the VaultAuth refers to cannot be used as it is.",
        "See the conditions of the VaultAuthGlobal.",
        Scope.SOURCE,
        Retry.TRIGGER,
        EventReason.VAULT_CLIENT_CONFIG_ERROR,
    ),
    Reason.VAULT_CONNECTION_NOT_FOUND: Facts(
        "The VaultConnection that the VaultAuth refers to does not exist.",
        "Create it, or correct `vaultConnectionRef`.",
        Scope.SOURCE,
        Retry.TRIGGER,
        EventReason.VAULT_CLIENT_CONFIG_ERROR,
    ),
    Reason.VAULT_CONNECTION_NOT_ALLOWED: Facts(
        "The VaultConnection lies in another namespace, which does not share it.",
        "Refer to one beside the VaultAuth or in the namespace of the controller, or "
        "add its namespace to `--shared-namespaces`.",
        Scope.SOURCE,
        Retry.TRIGGER,
        EventReason.VAULT_CLIENT_CONFIG_ERROR,
    ),
    Reason.VAULT_CONNECTION_INVALID: Facts(
        "The VaultConnection cannot be used as it is.",
        "Correct its spec; the message names the field.",
        Scope.SOURCE,
        Retry.TRIGGER,
        EventReason.VAULT_CLIENT_CONFIG_ERROR,
    ),
    Reason.VAULT_ADDRESS_NOT_ALLOWED: Facts(
        "The address of the VaultConnection is not where a Vault may be.",
        "Correct the address, or have `--vault-address-allow` list its host or network "
        "(docs/vault-environment.md).",
        Scope.SOURCE,
        Retry.BACK_OFF,
        EventReason.VAULT_CLIENT_CONFIG_ERROR,
    ),
    Reason.CA_CERTIFICATE_UNAVAILABLE: Facts(
        "The CA certificate of the VaultConnection could not be loaded.",
        "Create the Secret of `caCertSecretRef` with a PEM certificate under the "
        "key `ca.crt`, or mount the file of `caCertPath` below a directory of "
        "`--ca-path-roots`, or correct the reference.",
        Scope.SOURCE,
        Retry.BACK_OFF,
        EventReason.VAULT_CLIENT_CONFIG_ERROR,
    ),
    Reason.SERVICE_ACCOUNT_NOT_FOUND: Facts(
        "The ServiceAccount to log in with does not exist in the namespace of the "
        "resource.",
        "Create it, or correct `serviceAccount` of the VaultAuth.",
        Scope.SOURCE,
        Retry.BACK_OFF,
        EventReason.VAULT_CLIENT_CONFIG_ERROR,
    ),
    Reason.SERVICE_ACCOUNT_TOKEN_REFUSED: Facts(
        "Kubernetes issues no token for the ServiceAccount to log in with.",
        "Grant the controller the right that the message names (deploy/rbac), or "
        "correct `serviceAccount` and `audiences` of the VaultAuth.",
        Scope.SOURCE,
        Retry.BACK_OFF,
        EventReason.VAULT_CLIENT_CONFIG_ERROR,
    ),
    Reason.CREDENTIALS_UNAVAILABLE: Facts(
        "The Secret or the file to log in with is not there, or holds nothing of use.",
        "Create the Secret that the message names, in the namespace of the resource, "
        "or mount the file below a directory of `--credential-path-roots`.",
        Scope.SOURCE,
        Retry.BACK_OFF,
        EventReason.VAULT_CLIENT_CONFIG_ERROR,
    ),
    Reason.VAULT_UNREACHABLE: Facts(
        "Vault did not answer.",
        "Check the address of the VaultConnection, its DNS name and the network "
        "between the controller and Vault.",
        Scope.SOURCE,
        Retry.BACK_OFF,
        EventReason.VAULT_CLIENT_ERROR,
    ),
    Reason.VAULT_TLS_FAILED: Facts(
        "The TLS connection to Vault could not be verified.",
        "Check the CA certificate and `tlsServerName` of the VaultConnection.",
        Scope.SOURCE,
        Retry.BACK_OFF,
        EventReason.VAULT_CLIENT_ERROR,
    ),
    Reason.VAULT_SEALED: Facts(
        "Vault is sealed.",
        "Unseal Vault; the Secrets stay as they are meanwhile.",
        Scope.SOURCE,
        Retry.BACK_OFF,
        EventReason.VAULT_CLIENT_ERROR,
    ),
    Reason.VAULT_NOT_INITIALIZED: Facts(
        "Vault is not initialized.",
        "Initialize Vault.",
        Scope.SOURCE,
        Retry.BACK_OFF,
        EventReason.VAULT_CLIENT_ERROR,
    ),
    Reason.VAULT_THROTTLED: Facts(
        "Vault asked for fewer requests, or is so slow that the turn of the "
        "resource to ask it has not come for five minutes.",
        "Nothing, or raise the rate limit quota, or poll less often.",
        Scope.SOURCE,
        Retry.BACK_OFF,
        EventReason.VAULT_CLIENT_ERROR,
    ),
    Reason.VAULT_ERROR: Facts(
        "Vault failed to answer the request.",
        "See the message and Vault's own log.",
        Scope.SOURCE,
        Retry.BACK_OFF,
        EventReason.VAULT_CLIENT_ERROR,
    ),
    Reason.VAULT_LOGIN_FAILED: Facts(
        "Vault refused the login.",
        "Check mount, role and audiences of the VaultAuth against the role in "
        "Vault (bound names, bound namespaces, audience), and the secret ID, JWT or "
        "token it logs in with.",
        Scope.SOURCE,
        Retry.BACK_OFF,
        EventReason.VAULT_CLIENT_CONFIG_ERROR,
    ),
    Reason.VAULT_PERMISSION_DENIED: Facts(
        "The login worked, but its policies do not allow the read.",
        "Give a policy of the role the capability on the path that the message names.",
        Scope.SOURCE,
        Retry.BACK_OFF,
        EventReason.VAULT_CLIENT_ERROR,
    ),
    Reason.VAULT_PATH_NOT_FOUND: Facts(
        "There is nothing at the path.",
        "Check mount, type and path; write the secret in Vault. An existing Secret "
        "is left as it is.",
        Scope.SOURCE,
        Retry.BACK_OFF,
        EventReason.VAULT_CLIENT_ERROR,
    ),
    Reason.SECRET_VERSION_DELETED: Facts(
        "The version of the secret was deleted or destroyed in Vault.",
        "Undelete it or write a new version. The Secret keeps the last value.",
        Scope.SOURCE,
        Retry.BACK_OFF,
        EventReason.VAULT_CLIENT_ERROR,
    ),
    Reason.TRANSFORMATION_INVALID: Facts(
        "A template or a regular expression of the transformation cannot be read, or "
        "its parts contradict each other.",
        "Correct it; the message names the template and the line. `vso-controller "
        "render` tries it without a cluster (docs/transformation.md).",
        Scope.SPEC,
        Retry.EDIT,
        EventReason.TRANSFORMATION_ERROR,
    ),
    Reason.SECRET_TRANSFORMATION_NOT_FOUND: Facts(
        "A SecretTransformation that the resource refers to does not exist.",
        "Create it, or correct `transformationRefs`. The Secret stays as it is.",
        Scope.SPEC,
        Retry.TRIGGER,
        EventReason.TRANSFORMATION_ERROR,
    ),
    Reason.SECRET_TRANSFORMATION_NOT_ALLOWED: Facts(
        "A SecretTransformation that the resource refers to lies in another namespace, "
        "which does not share it.",
        "Refer to one beside the resource or in the namespace of the controller, or "
        "add its namespace to `--shared-namespaces`. The Secret stays as it is.",
        Scope.SPEC,
        Retry.TRIGGER,
        EventReason.TRANSFORMATION_ERROR,
    ),
    Reason.SECRET_TRANSFORMATION_INVALID: Facts(
        "A SecretTransformation that the resource refers to cannot be used as it is.",
        "See the conditions of the SecretTransformation. The Secret stays as it is.",
        Scope.SPEC,
        Retry.TRIGGER,
        EventReason.TRANSFORMATION_ERROR,
    ),
    Reason.TEMPLATE_FAILED: Facts(
        "A template cannot be rendered with the data of Vault.",
        "Correct the template or the data; the message names template, line, column "
        "and function, and no data. The Secret stays as it is.",
        Scope.DESTINATION,
        Retry.REFRESH,
        EventReason.SECRET_DATA_BUILDER_ERROR,
    ),
    Reason.INVALID_SECRET_DATA: Facts(
        "What Vault returned cannot become the data of a Secret.",
        "Keys may hold letters, digits, `-`, `_` and `.` only, all values together "
        "1 MiB at most, no key may be called `_raw`, and a type of Kubernetes' own "
        "needs the keys that the message names.",
        Scope.DESTINATION,
        Retry.BACK_OFF,
        EventReason.SECRET_DATA_BUILDER_ERROR,
    ),
    Reason.DESTINATION_MISSING: Facts(
        "The destination Secret does not exist and `destination.create` is false.",
        "Create the Secret, or set `destination.create: true`.",
        Scope.DESTINATION,
        Retry.BACK_OFF,
        EventReason.SECRET_SYNC_ERROR,
    ),
    Reason.DESTINATION_NOT_OWNED: Facts(
        "The destination Secret exists and belongs to somebody else.",
        "Choose another name, delete that Secret, or set `destination.overwrite: "
        "true` if no other resource of this controller owns it.",
        Scope.DESTINATION,
        Retry.BACK_OFF,
        EventReason.SECRET_SYNC_ERROR,
    ),
    Reason.DESTINATION_IMMUTABLE: Facts(
        "The destination Secret is immutable and its data would have to change.",
        "Delete the Secret so that it is made anew, or make it mutable again.",
        Scope.DESTINATION,
        Retry.BACK_OFF,
        EventReason.SECRET_SYNC_ERROR,
    ),
    Reason.DESTINATION_TERMINATING: Facts(
        "The destination Secret, or its namespace, is being deleted.",
        "Nothing; a Secret is made anew once the old one is gone.",
        Scope.DESTINATION,
        Retry.BACK_OFF,
        EventReason.SECRET_SYNC_ERROR,
    ),
    Reason.KUBERNETES_FORBIDDEN: Facts(
        "The controller lacks a right in Kubernetes.",
        "Grant the right that the message names (deploy/rbac).",
        Scope.DESTINATION,
        Retry.BACK_OFF,
        EventReason.K8S_CLIENT_ERROR,
    ),
    Reason.KUBERNETES_REFUSED: Facts(
        "The API server refused the Secret.",
        "See the message; an admission policy or quota may be in the way.",
        Scope.DESTINATION,
        Retry.BACK_OFF,
        EventReason.SECRET_SYNC_ERROR,
    ),
    Reason.KUBERNETES_UNAVAILABLE: Facts(
        "The API server could not be asked.",
        "Nothing; it is tried again.",
        Scope.SOURCE,
        Retry.BACK_OFF,
        EventReason.K8S_CLIENT_ERROR,
    ),
}


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a resource could not be brought in step. The message is for its owner."""

    reason: Reason
    message: str

    @property
    def facts(self) -> Facts:
        return REASONS[self.reason]


class Refusal(OperationFailed):
    """A decision not to go on, told on the way up to who reports it."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.failure = Failure(reason, message)

    @classmethod
    def of(cls, failure: Failure) -> Refusal:
        """Return the refusal that carries `failure`."""
        return cls(failure.reason, failure.message)
