"""The gate that lets nothing out, and the notes that are taken at it."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.kubernetes import FakeWrite
from vso_controller.foundation.errors import OperationFailed
from vso_controller.foundation.objects import ObjectKey
from vso_controller.runtime.observing import ObserverGate, Withheld, noting

ONE = FakeWrite("create", "secrets", ObjectKey("apps", "one"))
OTHER = FakeWrite("patch", "secrets", ObjectKey("apps", "other"))


def attempt(write: FakeWrite) -> None:
    with pytest.raises(Withheld):
        ObserverGate().check(write)


def test_nothing_passes_whether_anybody_looks_or_not() -> None:
    attempt(ONE)

    with noting() as noted:
        attempt(ONE)

    assert noted == [ONE]


def test_withheld_write_is_no_failure() -> None:
    assert not issubclass(Withheld, OperationFailed)


async def test_notes_of_reconciles_side_by_side_do_not_mix() -> None:
    async def reconcile(write: FakeWrite) -> list[object]:
        with noting() as noted:
            await asyncio.sleep(0)
            async with asyncio.TaskGroup() as group:
                group.create_task(in_a_task_of_its_own(write))
            return list(noted)

    async def in_a_task_of_its_own(write: FakeWrite) -> None:
        attempt(write)

    async with asyncio.TaskGroup() as group:
        one = group.create_task(reconcile(ONE))
        other = group.create_task(reconcile(OTHER))

    assert (await one, await other) == ([ONE], [OTHER])
