"""Cases of what Go itself prints (`tests/golden/README.md`)."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import SystemRandom
from typing import Any

from vso_controller.templating.errors import ParseError, TemplateError
from vso_controller.templating.functions import library
from vso_controller.templating.go.fields import Root
from vso_controller.templating.go.sets import compile_go
from vso_controller.templating.limits import Budget, Limits
from vso_controller.templating.registry import Environment
from vso_controller.templating.texts import Text
from vso_controller.templating.values import JSONNumber, NilMap, StringMap

FOLDER = Path(__file__).parents[2] / "golden"
MAPS = ("Secrets", "Metadata", "Annotations", "Labels")
OF_STRINGS = frozenset({"Annotations", "Labels"})


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a case: what it printed, or how it failed."""

    output: bytes = b""
    error: str = ""  # "", "parse" or "exec"
    why: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """One line of a file."""

    name: str
    fields: dict[str, Any]

    def __str__(self) -> str:
        return self.name

    @property
    def check(self) -> dict[str, Any] | None:
        """What must hold of an output that is not the same each time."""
        found: dict[str, Any] | None = self.fields.get("check")
        return found

    @property
    def expected(self) -> Result:
        """What Go made of it."""
        fields = self.fields.get("as_struct", self.fields)
        if "error" in fields:
            return Result(error=fields["error"])
        if "output_b64" in fields:
            return Result(base64.b64decode(fields["output_b64"]))
        return Result(fields["output"].encode())

    def run(self) -> Result:
        """Compile and execute the templates."""
        try:
            return Result(self._rendered())
        except ParseError as error:
            return Result(error="parse", why=str(error))
        except TemplateError as error:
            return Result(error="exec", why=str(error))

    def _rendered(self) -> bytes:
        templates = sorted(
            self.fields["templates"],
            key=lambda each: f"{each['key']}0{each['name']}".encode(),
        )
        texts = [Text(each["name"], each["text"]) for each in templates]
        environment = Environment(
            budget=Budget(Limits()),
            now=lambda: datetime.now(UTC),
            chance=SystemRandom(),
        )
        compiled = compile_go(texts, library(), Limits())
        return compiled.render(self.fields["execute"], self._data(), environment)

    def _data(self) -> object:
        data: dict[str, Any] = self.fields["input"]
        if "as_struct" in self.fields:
            fields = {each: data.get(each) or _nil(data, each) for each in MAPS}
            return Root(fields, type_="*main.structInput")
        return {name: _map(name, value) for name, value in data.items()}


def cases() -> Iterator[Case]:
    """Yield all cases of the folder."""
    folder = Path(os.environ.get("GOLDEN_DIR", FOLDER))
    for file in sorted(folder.glob("*.jsonl")):
        for line in file.read_bytes().splitlines():
            fields = json.loads(line, parse_int=JSONNumber, parse_float=JSONNumber)
            yield Case(fields["id"], fields)


def _nil(data: dict[str, Any], name: str) -> dict[str, object]:
    return NilMap() if data.get(name) is None else {}


def _map(name: str, value: object) -> object:
    if name not in MAPS:
        return value
    if value is None:
        return NilMap()
    if name in OF_STRINGS and isinstance(value, dict):
        return StringMap(value)
    return value
