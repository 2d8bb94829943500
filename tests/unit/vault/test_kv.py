"""What the key-value reader makes of Vault's answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from vso_controller.foundation import gojson
from vso_controller.foundation.gojson import Number
from vso_controller.foundation.secret import Secret
from vso_controller.vault.engines.kv import read_kv_v1, read_kv_v2
from vso_controller.vault.errors import NoData, SecretVersionDeleted
from vso_controller.vault.requests import VaultReply


@dataclass
class Shelf:
    """A VaultReader that gives one answer and remembers where it was asked."""

    answer: str
    asked: list[tuple[str, dict[str, str], str | None]] = field(default_factory=list)

    async def read(
        self,
        path: tuple[str, ...],
        *,
        query: Mapping[str, str] | None = None,
        namespace: str | None = None,
    ) -> VaultReply:
        self.asked.append(("/".join(path), dict(query or {}), namespace))
        document = Secret(gojson.loads(self.answer.encode()))
        return VaultReply(status=200, document=document)


V2 = (
    '{"data": {"data": {"n": 1.0, "k": "canary"},'
    ' "metadata": {"version": 7, "custom_metadata": {"owner": "canary"},'
    ' "deletion_time": "", "destroyed": false}}}'
)


async def test_version_1_is_read_below_its_mount() -> None:
    shelf = Shelf('{"data": {"n": 1.0, "k": "v"}}')

    secret = await read_kv_v1(shelf, mount="a/kv/", path="/b/c", namespace="team")

    assert shelf.asked == [("a/kv/b/c", {}, "team")]
    assert secret.data == Secret({"n": Number("1.0"), "k": "v"})
    assert secret.whole == secret.data
    assert (secret.metadata, secret.version) == (Secret({}), 0)


async def test_version_2_is_read_below_data() -> None:
    shelf = Shelf(V2)

    secret = await read_kv_v2(shelf, mount="kv", path="b/c")

    assert shelf.asked == [("kv/data/b/c", {}, None)]
    assert secret.data == Secret({"n": Number("1.0"), "k": "canary"})
    assert secret.version == 7
    assert secret.whole.reveal().keys() == {"data", "metadata"}
    assert secret.metadata.reveal()["version"] == Number("7")


@pytest.mark.parametrize(
    ("version", "query"), [(3, {"version": "3"}), (0, {}), (-1, {})]
)
async def test_version_is_asked_for_only_if_one_is_meant(
    version: int, query: dict[str, str]
) -> None:
    shelf = Shelf(V2)

    await read_kv_v2(shelf, mount="kv", path="a", version=version)

    assert shelf.asked == [("kv/data/a", query, None)]


async def test_empty_map_is_a_secret() -> None:
    shelf = Shelf('{"data": {"data": {}, "metadata": {"version": 1}}}')

    secret = await read_kv_v2(shelf, mount="kv", path="a")

    assert secret.data == Secret({})


async def test_version_with_a_deletion_planned_is_still_there() -> None:
    shelf = Shelf(V2.replace('"deletion_time": ""', '"deletion_time": "2099-01-01"'))

    assert (await read_kv_v2(shelf, mount="kv", path="a")).version == 7


@pytest.mark.parametrize("answer", ["{}", '{"data": null}', '{"data": "x"}'])
async def test_answer_without_data_is_an_error_not_an_empty_secret(
    answer: str,
) -> None:
    with pytest.raises(NoData):
        await read_kv_v1(Shelf(answer), mount="kv", path="a")
    with pytest.raises(NoData):
        await read_kv_v2(Shelf(answer), mount="kv", path="a")


async def test_version_1_mount_read_as_version_2_is_told() -> None:
    shelf = Shelf('{"data": {"k": "canary"}}')

    with pytest.raises(NoData, match="is the mount kv version 2") as failed:
        await read_kv_v2(shelf, mount="kv", path="a")

    assert "canary" not in repr(failed.value)


@pytest.mark.parametrize(
    ("metadata", "deletion_time", "destroyed"),
    [
        ('{"deletion_time": "2026-01-01", "destroyed": false}', "2026-01-01", False),
        ('{"deletion_time": "", "destroyed": true}', "", True),
        ("{}", "", False),
    ],
)
async def test_deleted_version_is_an_error_not_an_empty_secret(
    metadata: str, deletion_time: str, destroyed: bool
) -> None:
    shelf = Shelf(f'{{"data": {{"data": null, "metadata": {metadata}}}}}')

    with pytest.raises(SecretVersionDeleted) as failed:
        await read_kv_v2(shelf, mount="kv", path="a")

    error = failed.value
    assert (error.deletion_time, error.destroyed) == (deletion_time, destroyed)


async def test_nothing_of_a_secret_is_in_its_repr() -> None:
    secret = await read_kv_v2(Shelf(V2), mount="kv", path="a")

    assert "canary" not in f"{secret} {secret!r}"
