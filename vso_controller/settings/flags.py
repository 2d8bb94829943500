"""From the command line and the environment to `Settings`.

A variable that is set and not empty wins over the flag, as it does in the upstream
operator; unlike there, a variable can say zero.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, TypedDict

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from vso_controller.settings.model import GROUPS, Settings
from vso_controller.settings.naming import describe, flag, show_default, variable

NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
"""Where a pod finds the namespace that it runs in."""

_EPILOG = """
This is `vso-controller run`; `vso-controller render --help` tells how to try a
transformation without a cluster.

A variable that is set and not empty wins over its flag. Exit codes: 0 after a request
to stop (SIGTERM, SIGINT), 1 when the program could not go on, 2 for wrong arguments,
130 after a second SIGINT.
"""


def load_settings(
    arguments: Sequence[str],
    environ: Mapping[str, str],
    *,
    namespace_file: Path = NAMESPACE_FILE,
) -> Settings:
    """Return what the command line and the environment say.

    Wrong values end the process with code 2 and one line on standard error, and
    `--help` with code 0: both raise SystemExit.
    """
    parser = argument_parser()
    given = (
        _surroundings(environ, namespace_file)
        | _flags(parser.parse_args(arguments))
        | _variables(environ)
    )
    try:
        return Settings.model_validate({name: one.text for name, one in given.items()})
    except ValidationError as error:
        parser.error("; ".join(_reason(one, given) for one in error.errors()))


def argument_parser() -> argparse.ArgumentParser:
    """Return a parser with a flag for each field; values stay text, None if absent."""
    parser = _Parser(
        prog="vso-controller",
        allow_abbrev=False,
        description="Keeps Kubernetes Secrets in step with Vault and OpenBao.",
        epilog=_EPILOG,
    )
    for group in GROUPS:
        section = parser.add_argument_group(group.heading)
        for name, field in group.model_fields.items():
            section.add_argument(flag(name), help=_help(name, field), **_arity(field))
    return parser


@dataclass(frozen=True, slots=True)
class _Given:
    """A value as it was given, and where."""

    text: str
    source: str


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, without the usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message} (see --help)\n")


def _surroundings(
    environ: Mapping[str, str], namespace_file: Path
) -> dict[str, _Given]:
    """Return what can be told from where this process runs; flags win over it.

    The order of precedence of the namespace is the upstream operator's.
    """
    found = {}
    if kubeconfig := environ.get("KUBECONFIG"):
        found["kubeconfig"] = _Given(kubeconfig, "KUBECONFIG")
    if namespace := environ.get("OPERATOR_NAMESPACE"):
        found["namespace"] = _Given(namespace, "OPERATOR_NAMESPACE")
    if namespace := _content(namespace_file):
        found["namespace"] = _Given(namespace, str(namespace_file))
    return found


def _content(file: Path) -> str:
    return file.read_text(encoding="utf-8").strip() if file.is_file() else ""


def _flags(parsed: argparse.Namespace) -> dict[str, _Given]:
    return {
        name: _Given(text, flag(name))
        for name, text in vars(parsed).items()
        if text is not None
    }


def _variables(environ: Mapping[str, str]) -> dict[str, _Given]:
    return {
        name: _Given(text, variable(name))
        for name in Settings.model_fields
        if (text := environ.get(variable(name)))
    }


def _reason(error: ErrorDetails, given: Mapping[str, _Given]) -> str:
    message = error["msg"].removeprefix("Value error, ")
    if not error["loc"]:
        return message
    value = given[str(error["loc"][0])]
    return f"{value.source}={value.text!r}: {message}"


class _Arity(TypedDict, total=False):
    """How many values a flag takes, in the words of argparse."""

    nargs: str
    const: str
    metavar: str


def _arity(field: FieldInfo) -> _Arity:
    if field.annotation is bool:
        return {"nargs": "?", "const": "true", "metavar": "true|false"}
    return {"metavar": "VALUE"}


def _help(name: str, field: FieldInfo) -> str:
    default = show_default(field)
    origin = f"{variable(name)}; default {default}" if default else variable(name)
    return f"{describe(field)} [{origin}]".replace("%", "%%")
