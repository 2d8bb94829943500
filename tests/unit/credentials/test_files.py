"""Which files are read on behalf of whom may write a custom resource."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path

import pytest

from vso_controller.credentials.files import LARGEST, FileUnusable, RootedFiles

FLAG = "--some-path-roots"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    root.mkdir()
    (root / "id").write_bytes(b"canary\n")
    (tmp_path / "outside").write_bytes(b"canary")
    return root


def files(*roots: Path) -> RootedFiles:
    return RootedFiles(roots=roots, flag=FLAG)


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_file_below_a_root_is_read_as_it_is(root: Path) -> None:
    found = await files(Path("/nowhere"), root).read(str(root / "id"))

    assert found.content.reveal() == b"canary\n"
    assert "canary" not in repr(found)


async def test_file_is_read_through_links_as_kubernetes_mounts_it(root: Path) -> None:
    (root / "..2026").mkdir()
    (root / "..2026" / "token").write_bytes(b"canary")
    (root / "..data").symlink_to("..2026")
    (root / "token").symlink_to("..data/token")

    found = await files(root).read(str(root / "token"))

    assert found.content.reveal() == b"canary"


async def test_root_may_be_a_link_itself(root: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(root)

    found = await files(tmp_path / "alias").read(str(tmp_path / "alias" / "id"))

    assert found.content.reveal() == b"canary\n"


@pytest.mark.parametrize(
    "path",
    ["../outside", "link", "", "folder/../../outside", "../root-of-others/id"],
)
async def test_what_lies_elsewhere_is_refused_whether_it_is_there_or_not(
    root: Path, tmp_path: Path, path: str
) -> None:
    (root / "link").symlink_to(tmp_path / "outside")
    (tmp_path / "root-of-others").mkdir()
    (tmp_path / "root-of-others" / "id").write_bytes(b"canary")

    with pytest.raises(FileUnusable) as refused:
        await files(root).read(f"{root}/{path}")

    assert f"does not lie below a directory of {FLAG}" in str(refused.value)


async def test_relative_path_is_refused(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)

    with pytest.raises(FileUnusable, match=FLAG):
        await files(root).read("id")


async def test_nothing_is_read_without_a_root(root: Path) -> None:
    with pytest.raises(FileUnusable, match="there is none"):
        await files().read(str(root / "id"))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("missing", "No such file"),
        ("folder", "Is a directory"),
        ("pipe", "is not a file"),
        ("huge", f"more than {LARGEST} bytes"),
        ("a\0b", "cannot be a path"),
    ],
    ids=["missing", "folder", "pipe", "huge", "zero byte"],
)
async def test_what_is_no_plain_file_is_refused_at_once(
    root: Path, name: str, why: str
) -> None:
    (root / "folder").mkdir()
    os.mkfifo(root / "pipe")
    (root / "huge").write_bytes(b"x" * (LARGEST + 1))

    with pytest.raises(FileUnusable, match=why):
        await files(root).read(f"{root}/{name}")


@pytest.mark.parametrize("name", ["folder", "pipe", "id"])
async def test_no_descriptor_stays_open(root: Path, name: str) -> None:
    (root / "folder").mkdir()
    os.mkfifo(root / "pipe")
    await asyncio.to_thread(lambda: None)  # has the loop open what it needs for it

    before = descriptors()
    with suppress(FileUnusable):
        await files(root).read(f"{root}/{name}")

    assert descriptors() == before


async def test_change_of_a_file_is_seen(root: Path) -> None:
    watched = files(root)
    before = (await watched.read(str(root / "id"))).version
    assert await watched.is_unchanged(before)

    (root / "next").write_bytes(b"canary\n")
    (root / "next").rename(root / "id")
    assert not await watched.is_unchanged(before)
    (root / "id").unlink()
    assert not await watched.is_unchanged(before)
