"""Writes the manual's page of settings, from their model.

`python -m vso_controller.settings docs/settings.md` writes the page; with `--check`
it writes nothing and exits 1 if the page differs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic.fields import FieldInfo

from vso_controller.settings.model import GROUPS, SettingsGroup
from vso_controller.settings.naming import describe, flag, show_default, variable

_INTRODUCTION = """\
# Settings

Every setting is a flag of `vso-controller` and an environment variable.
A variable that is set and not empty wins over its flag.
Durations are written as in Go: `90s`, `1m30s`, `250ms`.
A switch is turned off with `--flag=false`.
A wrong value ends the program with exit code 2 and one line that says what is wrong.

This page is generated: `python -m vso_controller.settings docs/settings.md`.
"""


def settings_page() -> str:
    """Return the Markdown page that lists every flag and variable."""
    return "\n".join([_INTRODUCTION, *(_section(group) for group in GROUPS)])


def main(arguments: Sequence[str]) -> int:
    """Run the command; see the module's docstring. Return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m vso_controller.settings")
    parser.add_argument("page", type=Path, help="the Markdown file")
    parser.add_argument(
        "--check", action="store_true", help="write nothing, exit 1 if it differs"
    )
    options = parser.parse_args(arguments)
    page: Path = options.page
    if not options.check:
        page.write_text(settings_page(), encoding="utf-8")
        return 0
    if page.is_file() and page.read_text(encoding="utf-8") == settings_page():
        return 0
    sys.stderr.write(f"{page} is not what the settings say; generate it again\n")
    return 1


def _section(group: type[SettingsGroup]) -> str:
    rows = (_row(name, field) for name, field in group.model_fields.items())
    return "\n".join(
        [
            f"## {group.heading}\n",
            "| Flag | Variable | Default | Meaning |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _row(name: str, field: FieldInfo) -> str:
    default = show_default(field)
    cells = (
        f"`{flag(name)}`",
        f"`{variable(name)}`",
        f"`{default}`" if default else "",
        describe(field),
    )
    return f"| {' | '.join(cells)} |"
