"""The report of a run, for people."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from statistics import median

from bench.course import Course
from bench.figures import REFERENCE_LOOP, Figure

_ROW = "{:<46} {:>12} {:>12} {:>12} {:>7}  {}"


def heading(resources: int, strangers: int) -> str:
    """Say where, when and over what the figures come to be."""
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    return (
        f"{resources:,} VaultStaticSecrets of 1.9 KB, {strangers:,} foreign Secrets\n"
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, load {load}"
    )


def table(figures: Iterable[Figure]) -> str:
    """Return a line for each figure."""
    lines = [_ROW.format("", "value", "limit", "kopf", "ratio", "").rstrip()]
    lines += [_line(figure) for figure in figures]
    return "\n".join(lines)


def speed(courses: Sequence[Course]) -> str:
    """Say how fast the machine was, and what was made of that."""
    loops = [told.loop for course in courses for told in course.values()]
    return (
        f"calibration loop: {1e3 * median(loops):.1f} ms "
        f"({1e3 * min(loops):.1f} to {1e3 * max(loops):.1f}); "
        f"CPU of the stages is told as for {1e3 * REFERENCE_LOOP:.1f} ms"
    )


def _line(figure: Figure) -> str:
    verdict = "" if figure.limit is None else "met" if figure.is_met else "MISSED"
    ratio = "" if figure.ratio is None else f"{figure.ratio:.1f}"
    return _ROW.format(
        figure.name,
        _amount(figure.value, figure.unit),
        _amount(figure.limit, figure.unit),
        _amount(figure.peer, figure.unit),
        ratio,
        verdict,
    ).rstrip()


def _amount(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    text = f"{value:,.0f}" if value == int(value) else f"{value:.3g}"
    return f"{text} {unit}".rstrip()
