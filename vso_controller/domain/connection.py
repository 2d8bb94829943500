"""What the status of a VaultConnection says about the Vault it names."""

from __future__ import annotations

from vso_controller.domain.conditions import Condition, ConditionType, condition
from vso_controller.domain.reasons import Failure, Reason

KIND = "VaultConnection"

_UNUSABLE = frozenset(
    {
        Reason.INVALID_SPEC,
        Reason.UNSUPPORTED_FEATURE,
        Reason.VAULT_CONNECTION_INVALID,
        Reason.VAULT_ADDRESS_NOT_ALLOWED,
        Reason.CA_CERTIFICATE_UNAVAILABLE,
        Reason.KUBERNETES_UNAVAILABLE,
    }
)
"""Reasons for which no client could be made, so Vault was not even asked."""


_UNVERIFIED = (
    "valid, but skipTLSVerify is set: whoever answers is taken for Vault and is sent"
    " credentials"
)


def after_answer(
    not_serving: Failure | None, *, is_verified: bool
) -> tuple[Condition, ...]:
    """Return the conditions of a Vault that answered its seal status.

    A Vault that is sealed answers too: the connection is valid and healthy, as
    upstream has it, but not ready.
    """
    valid = "valid" if is_verified else _UNVERIFIED
    return (
        condition(ConditionType.VAULT_PING, True, Reason.ACCEPTED, "Vault answered"),
        condition(ConditionType.RESOURCE_VALIDATION, True, Reason.ACCEPTED, valid),
        condition(ConditionType.HEALTHY, True, Reason.HEALTHY, f"{KIND}Healthy"),
        _ready(not_serving),
    )


def after_failure(failure: Failure) -> tuple[Condition, ...]:
    """Return the conditions of a Vault that could not be asked."""
    ping = condition(
        ConditionType.VAULT_PING, False, Reason.INVALID_CONFIGURATION, failure.message
    )
    client = condition(
        ConditionType.VAULT_CLIENT,
        False,
        Reason.VAULT_CLIENT_CONFIG_ERROR,
        failure.message,
    )
    return (
        client if failure.reason in _UNUSABLE else ping,
        condition(
            ConditionType.RESOURCE_VALIDATION,
            False,
            Reason.INVALID_CONFIGURATION,
            "invalid",
        ),
        condition(ConditionType.HEALTHY, False, Reason.UNHEALTHY, failure.message),
        _ready(failure),
    )


def _ready(failure: Failure | None) -> Condition:
    if failure is None:
        return condition(ConditionType.READY, True, Reason.READY, f"{KIND}Ready")
    return condition(ConditionType.READY, False, failure.reason, failure.message)
