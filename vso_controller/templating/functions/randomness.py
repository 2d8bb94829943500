"""What is different each time. Chance comes from outside: see `Environment`."""

from __future__ import annotations

from vso_controller.templating.errors import FunctionError
from vso_controller.templating.functions import letters
from vso_controller.templating.functions.casting import wrapped
from vso_controller.templating.functions.paying import BY_LETTER, reading
from vso_controller.templating.registry import Environment, function


@function("randInt", "(int, int) int", environment=True, is_deterministic=False)
def rand_int(run: Environment, least: int, end: int) -> int:
    """Return a random number from the first one on, less than the second one."""
    if wrapped(end - least) <= 0:
        raise FunctionError("the second number is not greater than the first one")
    return wrapped(run.chance.randrange(wrapped(end - least)) + least)


@reading(
    "shuffle",
    "(string) string",
    weight=4 * BY_LETTER,
    environment=True,
    is_deterministic=False,
)
def shuffle(run: Environment, string: str) -> str:
    """Return the letters of the text in a random order."""
    shuffled = list(letters.runes(string))
    for last in range(len(shuffled) - 1, 0, -1):
        other = run.chance.randrange(last + 1)
        shuffled[last], shuffled[other] = shuffled[other], shuffled[last]
    return "".join(shuffled)


FUNCTIONS = (rand_int, shuffle)
