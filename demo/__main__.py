"""`python -m demo [--keep]`: the main job on embedded servers."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys

from demo.kubectl import KubectlFailed
from demo.story import Demo
from tests.support.processes import StartFailed

INTERRUPTED = 130  # as a shell reports SIGINT


def main() -> int:
    """Play the demo; whatever ends it, its servers are stopped."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument(
        "--keep", action="store_true", help="leave everything running until Ctrl-C"
    )
    options = parser.parse_args()
    try:
        asyncio.run(_play(keep=options.keep))
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.stdout.write("\nInterrupted; everything was stopped.\n")
        return 0 if options.keep else INTERRUPTED
    except (AssertionError, KubectlFailed, StartFailed) as error:
        sys.stderr.write(f"\nThe demo failed: {error}\n")
        sys.stderr.write("Its servers were stopped; their logs are in build/demo.\n")
        return 1
    return 0


async def _play(*, keep: bool) -> None:
    task = asyncio.current_task()
    if task is not None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
    await Demo().play(keep=keep)


if __name__ == "__main__":
    sys.exit(main())
