"""Printf as Go has it, with all that it says where verb and value do not fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vso_controller.templating.errors import LimitReached
from vso_controller.templating.limits import Budget
from vso_controller.templating.printing import NIL, sorted_items, stringer_of
from vso_controller.templating.values import (
    Object,
    UInt8,
    is_nil,
    joined,
    text,
    type_of,
)
from vso_controller.templating.verbs import (
    Flags,
    format_bytes,
    format_complex,
    format_float,
    format_int,
    format_string,
    pad,
)

_TOO_LARGE = 1_000_000  # of a width or a precision, as in Go
_FLAGS = {"#": "sharp", "0": "zero", "+": "plus", "-": "minus", " ": "space"}
_STRING_VERBS = frozenset("vsxXq")
_COMPLEX_VERBS = frozenset("vbgGxXfFeE")


def formatted(budget: Budget, template: str, arguments: Sequence[object]) -> str:
    """Return what Sprintf prints. Raises LimitReached."""
    return _Printf(budget, template, arguments).run()


@dataclass(slots=True)
class _Bad(Exception):
    """The verb does not fit the value."""


class _Printf:
    def __init__(
        self, budget: Budget, template: str, arguments: Sequence[object]
    ) -> None:
        self._budget = budget
        self._template = template
        self._arguments = arguments
        self._position = 0
        self._next = 0  # argument
        self._reordered = False  # an index was given, anywhere
        self._good_index = True
        self._parts: list[str] = []

    def run(self) -> str:
        while True:
            percent = self._template.find("%", self._position)
            if percent < 0:
                self._write(self._template[self._position :])
                break
            self._write(self._template[self._position : percent])
            self._position = percent + 1
            self._directive()
        if not self._reordered and self._next < len(self._arguments):
            self._write_extra()
        return joined(self._parts)

    def _write(self, part: str) -> None:
        self._budget.work(len(part))
        self._parts.append(part)

    def _directive(self) -> None:
        flags = Flags()
        self._good_index = True
        while self._here() in _FLAGS:
            setattr(flags, _FLAGS[self._here()], True)
            self._position += 1
        after_index = self._index()
        after_index = self._width(flags, after_index=after_index)
        after_index = self._precision(flags, after_index=after_index)
        if not after_index:
            self._index()
        verb = self._here()
        if not verb:
            self._write("%!(NOVERB)")
            return
        self._position += 1
        self._verb(verb, flags)

    def _verb(self, verb: str, flags: Flags) -> None:
        if verb == "%":
            self._write("%")
        elif not self._good_index:
            self._write(f"%!{verb}(BADINDEX)")
        elif self._next >= len(self._arguments):
            self._write(f"%!{verb}(MISSING)")
        else:
            if verb == "v":
                flags.sharp_v, flags.sharp = flags.sharp, False
                flags.plus_v, flags.plus = flags.plus, False
            argument = self._arguments[self._next]
            self._next += 1
            self._write(_Argument(self._budget, flags).printed(argument, verb))

    def _here(self) -> str:
        return self._template[self._position : self._position + 1]

    def _index(self) -> bool:
        """Read `[n]`, if it is there; return whether it is."""
        if self._here() != "[":
            return False
        self._reordered = True
        end = self._template.find("]", self._position)
        if end < 0:
            self._good_index = False
            self._position += 1
            return False
        number = self._template[self._position + 1 : end]
        self._position = end + 1
        if not (number.isascii() and number.isdigit() and len(number) <= len("999999")):
            self._good_index = False
            return True
        index = int(number) - 1
        if 0 <= index < len(self._arguments):
            self._next = index
        else:
            self._good_index = False
        return True

    def _width(self, flags: Flags, *, after_index: bool) -> bool:
        if self._here() == "*":
            self._position += 1
            width = self._integer_argument()
            if width is None:
                self._write("%!(BADWIDTH)")
            else:
                flags.minus = flags.minus or width < 0
                flags.width = abs(width)
            return False
        flags.width = self._number()
        if flags.width is not None and after_index:  # "%[3]2d"
            self._good_index = False
        return after_index

    def _precision(self, flags: Flags, *, after_index: bool) -> bool:
        if self._here() != ".":
            return after_index
        self._position += 1
        if after_index:  # "%[3].2d"
            self._good_index = False
        after_index = self._index()
        if self._here() == "*":
            self._position += 1
            precision = self._integer_argument()
            if precision is None or precision < 0:
                flags.precision = None
                if precision is None:
                    self._write("%!(BADPREC)")
            else:
                flags.precision = precision
            return False
        flags.precision = self._number() or 0
        return after_index

    def _number(self) -> int | None:
        start = self._position
        while "0" <= self._here() <= "9":
            self._position += 1
        digits = self._template[start : self._position]
        if not digits:
            return None
        if len(digits) > len(str(_TOO_LARGE)) or int(digits) > _TOO_LARGE:
            self._position = len(self._template)
            return None
        return int(digits)

    def _integer_argument(self) -> int | None:
        if self._next >= len(self._arguments):
            return None
        value = self._arguments[self._next]
        self._next += 1
        if isinstance(value, bool) or not isinstance(value, int):
            return None
        return int(value) if abs(value) <= _TOO_LARGE else None

    def _write_extra(self) -> None:
        described = []
        for value in self._arguments[self._next :]:
            if value is None:
                described.append(NIL)
                continue
            plain = _Argument(self._budget, Flags()).printed(value, "v")
            described.append(f"{type_of(value)}={plain}")
        self._write(f"%!(EXTRA {', '.join(described)})")


class _Argument:
    """Prints one argument, with all that is in it."""

    def __init__(self, budget: Budget, flags: Flags) -> None:
        self._budget = budget
        self._flags = flags
        self._asks = True  # values what they say of themselves

    def printed(self, value: object, verb: str) -> str:
        flags = self._flags
        self._budget.work((flags.width or 0) + (flags.precision or 0))
        if value is None:
            return pad(NIL, flags) if verb in {"T", "v"} else self._bad(value, verb)
        if verb == "T":
            return format_string(type_of(value), "s", flags)
        if verb == "p":
            return self._bad(value, verb)
        return self._print(value, verb, depth=0)

    def _print(self, value: object, verb: str, *, depth: int) -> str:
        if depth > self._budget.limits.depth:
            raise LimitReached("depth", allowed=self._budget.limits.depth)
        self._budget.step()
        if value is None:
            return "interface {}(nil)" if self._flags.sharp_v else NIL
        told = stringer_of(value) if self._asks else None
        if told is not None and verb in _STRING_VERBS and not self._flags.sharp_v:
            return format_string(told, verb, self._flags)
        if isinstance(value, bytes):
            return self._bytes(value, verb, depth=depth)
        if isinstance(value, list):
            return self._list(value, verb, depth=depth)
        if isinstance(value, dict):
            return self._map(value, verb, depth=depth)
        return self._scalar(value, verb)

    def _scalar(self, value: object, verb: str) -> str:
        found: str | None
        if isinstance(value, bool):
            word = "true" if value else "false"
            found = pad(word, self._flags) if verb in {"t", "v"} else None
        elif isinstance(value, int):
            found = format_int(value, verb, self._flags, type_=type(value))
        elif isinstance(value, float):
            found = format_float(value, verb, self._flags)
        elif isinstance(value, complex):
            fits = verb in _COMPLEX_VERBS
            found = format_complex(value, verb, self._flags) if fits else None
        elif isinstance(value, str):
            fits = verb in _STRING_VERBS
            found = format_string(str(value), verb, self._flags) if fits else None
        elif isinstance(value, Object):
            fits = verb in _STRING_VERBS
            found = format_string(value.text(), verb, self._flags) if fits else None
        else:
            raise TypeError(f"a template cannot have a {type(value).__name__}")
        return self._bad(value, verb) if found is None else found

    def _bytes(self, value: bytes, verb: str, *, depth: int) -> str:
        if verb in {"s", "x", "X", "q"}:
            if verb in {"x", "X"}:
                return format_bytes(value, verb, self._flags)
            return format_string(text(value), verb, self._flags)
        if self._flags.sharp_v:
            return f"[]byte{{{', '.join(f'{each:#x}' for each in value)}}}"
        return self._elements([UInt8(each) for each in value], verb, depth=depth)

    def _list(self, value: list[object], verb: str, *, depth: int) -> str:
        if not self._flags.sharp_v:
            return self._elements(value, verb, depth=depth)
        if is_nil(value):
            return f"{type_of(value)}(nil)"
        inside = [self._print(each, verb, depth=depth + 1) for each in value]
        return f"{type_of(value)}{{{', '.join(inside)}}}"

    def _elements(self, value: list[object], verb: str, *, depth: int) -> str:
        inside = [self._print(each, verb, depth=depth + 1) for each in value]
        return f"[{' '.join(inside)}]"

    def _map(self, value: dict[str, object], verb: str, *, depth: int) -> str:
        is_sharp = self._flags.sharp_v
        if is_sharp and is_nil(value):
            return f"{type_of(value)}(nil)"
        inside = [
            f"{self._print(key, verb, depth=depth + 1)}:"
            f"{self._print(each, verb, depth=depth + 1)}"
            for key, each in sorted_items(value)
        ]
        if is_sharp:
            return f"{type_of(value)}{{{', '.join(inside)}}}"
        return f"map[{' '.join(inside)}]"

    def _bad(self, value: object, verb: str) -> str:
        if value is None:
            return f"%!{verb}({NIL})"
        was, self._asks = self._asks, False
        plain = self._print(value, "v", depth=1)
        self._asks = was
        return f"%!{verb}({type_of(value)}={plain})"
