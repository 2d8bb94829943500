"""The digests of a status: what the last sync wrote, and what it was made from."""

from __future__ import annotations

from vso_controller.api.v1beta1.vaultstaticsecret import VaultStaticSecretStatus
from vso_controller.domain.conditions import ConditionType, find, is_true
from vso_controller.domain.inputs import Recorded
from vso_controller.domain.syncreason import IN_ORDER
from vso_controller.foundation.digest import from_mac, to_mac
from vso_controller.reconcilers.statuses import conditions_of


def recorded_in(status: VaultStaticSecretStatus, *, generation: int) -> Recorded:
    """Return what the status of a resource of this generation says."""
    conditions = conditions_of(status.conditions)
    synced = find(conditions, ConditionType.SECRET_SYNCED)
    in_order = status.last_generation == generation and all(
        is_true(conditions, each) for each in IN_ORDER
    )
    return Recorded(
        data=from_mac(status.secret_mac),
        transformation=from_mac(status.transformation_mac),
        input=from_mac(status.input_mac),
        synced_at=synced.since if synced is not None and in_order else None,
    )


def as_macs(made: Recorded) -> dict[str, str | None]:
    """Return the fields of a status that keep these digests, None for unknown ones."""
    digests = {
        "secret_mac": made.data,
        "transformation_mac": made.transformation,
        "input_mac": made.input,
    }
    return {field: to_mac(each) if each else None for field, each in digests.items()}
