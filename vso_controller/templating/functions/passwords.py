"""Password hashes by bcrypt. They take a tenth of a second, on purpose."""

from __future__ import annotations

import base64

import bcrypt as blowfish

from vso_controller.templating.registry import Environment, function
from vso_controller.templating.values import raw

_LONGEST = 72
"""Bytes of a password that bcrypt looks at."""
_SALT = 16  # bytes
_DIGITS = str.maketrans(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
)
"""From base64 to the alphabet of bcrypt."""


@function(
    "bcrypt",
    "(string) string",
    environment=True,
    is_deterministic=False,
    is_slow=True,
)
def bcrypt(run: Environment, password: str) -> str:
    """Return the bcrypt hash of a password, with a new salt each time."""
    return _hash(run, password)


@function(
    "htpasswd",
    "(string, string) string",
    environment=True,
    is_deterministic=False,
    is_slow=True,
)
def htpasswd(run: Environment, user: str, password: str) -> str:
    """Return a line of an htpasswd file: a user, and the bcrypt hash of a password."""
    if ":" in user:
        return f"invalid username: {user}"
    return f"{user}:{_hash(run, password)}"


def _hash(run: Environment, password: str) -> str:
    run.budget.hash()
    salt = base64.b64encode(run.chance.randbytes(_SALT)).decode().rstrip("=")
    setting = f"$2a${run.budget.limits.bcrypt_cost:02}${salt.translate(_DIGITS)}"
    return blowfish.hashpw(raw(password)[:_LONGEST], setting.encode()).decode()


FUNCTIONS = (bcrypt, htpasswd)
