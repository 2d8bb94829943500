from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vso_controller.kube.errors import ConnectionFailed
from vso_controller.kube.lines import lines_of


@dataclass
class Pieces:
    """A body that arrives in these pieces."""

    pieces: list[bytes]

    async def readany(self) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""


async def read(*pieces: bytes, largest: int = 1_000_000) -> list[bytes]:
    now = asyncio.get_running_loop().time()
    lines = lines_of(
        Pieces(list(pieces)), call="watch widgets", deadline=now + 5, largest=largest
    )
    return [line async for line in lines]


@given(
    lines=st.lists(st.binary(min_size=1).filter(lambda line: b"\n" not in line)),
    cuts=st.lists(st.integers(min_value=1, max_value=20), min_size=1),
)
def test_lines_do_not_depend_on_how_they_were_cut(
    lines: list[bytes], cuts: list[int]
) -> None:
    body = b"".join(line + b"\n" for line in lines)
    pieces: list[bytes] = []
    while body:
        size = cuts[len(pieces) % len(cuts)]
        pieces.append(body[:size])
        body = body[size:]

    assert asyncio.run(read(*pieces)) == lines


async def test_line_of_a_megabyte_is_one_line() -> None:
    piece = b"x" * 65_536

    lines = await read(*[piece] * 16, b"\n", largest=2_000_000)

    assert lines == [piece * 16]


async def test_stream_that_ends_within_a_line_is_broken() -> None:
    with pytest.raises(ConnectionFailed, match=r"watch widgets: .* within a line"):
        await read(b'{"type": "ADDED"}\n{"type": "MOD')


async def test_line_without_end_is_given_up() -> None:
    with pytest.raises(ConnectionFailed, match="more than 100 bytes"):
        await read(b"x" * 60, b"x" * 60, largest=100)
