"""Whom to trust as Vault: from a connection's settings to an SSL context."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass

from vso_controller.vault.errors import InvalidConnection

_CERTIFICATE = re.compile(
    rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Tls:
    """How to speak TLS. `server_name` None: the name in the address."""

    context: ssl.SSLContext
    server_name: str | None = None


class SystemTrust:
    """Trusts the CAs of the system, whose files are read once, when first needed.

    To read them takes 25 ms, so that those who can share one of these should.
    """

    def __init__(self) -> None:
        self._context: ssl.SSLContext | None = None

    @property
    def context(self) -> ssl.SSLContext:
        """The one context, for anybody to use and nobody to change."""
        if self._context is None:
            context = _new_context()
            context.load_default_certs(ssl.Purpose.SERVER_AUTH)
            self._context = context
        return self._context


def build_tls(
    *,
    ca_pem: bytes | None = None,
    server_name: str = "",
    skip_verify: bool = False,
    system: SystemTrust | None = None,
) -> Tls:
    """Return TLS of at least 1.2 that trusts `ca_pem` alone, or the system's CAs.

    Any certificate of `ca_pem` is an anchor, an intermediate one too. Raises
    InvalidConnection if it holds none that can be used.
    """
    if skip_verify:
        context = _new_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif ca_pem is None:
        context = (system or SystemTrust()).context
    else:
        context = _new_context()
        _trust(context, ca_pem)
    return Tls(context=context, server_name=server_name or None)


def _new_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _trust(context: ssl.SSLContext, ca_pem: bytes) -> None:
    # Bundles come with comments in any encoding, and sometimes with keys.
    certificates = b"\n".join(_CERTIFICATE.findall(ca_pem))
    if not certificates:
        raise InvalidConnection("the CA bundle holds no PEM certificate")
    try:
        context.load_verify_locations(cadata=certificates.decode("ascii"))
    except (ssl.SSLError, UnicodeDecodeError) as error:
        raise InvalidConnection(
            "the CA bundle holds a certificate that cannot be read"
        ) from error
