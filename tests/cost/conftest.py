"""The servers of the bench, loaded once for all tests of a module."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from bench.site import Site, loaded_site

LONG = bool(os.environ.get("LONG"))


@pytest.fixture(scope="module")
def untraced() -> Iterator[None]:
    """Let processes that are started run without the tracer of coverage."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("COV"):
                patch.delenv(name)
        yield


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(
    untraced: None,  # noqa: ARG001 - before any process starts
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Site]:
    async with loaded_site(
        tmp_path_factory.mktemp("bench"),
        resources=10_000 if LONG else 2_000,
        strangers=100_000 if LONG else 2_000,
    ) as loaded:
        yield loaded
