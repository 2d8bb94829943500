"""What the lock files may say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = [ROOT / "uv.lock", ROOT / "tools" / "bootstrap.txt"]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_lock_names_no_local_path(lock: Path) -> None:
    text = lock.read_text()

    assert (
        re.findall(r"file:|(?<![\w./:-])/(?:opt|home|root|tmp|work|usr)/", text) == []
    )


def test_every_locked_file_has_its_hash() -> None:
    files = re.findall(r"\{ url = [^}]*\}", LOCKS[0].read_text())

    assert files
    assert [each for each in files if 'hash = "sha256:' not in each] == []
