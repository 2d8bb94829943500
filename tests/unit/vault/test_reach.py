"""Which hosts and addresses a VaultConnection may lead to."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from vso_controller.vault.errors import AddressNotAllowed
from vso_controller.vault.reach import Reach, parse_rule


def reach(*rules: str) -> Reach:
    return Reach(tuple(map(parse_rule, rules)))


@pytest.mark.parametrize(
    "address",
    [
        *("169.254.169.254", "169.254.0.1", "fe80::1", "fe80::1%eth0"),
        *("fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "168.63.129.16"),
        *("192.0.0.192", "0.0.0.1", "::", "224.0.0.1", "ff02::1", "255.255.255.255"),
        *("::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1"),
    ],
)
@pytest.mark.parametrize("rules", [(), ("vault",), ("0.0.0.0/0", "::/0")])
def test_address_of_no_vault_is_never_admitted(
    address: str, rules: tuple[str, ...]
) -> None:
    assert not reach(*rules).admits("vault", ip_address(address))


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "10.0.0.1", "fd00::1", "192.0.2.1", "2001:db8::1"]
)
def test_any_other_address_is_admitted_without_rules(address: str) -> None:
    assert reach().admits("vault", ip_address(address))


def test_link_local_address_is_admitted_where_it_is_named_by_itself() -> None:
    rules = reach("169.254.20.10")

    assert rules.admits("agent", ip_address("169.254.20.10"))
    assert not rules.admits("agent", ip_address("169.254.169.254"))


@pytest.mark.parametrize(
    ("rule", "host", "address", "is_admitted"),
    [
        pytest.param("vault.example", "VAULT.example.", "10.1.1.1", True, id="name"),
        pytest.param("vault.example", "xvault.example", "10.1.1.1", False, id="other"),
        pytest.param("*.example", "vault.example", "10.1.1.1", True, id="glob"),
        pytest.param("*.example", "example", "10.1.1.1", False, id="not below"),
        pytest.param("vault-?.x", "vault-1.x", "10.1.1.1", True, id="question mark"),
        pytest.param("10.1.0.0/16", "vault", "10.1.1.1", True, id="network"),
        pytest.param("10.1.0.0/16", "vault", "10.2.1.1", False, id="another network"),
        pytest.param("10.1.0.0/16", "v", "::ffff:10.1.1.1", True, id="mapped"),
        pytest.param("10.1.1.1", "10.1.1.1", "10.1.1.1", True, id="address"),
        pytest.param("2001:db8::/32", "vault", "2001:db8::1", True, id="IPv6"),
    ],
)
def test_rules_are_about_names_and_the_addresses_they_stand_for(
    rule: str, host: str, address: str, is_admitted: bool
) -> None:
    assert reach(rule).admits(host, ip_address(address)) is is_admitted


@pytest.mark.parametrize(
    ("rules", "host", "is_resolved_here"),
    [
        pytest.param((), "169.254.169.254", True, id="metadata"),
        pytest.param((), "::ffff:169.254.169.254", False, id="metadata by proxy"),
        pytest.param(("vault.example",), "other.example", True, id="name"),
        pytest.param(("vault.example",), "10.1.1.1", True, id="address"),
        pytest.param(("10.1.0.0/16",), "10.2.1.1", True, id="network"),
        pytest.param(("10.1.0.0/16",), "vault.example", False, id="name by proxy"),
    ],
)
def test_host_is_refused_before_anything_is_resolved(
    rules: tuple[str, ...], host: str, is_resolved_here: bool
) -> None:
    with pytest.raises(AddressNotAllowed, match="--vault-address-allow"):
        reach(*rules).check_host(host, is_resolved_here=is_resolved_here)


@pytest.mark.parametrize(
    ("rules", "host", "is_resolved_here"),
    [
        pytest.param((), "vault.example", False, id="no rules"),
        pytest.param(("10.1.0.0/16",), "vault.example", True, id="to be resolved"),
        pytest.param(("*.example",), "vault.example", False, id="name by proxy"),
        pytest.param(("10.1.0.0/16",), "10.1.1.1", False, id="address"),
    ],
)
def test_host_that_may_be_one_is_let_through(
    rules: tuple[str, ...], host: str, is_resolved_here: bool
) -> None:
    reach(*rules).check_host(host, is_resolved_here=is_resolved_here)


@pytest.mark.parametrize(
    "text",
    ["", "http://vault", "vault:8200", "a b", "10.0.0.0/33", "10.0.0.1/8", "0x7f.1"],
)
def test_rule_that_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a host"):
        parse_rule(text)
