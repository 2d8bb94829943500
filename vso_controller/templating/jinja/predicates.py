"""What `is` asks of a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from vso_controller.templating.jinja.operations import Undefined, number, used
from vso_controller.templating.values import JSONNumber


def _is_text(value: object) -> bool:
    return isinstance(used(value), str) and not isinstance(value, JSONNumber)


PREDICATES: Mapping[str, Callable[[object], bool]] = {
    "defined": lambda value: not isinstance(value, Undefined),
    "undefined": lambda value: isinstance(value, Undefined),
    "none": lambda value: used(value) is None,
    "boolean": lambda value: isinstance(used(value), bool),
    "true": lambda value: used(value) is True,
    "false": lambda value: used(value) is False,
    "number": lambda value: number(used(value)) is not None,
    "integer": lambda value: isinstance(number(used(value)), int),
    "float": lambda value: isinstance(number(used(value)), float),
    "string": _is_text,
    "mapping": lambda value: isinstance(used(value), dict),
    "sequence": lambda value: isinstance(used(value), list),
}
