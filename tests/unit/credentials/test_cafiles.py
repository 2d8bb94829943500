from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import pytest

from vso_controller.credentials.cafiles import LARGEST, CaFiles, CaFileUnusable

PEM = b"-----BEGIN CERTIFICATE-----\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "ca"
    root.mkdir()
    (tmp_path / "token").write_bytes(b"canary")
    return root


@pytest.fixture
def files(root: Path, tmp_path: Path) -> CaFiles:
    return CaFiles(roots=[tmp_path / "elsewhere", root])


async def test_file_below_a_root_is_read(files: CaFiles, root: Path) -> None:
    (root / "ca.crt").write_bytes(PEM)

    assert (await files.read(f"{root}/ca.crt")).pem == PEM


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
    files: CaFiles, root: Path
) -> None:
    mount(root, "2026_01", b"first")
    first = await files.read(f"{root}/ca.crt")
    assert await files.is_unchanged(first.version)

    mount(root, "2026_02", b"other")

    assert not await files.is_unchanged(first.version)
    second = await files.read(f"{root}/ca.crt")
    assert (first.pem, second.pem) == (b"first", b"other")


async def test_file_that_is_gone_has_changed(files: CaFiles, root: Path) -> None:
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
    files: CaFiles, root: Path
) -> None:
    told = set()
    for path in outside(root):
        with pytest.raises(CaFileUnusable, match="--ca-path-roots") as refused:
            await files.read(path)
        told.add(str(refused.value).removeprefix(path))

    assert len(told) == 1, "whether there is such a file is not told"
    assert "canary" not in told.pop()


async def test_relative_path_is_refused_wherever_we_run(
    files: CaFiles, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "ca.crt").write_bytes(PEM)
    monkeypatch.chdir(root)

    with pytest.raises(CaFileUnusable, match="--ca-path-roots"):
        await files.read("ca.crt")


async def test_without_roots_nothing_is_read(root: Path) -> None:
    (root / "ca.crt").write_bytes(PEM)

    with pytest.raises(CaFileUnusable, match="there is none"):
        await CaFiles(roots=[]).read(f"{root}/ca.crt")


async def test_what_is_no_file_is_refused_at_once(files: CaFiles, root: Path) -> None:
    (root / "folder").mkdir()
    os.mkfifo(root / "pipe")

    for name in ("folder", "pipe"):
        with pytest.raises(CaFileUnusable, match=r"is not a file|directory"):
            await files.read(f"{root}/{name}")


async def test_missing_file_says_so(files: CaFiles, root: Path) -> None:
    with pytest.raises(CaFileUnusable, match="No such file"):
        await files.read(f"{root}/ca.crt")


@pytest.mark.parametrize("path", ["/a\0b", "/\ud800"])
async def test_path_that_cannot_be_one_says_so(files: CaFiles, path: str) -> None:
    with pytest.raises(CaFileUnusable, match="cannot be a path"):
        await files.read(path)


async def test_endless_file_is_not_read_to_its_end(files: CaFiles, root: Path) -> None:
    with (root / "ca.crt").open("wb") as sparse:
        sparse.truncate(1 << 30)
    tracemalloc.start()

    with pytest.raises(CaFileUnusable, match="more than"):
        await files.read(f"{root}/ca.crt")

    assert tracemalloc.get_traced_memory()[1] < 4 * LARGEST
    tracemalloc.stop()
