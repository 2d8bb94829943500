"""Key-value engines of both versions, with `mount_type` in every answer.

Sources: "KV secrets engine" versions 1 and 2 of Vault's API documentation; `mount_type`
is in the answers of Vault since 1.17 and in none of OpenBao's.
Policies, check-and-set and metadata of the user's own are not scripted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from tests.support.scriptedvault.consistency import Consistency
from tests.support.scriptedvault.messages import (
    NO_CONTENT,
    Asked,
    Document,
    Said,
    refusal,
    reply,
)

_MOUNT_TYPE = "kv"


@dataclass(frozen=True, slots=True)
class Change:
    """Something that happened to a secret, as subscribers are told of it."""

    namespace: str
    mount: str
    engine_version: int
    path: str  # below the mount, as the API names it
    written: int  # the number of the write
    operation: str = ""  # the second half of the event's type
    current_version: int = 0  # version 2 engines only


@dataclass(frozen=True, slots=True)
class _Version:
    data: Document = field(repr=False)
    created: str
    written: int
    deleted: str = ""


@dataclass(frozen=True, slots=True)
class _Engine:
    version: int
    secrets: dict[str, list[_Version]] = field(default_factory=dict)


class KeyValueEngines:
    """All mounted engines, in all namespaces.

    `now` tells the time as RFC 3339; `changed` hears of every change. On a node that
    lags behind, older data is shown until it has caught up; deletions show at once.
    """

    def __init__(
        self,
        *,
        consistency: Consistency,
        now: Callable[[], str],
        changed: Callable[[Change], None],
    ) -> None:
        self._consistency = consistency
        self._now = now
        self._changed = changed
        self._engines: dict[tuple[str, str], _Engine] = {}

    def mount(self, path: str, *, version: int = 2, namespace: str = "") -> None:
        """Mount an empty engine of `version` 1 or 2 at a path of one segment."""
        self._engines[namespace, path] = _Engine(version)

    def put(self, mount: str, path: str, data: Document, *, namespace: str = "") -> int:
        """Write a secret; return its version, which is 0 in a version 1 engine."""
        engine = self._engines[namespace, mount]
        versions = engine.secrets.setdefault(path, [])
        written = self._consistency.advance()
        versions.append(_Version(dict(data), self._now(), written))

        where = Change(namespace, mount, engine.version, path, written)
        number = 0 if engine.version == 1 else len(versions)
        self._changed(_described(where, "write", number))
        return number

    def delete(self, mount: str, path: str, *, namespace: str = "") -> None:
        """Delete the newest version of a secret; in a version 1 engine, the secret."""
        engine = self._engines[namespace, mount]
        versions = engine.secrets[path]
        if engine.version == 1:
            del engine.secrets[path]
        else:
            versions[-1] = replace(versions[-1], deleted=self._now())

        written = self._consistency.advance()
        where = Change(namespace, mount, engine.version, path, written)
        number = 0 if engine.version == 1 else len(versions)
        self._changed(_described(where, "delete", number))

    def __call__(self, asked: Asked) -> Said | None:
        """Answer for a mounted engine; None for any other path."""
        mount, _, path = asked.path.partition("/")
        engine = self._engines.get((asked.namespace, mount))
        if engine is None:
            return None
        kind, _, name = path.partition("/")
        if engine.version == 1:
            return self._about(asked, mount, path)
        if kind == "data":
            return self._about(asked, mount, name)
        return refusal(404)

    def _about(self, asked: Asked, mount: str, path: str) -> Said:
        engine = self._engines[asked.namespace, mount]
        if asked.method == "DELETE":
            if path in engine.secrets:
                self.delete(mount, path, namespace=asked.namespace)
            return NO_CONTENT
        if asked.is_write:
            return self._write(asked, mount, path)
        visible = self._consistency.visible_to(asked)
        versions = [
            version
            for version in engine.secrets.get(path, [])
            if version.written <= visible
        ]
        if not versions:
            return refusal(404)
        if engine.version == 1:
            return reply(versions[-1].data, mount_type=_MOUNT_TYPE)
        return _read_v2(versions, wanted=int(asked.query.get("version", "0")))

    def _write(self, asked: Asked, mount: str, path: str) -> Said:
        if self._engines[asked.namespace, mount].version == 1:
            self.put(mount, path, asked.body, namespace=asked.namespace)
            return NO_CONTENT
        data = asked.body.get("data")
        if not isinstance(data, Mapping):
            return refusal(400, "no data provided")
        number = self.put(mount, path, data, namespace=asked.namespace)
        written = self._engines[asked.namespace, mount].secrets[path][-1]
        return reply(_metadata(written, number), mount_type=_MOUNT_TYPE)


def _described(where: Change, operation: str, number: int) -> Change:
    """Return the change in the words of its engine's version."""
    if where.engine_version == 1:
        return replace(where, operation=operation)
    return replace(
        where,
        operation=f"data-{operation}",
        path=f"data/{where.path}",
        current_version=number,
    )


def _read_v2(versions: list[_Version], *, wanted: int) -> Said:
    number = wanted or len(versions)
    if number > len(versions):
        return refusal(404)
    version = versions[number - 1]
    data = {
        "data": None if version.deleted else version.data,
        "metadata": _metadata(version, number),
    }
    answer = reply(data, mount_type=_MOUNT_TYPE)
    return replace(answer, status=404) if version.deleted else answer


def _metadata(version: _Version, number: int) -> Document:
    return {
        "created_time": version.created,
        "custom_metadata": None,
        "deletion_time": version.deleted,
        "destroyed": False,
        "version": number,
    }
