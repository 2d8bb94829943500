"""What holds for every unit test."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("short", max_examples=50, deadline=None)
settings.register_profile("long", max_examples=500, deadline=None)
settings.load_profile("long" if os.environ.get("LONG") else "short")


@pytest.fixture(scope="session", autouse=True)
def trust_in_nobody() -> Iterator[None]:
    """Keep the machine's certificate authorities out: tests bring their own.

    To read a whole bundle takes 25 ms, for each client that is made.
    """
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SSL_CERT_FILE", os.devnull)
        patched.setenv("SSL_CERT_DIR", os.devnull)
        yield
