"""Which fields of the API, upstream's or our own, this version does not act on yet.

A resource that uses one of them is refused with a condition that names the
field: nothing is written rather than something else than was asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from vso_controller.api.v1beta1.shared import DestinationMode
from vso_controller.api.v1beta1.vaultauth import AuthMethod, VaultAuthSpec
from vso_controller.api.v1beta1.vaultdynamicsecret import VaultDynamicSecretSpec
from vso_controller.api.v1beta1.vaultstaticsecret import (
    OnSourceDeleted,
    VaultStaticSecretSpec,
)
from vso_controller.domain.reasons import Failure, Reason

Spec = TypeVar("Spec")
Uses = Callable[[Spec], bool]

_AUTH: tuple[tuple[str, Uses[VaultAuthSpec]], ...] = (
    (
        "spec.method",
        lambda spec: spec.method in {AuthMethod.AWS, AuthMethod.GCP},
    ),
)
_STATIC_SECRET: tuple[tuple[str, Uses[VaultStaticSecretSpec]], ...] = (
    ("spec.rolloutRestartTargets", lambda spec: bool(spec.rollout_restart_targets)),
    ("spec.rolloutRestart", lambda spec: spec.rollout_restart is not None),
    ("spec.suspend", lambda spec: bool(spec.suspend)),
    (
        "spec.onSourceDeleted",
        lambda spec: spec.on_source_deleted is OnSourceDeleted.CLEAR,
    ),
    (
        "spec.destination.mode",
        lambda spec: spec.destination.mode is DestinationMode.MERGE,
    ),
    ("spec.destination.retain", lambda spec: bool(spec.destination.retain)),
)


_DYNAMIC_SECRET: tuple[tuple[str, Uses[VaultDynamicSecretSpec]], ...] = (
    ("spec.rolloutRestartTargets", lambda spec: bool(spec.rollout_restart_targets)),
    ("spec.rolloutRestart", lambda spec: spec.rollout_restart is not None),
    ("spec.suspend", lambda spec: bool(spec.suspend)),
    ("spec.allowStaticCreds", lambda spec: bool(spec.allow_static_creds)),
    (
        "spec.destination.mode",
        lambda spec: spec.destination.mode is DestinationMode.MERGE,
    ),
    ("spec.destination.retain", lambda spec: bool(spec.destination.retain)),
)


def unsupported_in_auth(spec: VaultAuthSpec) -> Failure | None:
    """Return the refusal of a VaultAuth that uses what is not there yet."""
    return _first(_AUTH, spec)


def unsupported_in_static_secret(spec: VaultStaticSecretSpec) -> Failure | None:
    """Return the refusal of a VaultStaticSecret that uses what is not there yet."""
    return _first(_STATIC_SECRET, spec)


def unsupported_in_dynamic_secret(spec: VaultDynamicSecretSpec) -> Failure | None:
    """Return the refusal of a VaultDynamicSecret that uses what is not there yet."""
    return _first(_DYNAMIC_SECRET, spec)


def _first(
    features: tuple[tuple[str, Callable[[Spec], bool]], ...], spec: Spec
) -> Failure | None:
    field = next((name for name, uses in features if uses(spec)), None)
    if field is None:
        return None
    return Failure(
        Reason.UNSUPPORTED_FEATURE, f"{field} is not supported by this version"
    )
