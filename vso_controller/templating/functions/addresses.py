"""URLs, taken apart and put together as Go's package net/url does.

All of it works on bytes in spirit: a text holds what was decoded from UTF-8, and a
percent sign can stand for any byte. Messages name what is wrong, and never quote.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from enum import Enum

from vso_controller.templating.values import raw, text

_ALPHANUMERIC = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_UNRESERVED = _ALPHANUMERIC + b"-_.~"

_NOT_ASCII = 0x80


class Place(Enum):
    """A part of a URL, and the bytes that stand for themselves there."""

    PATH = _UNRESERVED + b"$&+,/:;=@"
    HOST = _UNRESERVED + b"!$&'()*+,;=:[]<>\""
    ZONE = _UNRESERVED + b"!$&'()*+,;=:[]<>\" "
    USER = _UNRESERVED + b"$&+,;="
    FRAGMENT = _UNRESERVED + b"$&+,/:;=?@!()*"


_CONTROL = re.compile("[\x00-\x1f\x7f]")
_ESCAPE = re.compile(rb"%(..?)?", re.DOTALL)
_HEX = re.compile(rb"[0-9A-Fa-f]{2}")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_PORT = re.compile(r"(?::[0-9]*)?")
_USER = re.compile(r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*")
_STRICT_SCHEMES = {"http", "https"}


class MalformedURL(ValueError):
    """The text is no URL."""


@dataclass(frozen=True, slots=True)
class User:
    """Who logs in, and the password; None: there is none."""

    name: str
    password: str | None = None

    def __str__(self) -> str:
        name = escape(self.name, Place.USER)
        if self.password is None:
            return name
        return f"{name}:{escape(self.password, Place.USER)}"


@dataclass(frozen=True, slots=True)
class Address:
    """A URL in its parts, unescaped but for the query."""

    scheme: str = ""
    opaque: str = ""
    user: User | None = None
    host: str = ""
    path: str = ""
    query: str = ""
    fragment: str = ""

    @property
    def hostname(self) -> str:
        """The host without port and brackets."""
        host = self.host
        colon = host.rfind(":")
        if colon >= 0 and _PORT.fullmatch(host[colon:]):
            host = host[:colon]
        return host[1:-1] if host[:1] == "[" and host[-1:] == "]" else host

    def __str__(self) -> str:
        scheme = f"{self.scheme}:" if self.scheme else ""
        body = self.opaque or self._body(scheme)
        query = f"?{self.query}" if self.query else ""
        fragment = escape(self.fragment, Place.FRAGMENT) if self.fragment else ""
        return scheme + body + query + (f"#{fragment}" if fragment else "")

    def _body(self, scheme: str) -> str:
        authority = ""
        if self.host or self.user or (scheme and self.path):
            user = f"{self.user}@" if self.user else ""
            authority = f"//{user}{escape(self.host, Place.HOST)}"
        path = "*" if self.path == "*" else escape(self.path, Place.PATH)
        if path and path[0] != "/" and self.host:
            path = f"/{path}"
        # Without the dot, what is before the colon would be taken for a scheme.
        if not scheme + authority and ":" in path.partition("/")[0]:
            path = f"./{path}"
        return authority + path


def parse_url(url: str) -> Address:
    """Take a URL apart. Raises MalformedURL."""
    base, _, fragment = url.partition("#")
    if _CONTROL.search(base):
        raise MalformedURL("it has a control character")
    unescaped = unescape(fragment, Place.FRAGMENT)
    if base == "*":
        return Address(path="*", fragment=unescaped)
    scheme, rest = _split_scheme(base)
    rest, _, query = rest.partition("?")
    if scheme and not rest.startswith("/"):
        return Address(scheme, opaque=rest, query=query, fragment=unescaped)
    if not rest.startswith("/") and ":" in rest.partition("/")[0]:
        raise MalformedURL("its first path segment has a colon")
    user, host = None, ""
    if rest.startswith("//") and (scheme or not rest.startswith("///")):
        authority, slash, path = rest[2:].partition("/")
        user, host = _parse_authority(scheme, authority)
        rest = slash + path
    path = unescape(rest, Place.PATH)
    return Address(scheme, "", user, host, path, query, unescaped)


def escape(part: str, place: Place) -> str:
    """Return `part` with a percent escape for each byte that needs one there."""
    return "".join(
        chr(byte) if byte in place.value else f"%{byte:02X}" for byte in raw(part)
    )


def unescape(part: str, place: Place) -> str:
    """Return `part` without percent escapes. Raises MalformedURL."""
    data = raw(part)
    if place in {Place.HOST, Place.ZONE}:
        _check_host(data)
    return text(_ESCAPE.sub(lambda found: _byte(found[1] or b"", place), data))


def _byte(digits: bytes, place: Place) -> bytes:
    if not _HEX.fullmatch(digits):
        raise MalformedURL("it has an invalid escape")
    byte = int(digits, 16)
    # Hosts cannot be written with escapes for ASCII, but for the percent sign of
    # an IPv6 zone.
    if place is Place.HOST and byte < _NOT_ASCII and digits != b"25":
        raise MalformedURL("its host has an invalid escape")
    if place is Place.ZONE and digits != b"25" and byte not in Place.ZONE.value:
        raise MalformedURL("its IPv6 zone has an invalid escape")
    return bytes([byte])


def _check_host(data: bytes) -> None:
    if any(byte < _NOT_ASCII and byte not in Place.HOST.value + b"%" for byte in data):
        raise MalformedURL("its host has an invalid character")


def _split_scheme(url: str) -> tuple[str, str]:
    if url.startswith(":"):
        raise MalformedURL("its scheme is missing")
    found = _SCHEME.match(url)
    return (found[1].lower(), url[found.end() :]) if found else ("", url)


def _parse_authority(scheme: str, authority: str) -> tuple[User | None, str]:
    user, at, host = authority.rpartition("@")
    parsed = _parse_host(scheme, host)
    if not at:
        return None, parsed
    if not _USER.fullmatch(user):
        raise MalformedURL("its user information is invalid")
    name, colon, password = user.partition(":")
    unescaped = unescape(password, Place.USER) if colon else None
    return User(unescape(name, Place.USER), unescaped), parsed


def _parse_host(scheme: str, host: str) -> str:
    bracket = host.rfind("[")
    if bracket > 0:
        raise MalformedURL("its IP address is invalid")
    if bracket == 0:
        return _parse_literal(host)
    colon = host.find(":")
    if scheme not in _STRICT_SCHEMES:
        colon = host.rfind(":")
    if colon >= 0:
        _check_port(host[colon:])
    return unescape(host, Place.HOST)


def _parse_literal(host: str) -> str:
    """Read an IPv6 address in brackets, with a zone maybe, and a port maybe."""
    inner, bracket, port = host[1:].rpartition("]")
    if not bracket:
        raise MalformedURL("its host lacks a bracket")
    _check_port(port)
    zone_at = inner.find("%25")
    zone_at = len(inner) if zone_at < 0 else zone_at
    address = unescape(inner[:zone_at], Place.HOST)
    zone = unescape(inner[zone_at:], Place.ZONE)
    try:
        ipaddress.IPv6Address(address)
    except ValueError:
        raise MalformedURL("its IP address is invalid") from None
    if zone == "%":
        raise MalformedURL("its IPv6 zone is empty")
    return f"[{address}{zone}]{port}"


def _check_port(port: str) -> None:
    if not _PORT.fullmatch(port):
        raise MalformedURL("its port is invalid")
