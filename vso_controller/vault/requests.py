"""What is asked of Vault, and what it answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Self

from vso_controller.foundation.gojson import JSONValue
from vso_controller.foundation.secret import Secret
from vso_controller.vault.messages import printable


class Method(StrEnum):
    """The HTTP methods of Vault's API. PUT and POST mean the same to it."""

    GET = "GET"
    LIST = "LIST"
    PUT = "PUT"
    POST = "POST"
    DELETE = "DELETE"


class Operation(StrEnum):
    """What a call is for: in messages, and as a label of metrics."""

    READ = "read"
    ISSUE = "issue"
    LOGIN = "login"
    LOOKUP_TOKEN = "lookup_token"
    RENEW_TOKEN = "renew"  # upstream's word in its metrics
    REVOKE_TOKEN = "revoke_token"
    RENEW_LEASE = "renew_lease"
    REVOKE_LEASE = "revoke_lease"
    LOOK_UP_LEASE = "lookup_lease"
    CAPABILITIES = "capabilities"
    SEAL_STATUS = "seal_status"
    ENCRYPT = "encrypt"
    DECRYPT = "decrypt"


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultRequest:
    """One call. `path` is the segments below `/v1/`, not quoted.

    `repeatable` says whether sending it twice does no harm, which its HTTP method does
    not tell: a lost answer of a call that is not repeatable is OutcomeUnknown.
    `fence` is asked right before the first byte leaves; what it raises stops the call.
    """

    operation: Operation
    method: Method
    path: tuple[str, ...]
    repeatable: bool
    query: Mapping[str, str] = field(default_factory=dict)
    body: Secret[dict[str, JSONValue]] | None = None
    namespace: str = ""  # "": the root namespace
    token: Secret[str] | None = None  # None: sent without one
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    index: str = ""  # the state that the node must have; "": whichever it has
    fence: Callable[[], None] | None = field(default=None, repr=False)

    @property
    def title(self) -> str:
        """The call in words, for messages: `read secret/data/app`."""
        return f"{self.operation} {printable('/'.join(self.path))}"

    def with_token(self, token: Secret[str]) -> Self:
        """Return the call as it is sent with `token`."""
        return replace(self, token=token)


@dataclass(frozen=True, slots=True)
class VaultReply:
    """A successful answer; its document is `{}` when there was no content.

    `index` names the state that holds what the call wrote ("" where the server has no
    such thing), `request_id` the entry of Vault's audit log ("" where it named none).

    Readers may share one: nobody changes the document.
    """

    status: int
    document: Secret[dict[str, JSONValue]]
    index: str = ""
    request_id: str = ""
    size: int = 0  # bytes of the document as it came

    def member(self, name: str) -> Secret[dict[str, JSONValue]] | None:
        """Return the object called `name`; None if it is absent, null or no object."""
        member = self.document.reveal().get(name)
        return Secret(member) if isinstance(member, dict) else None
