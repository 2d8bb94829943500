"""Programs whose interpreter was tampered with: bad luck without a switch for it.

A `sitecustomize` is imported by every interpreter that finds it on its path. So the
program is the product as it is, in surroundings that misbehave when they are told to.
"""

from __future__ import annotations

from pathlib import Path

from tests.support.planting import ROOT


def program_with(sitecustomize: str, folder: Path) -> Path:
    """Return a folder that has the product, and this in front of it."""
    (folder / "vso_controller").symlink_to(ROOT / "vso_controller")
    (folder / "sitecustomize.py").write_text(sitecustomize)
    return folder


def blocks_on_signal(seconds: float) -> str:
    """Return code that has SIGUSR1 block the main thread, and the loop on it."""
    return f"""\
import signal
import time


def block(*_):
    time.sleep({seconds})


signal.signal(signal.SIGUSR1, block)
"""


def forgets_names(flag: Path) -> str:
    """Return code that resolves no name for the ports that the file `flag` lists."""
    return f"""\
import pathlib
import socket

flag = pathlib.Path({str(flag)!r})
resolve = socket.getaddrinfo


def getaddrinfo(host, port, *rest, **more):
    if str(port) in flag.read_text().split():
        raise socket.gaierror(socket.EAI_AGAIN, "the name server does not answer")
    return resolve(host, port, *rest, **more)


socket.getaddrinfo = getaddrinfo
"""


def hangs_over_names(begun: Path) -> str:
    """Return code that looks up `localhost` for ever, and makes the file `begun`."""
    return f"""\
import pathlib
import socket
import time

resolve = socket.getaddrinfo


def getaddrinfo(host, *rest, **more):
    if host == "localhost":
        pathlib.Path({str(begun)!r}).touch()
        time.sleep(3600)
    return resolve(host, *rest, **more)


socket.getaddrinfo = getaddrinfo
"""
