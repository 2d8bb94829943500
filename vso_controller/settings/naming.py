"""How a setting is called and shown: its flag, its variable, its default."""

from __future__ import annotations

from datetime import timedelta

from pydantic.fields import FieldInfo

from vso_controller.foundation.durations import format_duration


def flag(field: str) -> str:
    """Return the flag of a field: `--leader-elect`."""
    return "--" + field.replace("_", "-")


def variable(field: str) -> str:
    """Return the environment variable of a field: `VSO_LEADER_ELECT`."""
    return f"VSO_{field.upper()}"


def describe(field: FieldInfo) -> str:
    """Return the docstring of a field as one line."""
    return " ".join((field.description or "").split())


def show_default(field: FieldInfo) -> str:
    """Return a field's default as a user would write it; "" if it has none."""
    match field.default:
        case None:
            return ""
        case bool() as switch:
            return str(switch).lower()
        case timedelta() as duration:
            return format_duration(duration)
        case tuple() as several:
            return ",".join(map(str, several))
        case value:
            return str(value)
