"""What a scripted Vault is asked, and what it says.

Source of the forms: "HTTP API" (transport, headers, error response, status codes) of
Vault's API documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import uuid4

from multidict import CIMultiDict, MultiDict

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. Its headers and its body may hold secrets."""

    method: str
    path: str  # below /v1/, percent-encoding undone
    prefix: str = ""  # of the URL's path, before /v1/
    target: str = ""  # from /v1/ on, as sent
    query: MultiDict[str] = field(default_factory=MultiDict)
    headers: CIMultiDict[str] = field(default_factory=CIMultiDict, repr=False)
    body: Document = field(default_factory=dict, repr=False)

    @property
    def token(self) -> str:
        """The token it was sent with, "" without one."""
        bearer = self.headers.get("Authorization", "").removeprefix("Bearer ")
        return self.headers.get("X-Vault-Token", bearer)

    @property
    def namespace(self) -> str:
        """The full path of the namespace, "" for the root."""
        return self.headers.get("X-Vault-Namespace", "").strip("/")

    @property
    def is_write(self) -> bool:
        """Whether it wants to change something. PUT and POST are synonyms."""
        return self.method in {"PUT", "POST", "PATCH", "DELETE"}


@dataclass(frozen=True, slots=True)
class Said:
    """One answer. `document` None: it has no body."""

    status: int
    document: Document | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


class Part(Protocol):
    """Answers what is its business. None: somebody else shall."""

    def __call__(self, asked: Asked) -> Said | None: ...


NO_CONTENT = Said(204)


def reply(data: Document | None, **members: object) -> Said:
    """Return a successful answer in Vault's envelope; `members` replace its own."""
    envelope: dict[str, object] = {
        "request_id": str(uuid4()),
        "lease_id": "",
        "renewable": False,
        "lease_duration": 0,
        "data": data,
        "wrap_info": None,
        "warnings": None,
        "auth": None,
    }
    return Said(200, envelope | members)


def refusal(
    status: int, *errors: str, headers: Mapping[str, str] | None = None
) -> Said:
    """Return an error as Vault words it: `{"errors": [...]}`."""
    return Said(status, {"errors": list(errors)}, headers or {})
