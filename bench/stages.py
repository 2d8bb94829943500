"""How a measured process tells what its stages used: one line of JSON each.

It imports the standard library alone, so that the peer, in an environment of its own,
can use it too.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

_ROUNDS = 5


class Stage(StrEnum):
    """What a measured process goes through, in this order."""

    FILLED = "filled"
    """All resources are in memory."""
    READY = "ready"
    """Each was handed out once; changes may come now."""
    BURST = "burst"
    """Each was handed out again, after changes that had piled up."""
    TRICKLE = "trickle"
    """And again, after changes that came one by one."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a stage took of the process that went through it, for so many things."""

    stage: Stage
    number: int
    cpu: float
    """Seconds, of all threads, in the program and in the system for it."""
    loop: float
    """Seconds of the calibration loop, right before and after."""
    memory: int
    """Bytes of resident memory that came on top."""


class Stopwatch:
    """Measures this process from now on."""

    def __init__(self) -> None:
        self._loop = calibrate()
        gc.collect()
        self._memory = _resident()
        self._cpu = time.process_time()

    def tell(self, stage: Stage, number: int) -> None:
        """Print what was used since the start, for `number` things."""
        cpu = time.process_time() - self._cpu
        gc.collect()
        memory = _resident() - self._memory
        loop = (self._loop + calibrate()) / 2
        told = Told(stage=stage, number=number, cpu=cpu, loop=loop, memory=memory)
        sys.stdout.write(json.dumps(asdict(told)) + "\n")
        sys.stdout.flush()


def parse(line: str) -> Told:
    """Read such a line. Raises ValueError for any other."""
    told = json.loads(line)
    return Told(**told | {"stage": Stage(told["stage"])})


def calibrate() -> float:
    """Return the CPU seconds of a loop that is always the same.

    It does what the engine does most: decode JSON, make strings and small objects,
    look things up. A machine that is twice as slow takes twice as long for both.
    """
    return min(_calibration_round() for _ in range(_ROUNDS))


def _calibration_round() -> float:
    document = json.dumps({f"key-{number}": [number] * 5 for number in range(20)})
    found: dict[tuple[str, str], object] = {}
    start = time.thread_time()
    for number in range(300):
        name = f"name-{number}"
        for key, value in json.loads(document).items():
            found[name, key] = (number, value)
    return time.thread_time() - start


def _resident() -> int:
    """Return the bytes of this process that are in memory (Linux alone says so)."""
    for line in Path("/proc/self/smaps_rollup").read_text().splitlines():
        name, _, size = line.partition(":")
        if name == "Rss":
            return int(size.split()[0]) * 1024
    raise OSError("the system does not say what is resident")
