"""Base64 and base32."""

from __future__ import annotations

import base64

from vso_controller.templating.functions.bases import (
    CorruptInput,
    decode_base32,
    decode_base64,
)
from vso_controller.templating.functions.paying import BY_LETTER, reading
from vso_controller.templating.values import raw, text

_ONE = "(string) string"


@reading("b64enc", _ONE, weight=4)
def b64enc(string: str) -> str:
    """Return the text in base64."""
    return base64.b64encode(raw(string)).decode()


@reading("b64dec", _ONE, weight=8)
def b64dec(string: str) -> str:
    """Return what base64 text stands for; for other text, what is wrong with it."""
    try:
        return text(decode_base64(raw(string)))
    except CorruptInput as error:
        return f"illegal base64 data at input byte {error.at}"


@reading("b32enc", _ONE, weight=BY_LETTER)
def b32enc(string: str) -> str:
    """Return the text in base32."""
    return base64.b32encode(raw(string)).decode()


@reading("b32dec", _ONE, weight=BY_LETTER)
def b32dec(string: str) -> str:
    """Return what base32 text stands for; for other text, what is wrong with it."""
    try:
        return text(decode_base32(raw(string)))
    except CorruptInput as error:
        return f"illegal base32 data at input byte {error.at}"


FUNCTIONS = (b64enc, b64dec, b32enc, b32dec)
