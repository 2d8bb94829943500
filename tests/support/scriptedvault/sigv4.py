"""What AWS would say to a signed request: whether its signature is right.

Source: "Create a signed AWS API request" (Signature Version 4) of the AWS IAM user
guide. Written to check signatures, not to make them: the product makes its own.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, urlsplit

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<scope>[^,]+),\s*"
    r"SignedHeaders=(?P<headers>[^,]+),\s*Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request as it is to reach AWS."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)  # names in lower case
    body: bytes


@dataclass(frozen=True, slots=True)
class Signature:
    """What the Authorization header of a signed request says."""

    access_key_id: str
    scope: str  # <date>/<region>/<service>/aws4_request
    signed_headers: tuple[str, ...]
    signature: str

    @property
    def service(self) -> str:
        """The service that the request was signed for."""
        return self.scope.split("/")[2]


def signature_of(request: SignedRequest) -> Signature:
    """Return the signature of a request. Raises ValueError for one without."""
    found = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
    if found is None or found["scope"].count("/") != 3:
        raise ValueError("the request is not signed with AWS4-HMAC-SHA256")
    return Signature(
        access_key_id=found["key"],
        scope=found["scope"],
        signed_headers=tuple(found["headers"].split(";")),
        signature=found["signature"],
    )


def is_genuine(request: SignedRequest, secret_access_key: str) -> bool:
    """Whether the request was signed, as it is, with this key."""
    signature = signature_of(request)
    message = "\n".join(
        (
            "AWS4-HMAC-SHA256",
            request.headers.get("x-amz-date", ""),
            signature.scope,
            hashlib.sha256(_canonical(request, signature).encode()).hexdigest(),
        )
    )
    key = b"AWS4" + secret_access_key.encode()
    for part in signature.scope.split("/"):
        key = hmac.digest(key, part.encode(), hashlib.sha256)
    expected = hmac.digest(key, message.encode(), hashlib.sha256).hex()
    return hmac.compare_digest(expected, signature.signature)


def _canonical(request: SignedRequest, signature: Signature) -> str:
    url = urlsplit(request.url)
    pairs = sorted(parse_qsl(url.query, keep_blank_values=True))
    query = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in pairs)
    headers = [
        f"{name}:{' '.join(request.headers.get(name, '').split())}\n"
        for name in signature.signed_headers
    ]
    return "\n".join(
        (
            request.method,
            url.path or "/",
            query,
            "".join(headers),
            ";".join(signature.signed_headers),
            hashlib.sha256(request.body).hexdigest(),
        )
    )


def _quoted(text: str) -> str:
    return quote(text, safe="-_.~")
