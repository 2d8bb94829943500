from __future__ import annotations

import pytest

from tests.fakes.kubernetes import FakeKubernetes, FakePages
from vso_controller.credentials.entries import Entries
from vso_controller.domain.clientcache import LABELS
from vso_controller.foundation.objects import NewSecret, ObjectKey
from vso_controller.foundation.secret import Secret
from vso_controller.kube.errors import AlreadyExists

KEY = ObjectKey("vso-system", "vso-cc-one")


def entry(content: bytes, key: ObjectKey = KEY) -> NewSecret:
    return NewSecret(key, "Opaque", Secret({"secret": content}), labels=LABELS)


def entries_in(kubernetes: FakeKubernetes) -> Entries:
    pages = FakePages(kubernetes, LABELS)
    return Entries(reads=kubernetes, writes=kubernetes, pages=pages)


async def test_entry_takes_the_place_of_another() -> None:
    kubernetes = FakeKubernetes()
    entries = entries_in(kubernetes)

    await entries.put(entry(b"one"))
    await entries.put(entry(b"two"))

    assert kubernetes.values[KEY] == {"secret": b"two"}


async def test_somebody_who_is_always_faster_is_told() -> None:
    kubernetes = FakeKubernetes()
    kubernetes.failures["create"] = AlreadyExists("taken")

    with pytest.raises(AlreadyExists):
        await entries_in(kubernetes).put(entry(b"one"))


async def test_entry_that_is_another_by_now_stays() -> None:
    kubernetes = FakeKubernetes()
    entries = entries_in(kubernetes)
    await entries.put(entry(b"one"))
    seen = await entries.find(KEY)
    await entries.put(entry(b"two"))

    assert seen is not None
    await entries.drop(seen)

    assert KEY in kubernetes.secrets


async def test_entry_that_is_gone_is_no_failure() -> None:
    entries = entries_in(FakeKubernetes())

    await entries.remove(KEY)

    assert await entries.find(KEY) is None


async def test_all_pages_are_listed() -> None:
    kubernetes = FakeKubernetes()
    entries = entries_in(kubernetes)
    keys = {ObjectKey("vso-system", f"vso-cc-{number}") for number in range(5)}
    for key in keys:
        await entries.put(entry(b"any", key))
    await kubernetes.create(NewSecret(KEY, "Opaque", Secret({})))

    assert {each.key for each in await entries.all()} == keys
