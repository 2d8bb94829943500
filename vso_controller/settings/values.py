"""The types of settings: values as they are written on a command line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from vso_controller.domain.references import VaultAuthOption
from vso_controller.domain.transformation import TransformationOption
from vso_controller.foundation.durations import parse_duration
from vso_controller.vault.reach import Rule, parse_rule

_MAX_PORT = 65535
_ADDRESS = re.compile(
    r"(\[(?P<v6>[^\[\]]+)\]|(?P<host>[^:\[\]]*)):(?P<port>[0-9]{1,5})"
)


@dataclass(frozen=True, slots=True)
class BindAddress:
    """Where to listen. Port 0 lets the system choose one."""

    host: str  # "" for every interface
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse_bind_address(text: str) -> BindAddress | None:
    """Parse `:8080`, `127.0.0.1:8080` or `[::1]:8080`; "" and "0" are None, off.

    Raises ValueError for anything else.
    """
    if text in {"", "0"}:
        return None
    match = _ADDRESS.fullmatch(text)
    if match is None or int(match["port"]) > _MAX_PORT:
        raise ValueError("not an address; write for example :8080 or 127.0.0.1:8080")
    return BindAddress(match["v6"] or match["host"] or "", int(match["port"]))


def _none_if_empty(value: object) -> object:
    return None if value == "" else value


def _duration(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


def _bind_address(value: object) -> object:
    return parse_bind_address(value) if isinstance(value, str) else value


def _not_negative(value: timedelta) -> timedelta:
    if value < timedelta():
        raise ValueError("must not be negative")
    return value


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta():
        raise ValueError("must be longer than 0s")
    return value


Duration = Annotated[
    timedelta, BeforeValidator(_duration), AfterValidator(_not_negative)
]
"""A duration in Go's notation, not negative."""

Period = Annotated[timedelta, BeforeValidator(_duration), AfterValidator(_positive)]
"""A duration in Go's notation, longer than nothing."""

Listener = Annotated[BindAddress | None, BeforeValidator(_bind_address)]
"""Where to listen; None is not at all."""

OptionalText = Annotated[str | None, BeforeValidator(_none_if_empty)]
"""Text; None if it was not given or is empty."""

ResourceNamespace = Annotated[
    str, Field(max_length=63, pattern="^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
]
"""The name of a namespace as Kubernetes permits it."""


def _names(value: object) -> object:
    if not isinstance(value, str):
        return value
    if not value.strip():
        return ()
    # A name that is missing between two commas stays, and is refused: what was meant
    # to be few must not become all by a slip.
    return tuple(dict.fromkeys(name.strip() for name in value.split(",")))


def _split(value: object) -> object:
    """Split at commas; what is empty between two of them stays, and is refused."""
    if not isinstance(value, str):
        return value
    return tuple(each.strip() for each in value.split(",")) if value.strip() else ()


def _rule(value: object) -> object:
    return parse_rule(value) if isinstance(value, str) else value


def _absolute(value: Path) -> Path:
    if not value.is_absolute():
        raise ValueError("a directory must be given by its whole path, from / on")
    return value


Folders = Annotated[
    tuple[Annotated[Path, AfterValidator(_absolute)], ...], BeforeValidator(_split)
]
"""Directories, written with commas between them."""

AddressRules = Annotated[
    tuple[Annotated[Rule, BeforeValidator(_rule)], ...], BeforeValidator(_split)
]
"""Hosts and networks, written with commas between them."""

TransformationOptions = Annotated[
    tuple[TransformationOption, ...], BeforeValidator(_split)
]
"""Options of transformations, written with commas between them."""

Namespaces = Annotated[tuple[ResourceNamespace, ...], BeforeValidator(_names)]
"""Names of namespaces, written with commas between them; each once, in any order."""

SharedNamespaces = Annotated[
    tuple[Literal["*"] | ResourceNamespace, ...], BeforeValidator(_names)
]
"""Names of namespaces, or `*` for all, written with commas between them."""

VaultAuthOptions = Annotated[tuple[VaultAuthOption, ...], BeforeValidator(_split)]
"""Options of VaultAuths, written with commas between them."""
