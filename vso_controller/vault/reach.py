"""Where a VaultConnection may lead: which hosts, and which IP addresses.

Whoever may create a VaultConnection chooses an address that this process then talks
to from inside the cluster. Two rules bound that, both on the IP address that is
connected to, so that a name that means something else a moment later helps nobody:

* link-local addresses and those of cloud metadata services are refused, unless a rule
  of the operator's is that very address;
* where the operator gave rules, what none of them fits is refused.

Sources: RFC 3927 and 4291 (link-local), 3056, 4291 and 6052 (IPv4 inside of IPv6); what
AWS, Google Cloud, Azure, Alibaba and Oracle say of their metadata services.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from vso_controller.vault.errors import AddressNotAllowed

FLAG = "--vault-address-allow"

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network

_NEVER: tuple[IPNetwork, ...] = tuple(
    map(
        ip_network,
        (
            *("169.254.0.0/16", "fe80::/10"),  # link-local; most metadata services
            *("fd00:ec2::/64", "fd20:ce::254/128"),  # AWS, Google Cloud
            *("100.100.100.200/32", "168.63.129.16/32"),  # Alibaba, Azure
            "192.0.0.192/32",  # Oracle
            *("0.0.0.0/8", "::/128"),  # this host, to some systems
            *("224.0.0.0/4", "ff00::/8", "255.255.255.255/32"),  # nobody's own
        ),
    )
)
_NAT64 = ip_network("64:ff9b::/96")
_GLOB = re.compile(r"[0-9a-z*?]([0-9a-z*?._-]*[0-9a-z*?])?")


@dataclass(frozen=True, slots=True)
class Rule:
    """A host by its name, with `*` and `?` as in file names, or a network."""

    text: str
    network: IPNetwork | None  # None: `text` is the pattern of a name

    def __str__(self) -> str:
        return self.text

    def fits_name(self, host: str) -> bool:
        return self.network is None and fnmatchcase(host, self.text)

    def fits(self, address: IPAddress) -> bool:
        return self.network is not None and address in self.network

    def is_exactly(self, address: IPAddress) -> bool:
        alone = self.network is not None and self.network.num_addresses == 1
        return alone and self.fits(address)


@dataclass(frozen=True, slots=True)
class Reach:
    """The rules of one process. Without any, every host may be a Vault's."""

    rules: tuple[Rule, ...] = ()

    def check_host(self, host: str, *, is_resolved_here: bool) -> None:
        """Raise AddressNotAllowed if `host`, a name or an IP address, may not be.

        A name that no rule fits may still stand for an address that one fits; who
        connects has to ask `admits` then. Where somebody else resolves it, a proxy,
        nobody can, and it is refused.
        """
        address = parse_ip(host)
        if address is not None:
            if not self.admits(host, address):
                raise AddressNotAllowed(refusal_of(host, [address]))
            return
        may_be_resolved = is_resolved_here and any(
            rule.network is not None for rule in self.rules
        )
        if not self._fits_name(host) and not may_be_resolved:
            raise AddressNotAllowed(refusal_of(host, []))

    def admits(self, host: str, address: IPAddress) -> bool:
        """Whether to connect to `address`, which `host` stands for."""
        meant = tuple(_meanings(address))
        if any(map(self._is_never, meant)):
            return False
        return self._fits_name(host) or any(
            rule.fits(each) for rule in self.rules for each in meant
        )

    def _fits_name(self, host: str) -> bool:
        name = host.rstrip(".").lower()
        return not self.rules or any(rule.fits_name(name) for rule in self.rules)

    def _is_never(self, address: IPAddress) -> bool:
        named = any(rule.is_exactly(address) for rule in self.rules)
        return not named and any(address in network for network in _NEVER)


def refusal_of(host: str, addresses: Iterable[IPAddress]) -> str:
    """Return the message about a host of which no address is admitted."""
    what = ", ".join(dict.fromkeys((host, *map(str, addresses))))
    return (
        f"{what} is not where a Vault may be: link-local and metadata addresses are"
        f" none, nor is what {FLAG} does not list, if it lists anything"
    )


def parse_rule(text: str) -> Rule:
    """Parse `vault.example.com`, `*.vault.svc`, `10.1.2.3` or `10.0.0.0/8`.

    Raises ValueError for anything else.
    """
    try:
        network = ip_network(text)
    except ValueError:
        name = text.lower()
        if _GLOB.fullmatch(name) is None or looks_numeric(name):
            raise ValueError(
                f"{text!r} is not a host, an IP address or a network such as"
                " 10.0.0.0/8; a host may hold * and ?, and no port"
            ) from None
        return Rule(name, None)
    return Rule(text, network)


def parse_ip(text: str) -> IPAddress | None:
    """Return the IP address that `text` is, None if it is none."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def looks_numeric(host: str) -> bool:
    """Whether a system may take `host` for an IPv4 address, in whatever spelling.

    Source: the rule "ends in a number" of the URL standard.
    """
    last = host.rstrip(".").rpartition(".")[2].lower()
    return re.fullmatch(r"[0-9]+|0x[0-9a-f]*", last) is not None


def _meanings(address: IPAddress) -> Iterator[IPAddress]:
    """Yield the address, and the IPv4 address inside that packets would reach."""
    yield address
    if isinstance(address, IPv4Address):
        return
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    if address.sixtofour is not None:
        yield address.sixtofour
    if address in _NAT64:
        yield IPv4Address(int(address) & 0xFFFF_FFFF)
