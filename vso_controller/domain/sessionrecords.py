"""The records of sessions: which token, and when it ends, for the next process.

A lease ends with the token that issued it. Who renews the lease after a restart holds
another token, and knows of the first one from here alone. Nothing in a record is
confidential: the token is named by a hash of its accessor. It lies in a Secret all the
same, since leases are bounded by it and few may edit Secrets.
"""

from __future__ import annotations

import heapq
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from vso_controller.foundation.secret import Secret, SecretData

NAME = "vso-cc-sessions"
TYPE = "Opaque"
LABELS: Mapping[str, str] = {
    "app.kubernetes.io/component": "client-session-records",
    "app.kubernetes.io/managed-by": "vso",
    "app.kubernetes.io/name": "vault-secrets-operator",
}
MOST = 4000
"""Records that are kept: a Secret takes 1 MiB, a record some 200 bytes."""

_CLIENT_ID = re.compile("[0-9a-f]{64}")
_LATEST = 1 << 40  # seconds since the epoch; what is later is no time
_LEAST_NEWS = 0.1  # of the life that is left


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """One token of a session."""

    cache_key: str  # "" if it has none
    end: float  # seconds since the epoch; infinite: no end (stored as null)

    def is_news(self, written: SessionRecord | None, *, now: float) -> bool:
        """Whether it is worth a write when `written` is what is stored."""
        if written is None or self.cache_key != written.cache_key:
            return True
        if self.end == written.end:
            return False
        return abs(self.end - written.end) > _LEAST_NEWS * max(self.end - now, 0.0)


def encode_record(record: SessionRecord) -> bytes:
    """Return a record as it is stored."""
    # Whole seconds, and none too many: a lease must not outlive its token.
    end = None if math.isinf(record.end) else math.floor(record.end)
    return json.dumps({"cacheKey": record.cache_key, "end": end}).encode()


def read_records(data: SecretData) -> dict[str, SessionRecord]:
    """Return the records by client ID; what is none is left out."""
    found = {}
    for client_id, value in data.reveal().items():
        record = _decode(value)
        if record is not None and _CLIENT_ID.fullmatch(client_id):
            found[client_id] = record
    return found


def encode_records(records: Mapping[str, SessionRecord]) -> SecretData:
    """Return the data of the Secret that holds the records."""
    return Secret({name: encode_record(each) for name, each in records.items()})


def worth_keeping(
    records: Mapping[str, SessionRecord], *, now: float
) -> dict[str, SessionRecord]:
    """Return those that have not ended, and of too many those that last longest."""
    alive = {name: each for name, each in records.items() if each.end > now}
    if len(alive) <= MOST:
        return alive
    return dict(heapq.nlargest(MOST, alive.items(), key=lambda item: item[1].end))


def _decode(value: bytes) -> SessionRecord | None:
    try:
        read = json.loads(value)
        cache_key, end = read["cacheKey"], read["end"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    if not isinstance(cache_key, str):
        return None
    if end is None:
        return SessionRecord(cache_key, math.inf)
    is_time = type(end) is int and 0 <= end < _LATEST
    return SessionRecord(cache_key, float(end)) if is_time else None
