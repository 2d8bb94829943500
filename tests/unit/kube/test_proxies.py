"""Which proxy leads to a server; the cases are those that Go documents."""

from __future__ import annotations

import pytest

from vso_controller.foundation.secret import Secret
from vso_controller.kube.errors import BadConfiguration
from vso_controller.kube.proxies import proxy_for, proxy_in

PROXY = "http://proxy:3128"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://proxy:3128", "http://proxy:3128"),
        ("https://proxy:3128/", "https://proxy:3128"),
        ("proxy:3128", "http://proxy:3128"),
        ("proxy", "http://proxy"),
        ("http://[fd00::1]:3128", "http://[fd00::1]:3128"),
    ],
)
def test_address_of_a_proxy_is_read(text: str, url: str) -> None:
    assert str(proxy_in(text, source="x").url) == url


def test_identity_to_the_proxy_is_kept_apart_and_hidden() -> None:
    proxy = proxy_in("http://me:c%40nary@proxy:3128", source="x")

    assert str(proxy.url) == "http://proxy:3128"
    assert proxy.authorization == Secret("Basic bWU6Y0BuYXJ5")
    assert "bWU6Y0BuYXJ5" not in repr(proxy)


@pytest.mark.parametrize(
    "text",
    ["socks5://canary@proxy:1080", "http://", "http://canary:99999", "canary:port"],
    ids=["SOCKS", "no host", "no such port", "no port"],
)
def test_address_that_is_none_is_told_without_its_text(text: str) -> None:
    with pytest.raises(BadConfiguration, match=r"^HTTPS_PROXY: ") as told:
        proxy_in(text, source="HTTPS_PROXY")

    assert "canary" not in str(told.value)


@pytest.mark.parametrize(
    ("server", "environ", "proxied"),
    [
        ("https://one:6443", {}, False),
        ("https://one:6443", {"HTTPS_PROXY": PROXY}, True),
        ("https://one:6443", {"https_proxy": PROXY}, True),
        ("https://one:6443", {"HTTPS_PROXY": "", "https_proxy": PROXY}, True),
        ("https://one:6443", {"HTTP_PROXY": PROXY}, False),
        ("https://one:6443", {"ALL_PROXY": PROXY}, False),
        ("http://one:8001", {"HTTP_PROXY": PROXY}, True),
        ("http://one:8001", {"HTTPS_PROXY": PROXY}, False),
        ("https://localhost:6443", {"HTTPS_PROXY": PROXY}, False),
        ("https://127.0.0.2:6443", {"HTTPS_PROXY": PROXY}, False),
        ("https://[::1]:6443", {"HTTPS_PROXY": PROXY}, False),
    ],
)
def test_variable_of_the_scheme_names_the_proxy(
    server: str, environ: dict[str, str], proxied: bool
) -> None:
    assert (proxy_for(server, environ) is not None) is proxied


@pytest.mark.parametrize(
    ("exceptions", "server", "excepted"),
    [
        ("*", "https://one", True),
        ("other, *", "https://one", True),
        ("", "https://one", False),
        (" , ", "https://one", False),
        ("one.org", "https://one.org", True),
        ("ONE.org", "https://One.ORG", True),
        ("one.org", "https://api.one.org", True),
        ("one.org", "https://twoone.org", False),
        (".one.org", "https://api.one.org", True),
        (".one.org", "https://one.org", False),
        ("*.one.org", "https://api.one.org", True),
        ("*.one.org", "https://one.org", False),
        ("one.org:6443", "https://one.org:6443", True),
        ("one.org:6443", "https://one.org", False),
        ("one.org:443", "https://one.org", True),
        ("one.org:port", "https://one.org", False),
        ("10.0.0.1", "https://10.0.0.1", True),
        ("10.0.0.1:6443", "https://10.0.0.1:6443", True),
        ("10.0.0.2", "https://10.0.0.1", False),
        ("10.0.0.0/8", "https://10.9.9.9:6443", True),
        ("10.0.0.1/8", "https://10.9.9.9", True),
        ("10.0.0.0/8", "https://11.0.0.1", False),
        ("10.0.0.0/8", "https://one", False),
        ("0.1", "https://10.0.0.1", False),
        ("fd00::1", "https://[fd00::1]:6443", True),
        ("[fd00::1]:6443", "https://[fd00::1]:6443", True),
        ("fd00::/8", "https://[fd00::1]", True),
    ],
)
def test_exceptions_are_those_of_go(
    exceptions: str, server: str, excepted: bool
) -> None:
    environ = {"HTTPS_PROXY": PROXY, "NO_PROXY": exceptions}

    assert (proxy_for(server, environ) is None) is excepted
