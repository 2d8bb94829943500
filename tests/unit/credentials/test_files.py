"""Which files are read on behalf of whom may write a custom resource."""

from __future__ import annotations

import asyncio
import os
import tracemalloc
from contextlib import suppress
from pathlib import Path

import pytest

from vso_controller.credentials.files import LARGEST, FileUnusable, RootedFiles

FLAG = "--some-path-roots"
PEM = b"-----BEGIN CERTIFICATE-----\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "ca"
    root.mkdir()
    (tmp_path / "token").write_bytes(b"canary")
    return root


@pytest.fixture
def files(root: Path, tmp_path: Path) -> RootedFiles:
    return RootedFiles(roots=[tmp_path / "elsewhere", root], flag=FLAG)


async def test_file_below_a_root_is_read(files: RootedFiles, root: Path) -> None:
    (root / "ca.crt").write_bytes(PEM)

    assert (await files.read(f"{root}/ca.crt")).content.reveal() == PEM


def mount(root: Path, revision: str, pem: bytes) -> None:
    """Put a file in place as Kubernetes mounts a Secret, in one step."""
    data = root / f"..{revision}"
    data.mkdir()
    (data / "ca.crt").write_bytes(pem)
    (root / "..tmp").symlink_to(data.name)
    (root / "..tmp").rename(root / "..data")
    if not (root / "ca.crt").is_symlink():
        (root / "ca.crt").symlink_to("..data/ca.crt")


async def test_secret_that_is_mounted_is_read_and_seen_to_change(
    files: RootedFiles, root: Path
) -> None:
    mount(root, "2026_01", b"first")
    first = await files.read(f"{root}/ca.crt")
    assert await files.is_unchanged(first.version)

    mount(root, "2026_02", b"other")

    assert not await files.is_unchanged(first.version)
    second = await files.read(f"{root}/ca.crt")
    assert [each.content.reveal() for each in (first, second)] == [b"first", b"other"]


async def test_file_that_is_gone_has_changed(files: RootedFiles, root: Path) -> None:
    (root / "ca.crt").write_bytes(PEM)
    read = await files.read(f"{root}/ca.crt")

    (root / "ca.crt").unlink()

    assert not await files.is_unchanged(read.version)


def outside(root: Path) -> list[str]:
    (root / "link").symlink_to(root.parent / "token")
    (root / "folder").symlink_to(root.parent)
    return [
        f"{root.parent}/token",
        f"{root.parent}/no-such-file",
        f"{root}/../token",
        f"{root}/link",
        f"{root}/folder/token",
        f"{root}x/ca.crt",
        f"{root}",
        "/proc/self/environ",
        "/dev/zero",
        "ca.crt",
        "",
    ]


async def test_nothing_outside_of_the_roots_is_read_or_told_of(
    files: RootedFiles, root: Path
) -> None:
    told = set()
    for path in outside(root):
        with pytest.raises(FileUnusable, match=FLAG) as refused:
            await files.read(path)
        told.add(str(refused.value).removeprefix(path))

    assert len(told) == 1, "whether there is such a file is not told"
    assert "canary" not in told.pop()


async def test_relative_path_is_refused_wherever_we_run(
    files: RootedFiles, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "ca.crt").write_bytes(PEM)
    monkeypatch.chdir(root)

    with pytest.raises(FileUnusable, match=FLAG):
        await files.read("ca.crt")


async def test_without_roots_nothing_is_read(root: Path) -> None:
    (root / "ca.crt").write_bytes(PEM)

    with pytest.raises(FileUnusable, match="there is none"):
        await RootedFiles(roots=[], flag=FLAG).read(f"{root}/ca.crt")


async def test_what_is_no_file_is_refused_at_once(
    files: RootedFiles, root: Path
) -> None:
    (root / "folder").mkdir()
    os.mkfifo(root / "pipe")

    for name in ("folder", "pipe"):
        with pytest.raises(FileUnusable, match=r"is not a file|directory"):
            await files.read(f"{root}/{name}")


async def test_missing_file_says_so(files: RootedFiles, root: Path) -> None:
    with pytest.raises(FileUnusable, match="No such file"):
        await files.read(f"{root}/ca.crt")


@pytest.mark.parametrize("path", ["/a\0b", "/\ud800"])
async def test_path_that_cannot_be_one_says_so(files: RootedFiles, path: str) -> None:
    with pytest.raises(FileUnusable, match="cannot be a path"):
        await files.read(path)


async def test_endless_file_is_not_read_to_its_end(
    files: RootedFiles, root: Path
) -> None:
    with (root / "ca.crt").open("wb") as sparse:
        sparse.truncate(1 << 30)
    tracemalloc.start()

    with pytest.raises(FileUnusable, match="more than"):
        await files.read(f"{root}/ca.crt")

    assert tracemalloc.get_traced_memory()[1] < 4 * LARGEST
    tracemalloc.stop()


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("name", ["folder", "pipe", "ca.crt"])
async def test_no_descriptor_stays_open(
    files: RootedFiles, root: Path, name: str
) -> None:
    (root / "folder").mkdir()
    os.mkfifo(root / "pipe")
    (root / "ca.crt").write_bytes(PEM)
    await asyncio.to_thread(lambda: None)  # has the loop open what it needs for it

    before = descriptors()
    with suppress(FileUnusable):
        await files.read(f"{root}/{name}")

    assert descriptors() == before


async def test_content_is_not_shown(files: RootedFiles, root: Path) -> None:
    (root / "ca.crt").write_bytes(b"canary")

    assert "canary" not in repr(await files.read(f"{root}/ca.crt"))
