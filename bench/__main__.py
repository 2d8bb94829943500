"""What the engine costs, over servers of its own, and what templates cost."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import templating
from bench.course import OURS, Course, peer, run_course
from bench.figures import Figure, of_courses, of_requests, of_whole
from bench.report import heading, speed, table
from bench.site import Site, loaded_site
from bench.whole import requests_of_filling, restart, settle


def main() -> int:
    """Print the figures; return 1 if a limit was missed."""
    options = _parser().parse_args()
    if options.command == "templating":
        return templating.main()
    return asyncio.run(_engine(options))


async def _engine(options: argparse.Namespace) -> int:
    _say(heading(options.resources, options.strangers))
    with TemporaryDirectory(prefix="bench-") as folder:
        async with loaded_site(
            Path(folder), resources=options.resources, strangers=options.strangers
        ) as site:
            figures = await _measure(site, options)
    missed = sum(not figure.is_met for figure in figures)
    _say(f"{missed} of {len(figures)} figures missed" if missed else "all limits met")
    return 1 if missed else 0


async def _measure(site: Site, options: argparse.Namespace) -> list[Figure]:
    ours, peers = await _courses(site, options)
    figures = of_courses(ours, peers)
    figures += of_requests(await requests_of_filling(site), site.strangers)
    if options.idle:
        await settle(site)
        figures += of_whole(*await restart(site, idle=options.idle))
    _say(f"{table(figures)}\n{speed([*ours, *peers])}")
    return figures


async def _courses(
    site: Site, options: argparse.Namespace
) -> tuple[list[Course], list[Course]]:
    """Run ours and the peer in turns: A-B, B-A, A-B, so that drifts even out."""
    ours: list[Course] = []
    peers: list[Course] = []
    turns: list[tuple[Sequence[str], list[Course]]] = [(OURS, ours)]
    if options.kopf:
        turns.append((peer(options.kopf), peers))
    for _ in range(options.pairs):
        for command, courses in turns:
            courses.append(await run_course(site, command))
        turns.reverse()
    return ours, peers


def _say(text: str) -> None:
    sys.stdout.write(text + "\n\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    commands.add_parser("templating", help="templates, cold and compiled")
    engine = commands.add_parser("engine", help="stores, watches and queues")
    add = engine.add_argument
    add("--resources", type=int, default=10_000, help="VaultStaticSecrets")
    add("--strangers", type=int, default=100_000, help="Secrets of others")
    add("--pairs", type=int, default=5, help="courses of ours, and of kopf")
    add("--idle", type=float, default=30, help="seconds at rest; 0: leave that out")
    add("--kopf", metavar="PYTHON", help="an interpreter that has kopf, to compare")
    return parser


if __name__ == "__main__":
    sys.exit(main())
