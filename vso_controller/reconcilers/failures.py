"""From the errors of all layers to the one list of reasons.

The tables are the whole mapping, first match first; a test walks the error
trees of both clients and finds every class named here.
"""

from __future__ import annotations

from vso_controller.domain.reasons import Failure, Reason, Refusal
from vso_controller.foundation.errors import OperationFailed, Parked
from vso_controller.kube import errors as kube
from vso_controller.vault import errors as vault

VAULT_REASONS: tuple[tuple[type[OperationFailed], Reason], ...] = (
    (vault.ServerSealed, Reason.VAULT_SEALED),
    (vault.ServerNotInitialized, Reason.VAULT_NOT_INITIALIZED),
    (vault.TlsVerificationFailed, Reason.VAULT_TLS_FAILED),
    (vault.AddressNotAllowed, Reason.VAULT_ADDRESS_NOT_ALLOWED),
    (vault.ServerUnreachable, Reason.VAULT_UNREACHABLE),
    (vault.RequestTimedOut, Reason.VAULT_UNREACHABLE),
    (vault.ConnectionLost, Reason.VAULT_UNREACHABLE),
    (vault.AnswerLost, Reason.VAULT_UNREACHABLE),
    (vault.LoginUnanswered, Reason.VAULT_UNREACHABLE),
    (vault.RateLimited, Reason.VAULT_THROTTLED),
    (vault.LeaseQuotaReached, Reason.VAULT_THROTTLED),
    (vault.ServerBusy, Reason.VAULT_THROTTLED),
    (vault.StandbyAnswered, Reason.VAULT_ERROR),
    (vault.ServerFailed, Reason.VAULT_ERROR),
    (vault.IndexNotReady, Reason.VAULT_ERROR),
    (vault.RedirectRefused, Reason.VAULT_ERROR),
    (vault.NotVaultAnswer, Reason.VAULT_ERROR),
    (vault.InvalidRequest, Reason.VAULT_ERROR),
    (vault.LeaseNotFound, Reason.VAULT_ERROR),
    (vault.PermissionDenied, Reason.VAULT_PERMISSION_DENIED),
    (vault.LoginRefused, Reason.VAULT_LOGIN_FAILED),
    (vault.CredentialsMissing, Reason.CREDENTIALS_UNAVAILABLE),
    (vault.InvalidConnection, Reason.VAULT_CONNECTION_INVALID),
    (vault.PathNotFound, Reason.VAULT_PATH_NOT_FOUND),
    (vault.RouteNotFound, Reason.VAULT_PATH_NOT_FOUND),
    (vault.NoData, Reason.VAULT_PATH_NOT_FOUND),
    (vault.SecretVersionDeleted, Reason.SECRET_VERSION_DELETED),
)
KUBERNETES_REASONS: tuple[tuple[type[OperationFailed], Reason], ...] = (
    (kube.NamespaceTerminating, Reason.DESTINATION_TERMINATING),
    (kube.Forbidden, Reason.KUBERNETES_FORBIDDEN),
    (kube.Unprocessable, Reason.KUBERNETES_REFUSED),
    (kube.ConnectionFailed, Reason.KUBERNETES_UNAVAILABLE),
    (kube.ServerFailed, Reason.KUBERNETES_UNAVAILABLE),
    (kube.TooManyRequests, Reason.KUBERNETES_UNAVAILABLE),
    (kube.Conflict, Reason.KUBERNETES_UNAVAILABLE),
    (kube.UnreadableAnswer, Reason.KUBERNETES_UNAVAILABLE),
    (kube.AnswerLost, Reason.KUBERNETES_UNAVAILABLE),
    (kube.Unauthorized, Reason.KUBERNETES_UNAVAILABLE),
    (kube.BadConfiguration, Reason.KUBERNETES_UNAVAILABLE),
    (kube.NotFound, Reason.KUBERNETES_UNAVAILABLE),
    (kube.Expired, Reason.KUBERNETES_UNAVAILABLE),
)


def failure_of(error: OperationFailed) -> Failure:
    """Return what to report about `error`."""
    if isinstance(error, Parked) and error.failure is not None:
        return failure_of(error.failure)
    if isinstance(error, Refusal):
        return error.failure
    for kind, reason in (*VAULT_REASONS, *KUBERNETES_REASONS):
        if isinstance(error, kind):
            return Failure(reason, str(error))
    return Failure(Reason.VAULT_ERROR, str(error))
