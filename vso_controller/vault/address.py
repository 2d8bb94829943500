"""Where a Vault is, and the URLs made from that.

The text of an address is checked once. After that a URL on the wire is always the
address, `/v1/`, and quoted segments.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.request import getproxies, proxy_bypass

from yarl import URL

from vso_controller.vault.errors import InvalidConnection
from vso_controller.vault.paths import quote_path, quote_query, split_path
from vso_controller.vault.reach import looks_numeric, parse_ip

_HOST = re.compile(
    r"[0-9A-Za-z._-]+|[0-9A-Fa-f:.]+(%25[0-9A-Za-z._-]+)?"
)  # name or IPv6

_PREFIX = re.compile(r"(/[0-9A-Za-z_~-][0-9A-Za-z._~-]*)*")


@dataclass(frozen=True, slots=True)
class Address:
    """One Vault's address, in parts that are safe to send and to print."""

    origin: URL  # scheme, host and port
    prefix: str  # "", or a quoted path such as "/vault"

    def __str__(self) -> str:
        return f"{self.origin}{self.prefix}"

    @property
    def host(self) -> str:
        """The name or the IP address, the latter without brackets."""
        return self.origin.raw_host or ""

    def url(self, path: tuple[str, ...], query: Mapping[str, str]) -> URL:
        """Return the URL of `path` below `/v1/`. Raises ValueError if unsafe."""
        text = f"{self}/v1/{quote_path(path)}"
        if query:
            text = f"{text}?{quote_query(query)}"
        return URL(text, encoded=True)

    def follow(self, asked: URL, location: str) -> URL | None:
        """Return where a redirect of `asked` leads, None if we must not go there.

        Only the same call on the same scheme, host and port is trusted; what may
        differ is the path before `/v1/`, which is the business of proxies.
        """
        try:
            target = asked.join(URL(location, encoded=True))
        except ValueError:
            return None
        call = asked.raw_path_qs.removeprefix(self.prefix)
        prefix = target.raw_path_qs.removesuffix(call)
        is_same_call = target.raw_path_qs.endswith(call) and _PREFIX.fullmatch(prefix)
        if not location or not is_same_call or _place(target) != _place(asked):
            return None
        return URL(f"{self.origin}{prefix}{call}", encoded=True)


def parse_address(text: str) -> Address:
    """Parse an address such as `https://vault:8200/prefix`.

    Raises InvalidConnection, without repeating a text that could hold a password.
    """
    try:
        url = URL(text.strip())
        host = url.raw_host or ""
    except ValueError as error:
        raise InvalidConnection("the address is not a URL") from error
    if url.scheme not in {"http", "https"}:
        raise InvalidConnection("the address must begin with http:// or https://")
    if not _is_host(host):
        raise InvalidConnection("the address does not name a valid host")
    if looks_numeric(host) and parse_ip(host) is None:
        raise InvalidConnection("the address must spell an IP address as 192.0.2.1")
    if url.user is not None or url.password is not None:
        raise InvalidConnection("the address must not hold a user name or a password")
    if url.raw_query_string or url.raw_fragment:
        raise InvalidConnection("the address must not hold a query or a fragment")
    return Address(origin=url.origin(), prefix=_prefix(url))


def environment_proxy(address: Address) -> URL | None:
    """Return the proxy that HTTPS_PROXY, HTTP_PROXY and NO_PROXY name for `address`."""
    origin = address.origin
    proxy = getproxies().get(origin.scheme)
    if not proxy or proxy_bypass(f"{origin.host}:{origin.port}"):
        return None
    try:
        return URL(proxy)
    except ValueError as error:
        raise InvalidConnection("the environment's proxy is not a URL") from error


def _place(url: URL) -> tuple[str, str | None, int | None]:
    return url.scheme, url.raw_host, url.port


def _is_host(name: str) -> bool:
    try:
        return bool(name.encode("idna")) and _HOST.fullmatch(name) is not None
    except UnicodeError:
        return False


def _prefix(url: URL) -> str:
    if not url.path.strip("/"):
        return ""
    try:
        return f"/{quote_path(split_path(url.path))}"
    except ValueError as error:
        raise InvalidConnection(f"the address cannot be used: {error}") from error
