from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.unit.kube.worlds import SettableClock
from vso_controller.foundation.secret import Secret
from vso_controller.kube.credentials import (
    EXPIRY_MARGIN,
    RELOAD_REST,
    TOKEN_FILE_REST,
    LoadedCredentials,
    ReloadedCredentials,
    TokenFile,
)
from vso_controller.kube.errors import BadConfiguration
from vso_controller.kube.tls import Tls, TlsFiles


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text("first\n")
    return file


def replace_token(file: Path, content: str) -> None:
    file.write_text(content)


async def test_mounted_token_is_read_again_after_a_minute(
    file: Path, clock: SettableClock
) -> None:
    token = TokenFile(path=file, clock=clock)
    assert (await token.authorization()).reveal() == "Bearer first"
    replace_token(file, "second")

    clock.time += TOKEN_FILE_REST - 1
    assert (await token.authorization()).reveal() == "Bearer first"
    clock.time += 1
    assert (await token.authorization()).reveal() == "Bearer second"


async def test_refused_token_is_read_again_at_once(
    file: Path, clock: SettableClock
) -> None:
    token = TokenFile(path=file, clock=clock)
    refused = await token.authorization()
    replace_token(file, "second")

    await token.refresh(refused=refused)

    assert (await token.authorization()).reveal() == "Bearer second"


@pytest.mark.parametrize("content", ["", " \n", "t\u00f6ken"])
async def test_file_that_holds_no_token_is_told(
    file: Path, clock: SettableClock, content: str
) -> None:
    replace_token(file, content)

    with pytest.raises(BadConfiguration, match=str(file)):
        await TokenFile(path=file, clock=clock).authorization()


async def test_token_that_cannot_be_read_again_stays(
    file: Path, clock: SettableClock
) -> None:
    token = TokenFile(path=file, clock=clock)
    known = await token.authorization()
    replace_token(file, "")

    clock.time += TOKEN_FILE_REST
    await token.refresh(refused=known)

    assert await token.authorization() == known


@dataclass
class Plugin:
    """Brings token after token, each good for an hour."""

    clock: SettableClock
    runs: int = 0
    broken: bool = False

    async def load(self) -> LoadedCredentials:
        self.runs += 1
        if self.broken:
            raise BadConfiguration("the plugin failed")
        return LoadedCredentials(
            authorization=Secret(f"Bearer {self.runs}"), expires=self.clock.time + 3600
        )

    async def credentials(self) -> ReloadedCredentials:
        return ReloadedCredentials(
            loaded=await self.load(),
            load=self.load,
            tls=Tls(files=TlsFiles(), clock=self.clock),
            clock=self.clock,
        )


async def test_plugin_runs_again_shortly_before_its_token_ends(
    clock: SettableClock,
) -> None:
    plugin = Plugin(clock)
    credentials = await plugin.credentials()

    clock.time += 3600 - EXPIRY_MARGIN - 1
    assert await credentials.authorization() == Secret("Bearer 1")
    clock.time += 1
    assert await credentials.authorization() == Secret("Bearer 2")


async def test_plugin_runs_once_for_all_who_were_refused(clock: SettableClock) -> None:
    plugin = Plugin(clock)
    credentials = await plugin.credentials()
    refused = await credentials.authorization()

    await credentials.refresh(refused=refused)
    await credentials.refresh(refused=refused)

    assert plugin.runs == 2
    assert await credentials.authorization() == Secret("Bearer 2")


async def test_plugin_whose_tokens_are_all_refused_has_its_rest(
    clock: SettableClock,
) -> None:
    plugin = Plugin(clock)
    credentials = await plugin.credentials()

    await credentials.refresh(refused=Secret("Bearer 1"))
    await credentials.refresh(refused=Secret("Bearer 2"))
    assert plugin.runs == 2
    clock.time += RELOAD_REST
    await credentials.refresh(refused=Secret("Bearer 2"))
    assert plugin.runs == 3


async def test_plugin_that_fails_leaves_the_token_there_is(
    clock: SettableClock,
) -> None:
    plugin = Plugin(clock)
    credentials = await plugin.credentials()
    plugin.broken = True

    await credentials.refresh(refused=Secret("Bearer 1"))

    assert await credentials.authorization() == Secret("Bearer 1")
