from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import pytest

from vso_controller.domain.reasons import REASONS, Failure, Reason, Refusal
from vso_controller.foundation.errors import OperationFailed, Transient
from vso_controller.kube import errors as kube
from vso_controller.reconcilers.failures import (
    KUBERNETES_REASONS,
    VAULT_REASONS,
    failure_of,
)
from vso_controller.vault import errors as vault


def errors_of(module: ModuleType) -> Iterator[type[OperationFailed]]:
    for value in vars(module).values():
        if (
            isinstance(value, type)
            and issubclass(value, OperationFailed)
            and value.__module__ == module.__name__
        ):
            yield value


@pytest.mark.parametrize(
    ("module", "table"),
    [
        pytest.param(vault, VAULT_REASONS, id="vault"),
        pytest.param(kube, KUBERNETES_REASONS, id="kube"),
    ],
)
def test_every_error_of_a_client_has_its_reason(
    module: ModuleType, table: tuple[tuple[type[OperationFailed], Reason], ...]
) -> None:
    named = tuple(kind for kind, _ in table)

    missing = [each for each in errors_of(module) if not issubclass(each, named)]

    assert missing == []


@pytest.mark.parametrize("table", [VAULT_REASONS, KUBERNETES_REASONS])
def test_no_row_is_hidden_by_an_earlier_one(
    table: tuple[tuple[type[OperationFailed], Reason], ...],
) -> None:
    kinds = [kind for kind, _ in table]

    hidden = [
        later
        for position, later in enumerate(kinds)
        if issubclass(later, tuple(kinds[:position]))
    ]

    assert hidden == []


def test_every_reason_in_use_is_explained() -> None:
    used = {reason for _, reason in (*VAULT_REASONS, *KUBERNETES_REASONS)}

    assert used <= REASONS.keys()


def test_refusal_is_reported_as_it_was_decided() -> None:
    failure = Failure(Reason.DESTINATION_MISSING, "not there")

    assert failure_of(Refusal.of(failure)) == failure


def test_error_nobody_foresaw_is_reported_all_the_same() -> None:
    assert failure_of(Transient("what?")) == Failure(Reason.VAULT_ERROR, "what?")
