"""What can go wrong between us and Vault, by what the caller may do next.

    Transient: back off and ask again
    ├── ServerUnreachable       nothing was sent: name, route, port, proxy
    ├── TlsVerificationFailed   nothing was sent: a person must mend the CA or the name
    ├── RequestTimedOut         a repeatable call had no answer in time
    ├── ConnectionLost          a repeatable call lost its connection
    ├── ServerSealed            somebody must unseal it
    ├── ServerNotInitialized    somebody must initialize it
    ├── StandbyAnswered         this node cannot answer, the active one can
    ├── ServerFailed            a 5xx without a better name
    ├── ServerBusy              nothing was sent: the turn to ask has not come for long
    ├── IndexNotReady           this node has not seen our own write yet
    ├── RedirectRefused         we were sent elsewhere: a person must mend the address
    ├── NotVaultAnswer          something in between answered, or nobody could read it
    ├── LoginUnanswered         a login may have happened; the next one is a new attempt
    ├── AddressNotAllowed       nothing was sent: a name leads where none may go
    └── Throttled
        ├── RateLimited         not before `retry_after` seconds
        └── LeaseQuotaReached   not before leases have ended
    OutcomeUnknown: look before repeating
    └── AnswerLost              a call that must not be repeated was sent
    Denied: report; nothing changes until a person changes it
    ├── PermissionDenied        the token is good, its policies are not enough
    └── LoginRefused            Vault does not take the credentials
    Invalid: a person must edit something on our side
    ├── InvalidConnection       address, headers or CA cannot be used
    ├── InvalidRequest          path or parameters cannot be sent, or Vault refused them
    └── CredentialsMissing      what a login needs does not exist
    Gone: not there, or not any more
    ├── PathNotFound            nothing is stored there
    ├── NoData                  an answer without data
    ├── SecretVersionDeleted    this version was deleted or destroyed
    ├── LeaseNotFound           the lease ended or was revoked
    └── RouteNotFound           no such mount or namespace; says nothing of the data

Of what is Gone, only PathNotFound and SecretVersionDeleted tell of a removed secret.
A session has re-authenticated before `PermissionDenied` leaves it, if that could help.
Messages name the operation, the path and the address. They quote a server only where it
spoke in Vault's own form, and never a body, a token or what a login sent.
"""

from __future__ import annotations

from vso_controller.foundation.errors import (
    Denied,
    Gone,
    Invalid,
    OutcomeUnknown,
    Throttled,
    Transient,
)


class ServerUnreachable(Transient):
    """No connection came about; nothing was sent."""


class TlsVerificationFailed(Transient):
    """The server's certificate is not trusted, or is another server's.

    A person must mend CA or name; it is retried because the server may change, too.
    """


class AddressNotAllowed(Transient):
    """The address, or all that its name stands for, is none where Vault may be.

    A person must mend the address or the flag; it is retried because names change.
    """


class RequestTimedOut(Transient):
    """A repeatable call had no whole answer in time."""


class ConnectionLost(Transient):
    """The connection of a repeatable call broke before its whole answer came."""


class ServerSealed(Transient):
    """Vault is sealed."""


class ServerNotInitialized(Transient):
    """Vault was never initialized."""


class StandbyAnswered(Transient):
    """A standby or secondary node answered that it cannot serve this."""


class ServerFailed(Transient):
    """Vault, or the proxy before it, failed."""


class ServerBusy(Transient):
    """Vault answers so slowly that the turn to ask it has not come for long."""


class RateLimited(Throttled):
    """A quota of Vault's is used up for `retry_after` seconds."""


class LeaseQuotaReached(Throttled):
    """There are as many leases as a quota allows. Those that exist can be renewed."""


class IndexNotReady(Transient):
    """The node does not have the state yet that the request requires."""


class RedirectRefused(Transient):
    """The server sent us to a place that must not see our token."""


class NotVaultAnswer(Transient):
    """The answer is not one of Vault's: a proxy's page, a broken or oversized body."""


class LoginUnanswered(Transient):
    """A login was sent and its answer lost. Nothing the caller asked for was sent."""


class AnswerLost(OutcomeUnknown):
    """A call that must not be repeated was sent, and its answer lost."""


class PermissionDenied(Denied):
    """The policies of this identity do not allow it."""


class LoginRefused(Denied):
    """Vault refused the credentials, the role or the mount of a login."""


class InvalidConnection(Invalid):
    """The connection's address, headers or CA certificate cannot be used."""


class InvalidRequest(Invalid):
    """The request cannot be sent as it is, or Vault refused it as malformed."""


class CredentialsMissing(Invalid):
    """Something that a login needs does not exist."""


class PathNotFound(Gone):
    """Nothing is stored at the path."""


class RouteNotFound(Gone):
    """The mount or the Vault namespace does not exist.

    It says nothing about the data, which a restored mount would show again.
    """


class NoData(Gone):
    """Vault answered without data."""


class SecretVersionDeleted(Gone):
    """The version of a kv-v2 secret was deleted at `deletion_time`, or destroyed."""

    def __init__(self, message: str, *, deletion_time: str, destroyed: bool) -> None:
        super().__init__(message)
        self.deletion_time = deletion_time  # RFC 3339; "" when it is only destroyed
        self.destroyed = destroyed


class LeaseNotFound(Gone):
    """The lease ended or was revoked."""
