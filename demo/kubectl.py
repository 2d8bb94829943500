"""The real kubectl, from the wheel beside the Python that runs."""

from __future__ import annotations

import asyncio
import shutil
import sys
from pathlib import Path


class KubectlFailed(Exception):
    """kubectl said no. The message is what it printed."""


class Kubectl:
    """Runs kubectl with one kubeconfig."""

    def __init__(self, kubeconfig: Path) -> None:
        self._kubeconfig = kubeconfig

    async def __call__(self, *arguments: str, text: str = "") -> str:
        """Run a command with `text` as its input; return what it printed."""
        process = await asyncio.create_subprocess_exec(
            *(_binary(), f"--kubeconfig={self._kubeconfig}", *arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            output, errors = await process.communicate(text.encode())
        finally:
            if process.returncode is None:  # we were interrupted
                process.kill()
                await process.wait()
        if process.returncode:
            command = " ".join(arguments)
            raise KubectlFailed(f"kubectl {command}: {errors.decode().strip()}")
        return output.decode()


def _binary() -> str:
    beside_python = Path(sys.executable).parent
    found = shutil.which("kubectl", path=beside_python) or shutil.which("kubectl")
    if found is None:
        raise KubectlFailed(f"there is no kubectl in {beside_python}")
    return found
