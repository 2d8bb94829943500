from __future__ import annotations

import asyncio
import sys

LIGHT = """
import sys
import vso_controller.kube.config
from vso_controller.kube.loaders import InClusterConfigLoader, load_kube_config
print(sum(name.startswith("kubernetes_asyncio") for name in sys.modules))
"""
REAL_ONE_AFTERWARDS = """
import vso_controller.kube.loaders
import kubernetes_asyncio
print(kubernetes_asyncio.client.CoreV1Api.__name__)
"""


async def printed_by(program: str) -> str:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await child.communicate()
    return output.decode().strip()


async def test_configuration_is_read_without_the_generated_client() -> None:
    assert await printed_by(LIGHT) == "0"


async def test_package_imported_later_is_the_real_one() -> None:
    assert await printed_by(REAL_ONE_AFTERWARDS) == "CoreV1Api"
