"""From what aiohttp raises to the error that names what happened to a call."""

from __future__ import annotations

import os
import ssl

import aiohttp

from vso_controller.foundation.errors import OperationFailed
from vso_controller.vault.errors import (
    AddressNotAllowed,
    AnswerLost,
    ConnectionLost,
    RequestTimedOut,
    ServerUnreachable,
    TlsVerificationFailed,
)
from vso_controller.vault.messages import printable
from vso_controller.vault.resolving import NowhereAllowed


def not_sent(about: str, error: Exception) -> OperationFailed:
    """Return the error for a call of which no byte was sent."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        why = _verification_text(error.certificate_error)
        return TlsVerificationFailed(
            f"{about}: the server's certificate is not trusted: {why};"
            " check the CA certificate and tlsServerName"
        )
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        cause = error.os_error
        if isinstance(cause, NowhereAllowed):
            return AddressNotAllowed(f"{about}: {printable(str(cause))}")
    return ServerUnreachable(f"{about}: {_why_unreachable(error)}")


def answer_missing(
    about: str, error: Exception, *, repeatable: bool
) -> OperationFailed:
    """Return the error for a call that was sent and has no whole answer."""
    timed_out = isinstance(error, TimeoutError)
    what = "no answer in time" if timed_out else "the connection broke"
    if not repeatable:
        return AnswerLost(f"{about}: {what}, so it is not known what happened")
    return (RequestTimedOut if timed_out else ConnectionLost)(f"{about}: {what}")


# In order of precedence: classes further down are bases of those above.
_UNREACHABLE: tuple[tuple[type[Exception], str], ...] = (
    (TimeoutError, "no connection in time; check the address and the network"),
    (aiohttp.ClientConnectorDNSError, "the host is not known; check the address"),
    (aiohttp.ClientProxyConnectionError, "no connection to the proxy"),
    (aiohttp.ClientHttpProxyError, "the proxy refused to connect"),
    (aiohttp.ClientConnectorSSLError, "the TLS handshake failed; is it https?"),
    (aiohttp.ClientConnectorError, "no connection; check address and port"),
)


def _why_unreachable(error: Exception) -> str:
    for kind, why in _UNREACHABLE:
        if isinstance(error, kind):
            return f"{why}{_reason(error)}"
    return "no connection came about; check the address and the network"


def _verification_text(error: Exception) -> str:
    # OpenSSL's words about a chain or a name: of the server, but no secret.
    text = getattr(error, "verify_message", "") or "verification failed"
    return printable(text)


def _reason(error: Exception) -> str:
    """Return the system's or OpenSSL's word for it: names of errors, no content."""
    if not isinstance(error, aiohttp.ClientConnectorError):
        return ""
    cause = error.os_error
    if isinstance(cause, ssl.SSLError):
        return f" ({printable(cause.reason)})" if cause.reason else ""
    number = cause.errno or 0  # the resolver's own are negative
    return f" ({os.strerror(number)})" if number > 0 else ""
