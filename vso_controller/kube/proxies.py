"""Whether the API server is reached through a proxy, and through which.

As client-go decides: the `proxy-url` of the kubeconfig without further questions,
else the environment by the rules of Go's `golang.org/x/net/http/httpproxy`.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from yarl import URL

from vso_controller.foundation.secret import Secret
from vso_controller.kube.errors import BadConfiguration

_SCHEMES = ("http", "https")  # Go speaks SOCKS as well, aiohttp does not

Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy. `url` names nobody: who we are to it is in `authorization`."""

    url: URL
    authorization: Secret[str] | None = field(default=None, repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """What the proxy, and nobody else, must be sent."""
        if self.authorization is None:
            return {}
        return {"Proxy-Authorization": self.authorization.reveal()}


def proxy_in(text: str, *, source: str) -> Proxy:
    """Read the address of a proxy; without a scheme it is HTTP.

    Raises BadConfiguration, which names the `source` and quotes nothing: there may
    be a password.
    """
    try:
        url = URL(text if "://" in text else f"http://{text}")
        port = url.port
    except ValueError as error:
        raise BadConfiguration(f"{source}: not the address of a proxy") from error
    if not url.host or port is None:
        raise BadConfiguration(f"{source}: not the address of a proxy")
    if url.scheme not in _SCHEMES:
        raise BadConfiguration(f"{source}: a proxy is spoken to in http or https")
    bare = URL.build(scheme=url.scheme, host=url.host, port=port)
    return Proxy(url=bare, authorization=_authorization(url))


def proxy_for(server: str, environ: Mapping[str, str]) -> Proxy | None:
    """Return the proxy that the environment names for `server`, None for none.

    Raises BadConfiguration.
    """
    url = URL(server)
    variable = "HTTPS_PROXY" if url.scheme == "https" else "HTTP_PROXY"
    text = _value(environ, variable)
    if not text or _is_near(url) or _is_excepted(url, _value(environ, "NO_PROXY")):
        return None
    return proxy_in(text, source=variable)


def _authorization(url: URL) -> Secret[str] | None:
    if url.user is None:
        return None
    identity = f"{url.user}:{url.password or ''}"
    return Secret(f"Basic {b64encode(identity.encode()).decode()}")


def _value(environ: Mapping[str, str], variable: str) -> str:
    return environ.get(variable) or environ.get(variable.lower(), "")


def _is_near(url: URL) -> bool:
    """Return whether the server is this machine, which no proxy leads to."""
    address = _address(url.host or "")
    return url.host == "localhost" or (address is not None and address.is_loopback)


def _is_excepted(url: URL, exceptions: str) -> bool:
    return any(_fits(entry, url) for entry in _entries(exceptions))


def _entries(exceptions: str) -> Iterator[str]:
    return filter(None, (entry.strip().lower() for entry in exceptions.split(",")))


def _fits(entry: str, url: URL) -> bool:
    host = (url.host or "").lower().rstrip(".")
    if entry == "*":
        return True
    name, port = _split_port(entry)
    if port and port != str(url.port):
        return False
    address = _address(host)
    if address is not None:
        return _fits_address(name, address)
    # `.domain` and `*.domain` are the names below it, `domain` is itself as well.
    domain = name.removeprefix("*").removeprefix(".")
    is_domain_itself = name == domain and host == domain
    return is_domain_itself or host.endswith(f".{domain}")


def _split_port(entry: str) -> tuple[str, str]:
    if _address(entry) is not None:
        return entry, ""  # an IPv6 address may look like a name with a port
    name, _, port = entry.rpartition(":")
    if not name or not port.isdecimal():
        return entry, ""
    return name.removeprefix("[").removesuffix("]"), port


def _fits_address(entry: str, address: Address) -> bool:
    try:
        return address in ip_network(entry, strict=False)
    except ValueError:
        return False


def _address(text: str) -> Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
