"""What OpenBao was asked, as it wrote it down itself.

Source: the API documentation of `/sys/audit` and "Audit devices", file device.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.openbao import OpenBao


@dataclass(frozen=True, slots=True)
class Request:
    """One request that OpenBao has answered. Values are not in its log, but hashes."""

    operation: str  # read, update, create, delete, list
    path: str
    namespace: str  # "" is the root
    error: str  # "" when it was granted
    id: str = field(default="", compare=False)  # as in the answer's `request_id`
    headers: Mapping[str, str] = field(default_factory=dict, compare=False)


class AuditLog:
    """The requests of one OpenBao since `enable`, in the order of their answers."""

    def __init__(self, *, file: Path) -> None:
        self._file = file

    @classmethod
    async def enable(cls, bao: OpenBao, *, name: str = "file") -> AuditLog:
        """Let `bao` write a log beside its own. A restarted server goes on with it."""
        file = bao.process.log.with_name(f"audit-{name}.log")
        device = {"type": "file", "options": {"file_path": str(file)}}
        await bao.root.write(f"sys/audit/{name}", device)
        return cls(file=file)

    def mark(self) -> int:
        """Return a mark: `since` of it are the requests answered from now on."""
        return self._file.stat().st_size

    def since(self, mark: int = 0) -> list[Request]:
        """Return the requests that were answered after `mark` was made."""
        lines = self._file.read_bytes()[mark:].splitlines()
        return list(_requests_in(lines))

    def count(self, prefix: str, *, operation: str = "", since: int = 0) -> int:
        """Return how many requests to paths that start with `prefix` there were.

        `operation` "" counts all.
        """
        return sum(
            request.path.startswith(prefix) and operation in {"", request.operation}
            for request in self.since(since)
        )


def _requests_in(lines: list[bytes]) -> Iterator[Request]:
    for line in lines:
        entry = json.loads(line)
        if entry["type"] != "response":  # each request has an entry before, too
            continue
        request = entry["request"]
        yield Request(
            operation=request["operation"],
            path=request["path"],
            namespace=request.get("namespace", {}).get("path", "").strip("/"),
            error=entry.get("error", ""),
            id=request["id"],
            headers={
                name.lower(): ", ".join(values)
                for name, values in (request.get("headers") or {}).items()
            },
        )
