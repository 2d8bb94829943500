"""The key-value engine, versions 1 and 2.

Source of paths and answers: the HTTP API documentation of `kv` version 1 and 2.
"""

from __future__ import annotations

from dataclasses import dataclass

from vso_controller.foundation.gojson import JSONValue
from vso_controller.foundation.secret import Secret
from vso_controller.vault.errors import NoData
from vso_controller.vault.messages import printable
from vso_controller.vault.paths import split_path
from vso_controller.vault.ports import VaultReader
from vso_controller.vault.refusals import deleted_version

Document = Secret[dict[str, JSONValue]]


@dataclass(frozen=True, slots=True)
class KvSecret:
    """What is stored at one path. Numbers are the literals that Vault sent.

    `whole` is the `data` object of the answer as it came; for version 1 it is the same
    as `data`, for version 2 it holds `data` and `metadata`.
    """

    data: Document
    metadata: Document  # version 1 has none: empty
    whole: Document
    version: int  # version 1 has none: 0


async def read_kv_v1(
    reader: VaultReader, *, mount: str, path: str, namespace: str | None = None
) -> KvSecret:
    """Read `<mount>/<path>`. A namespace of None is the reader's own."""
    segments = (*split_path(mount), *split_path(path))
    reply = await reader.read(segments, namespace=namespace)
    data = reply.member("data")
    if data is None:
        raise NoData(f"read {_printable_path(segments)}: Vault answered without data")
    return KvSecret(data=data, metadata=Secret({}), whole=data, version=0)


async def read_kv_v2(
    reader: VaultReader,
    *,
    mount: str,
    path: str,
    version: int = 0,
    namespace: str | None = None,
) -> KvSecret:
    """Read `<mount>/data/<path>`; version 0 is the newest.

    A version that was deleted or destroyed is SecretVersionDeleted, never an
    empty secret.
    """
    segments = (*split_path(mount), "data", *split_path(path))
    query = {"version": str(version)} if version > 0 else {}
    reply = await reader.read(segments, query=query, namespace=namespace)
    about = f"read {_printable_path(segments)}"
    whole = reply.member("data")
    if whole is None:
        raise NoData(f"{about}: Vault answered without data")
    data, metadata = whole.reveal().get("data"), whole.reveal().get("metadata")
    if not isinstance(metadata, dict):
        raise NoData(f"{about}: the answer has no metadata; is the mount kv version 2?")
    if not isinstance(data, dict):
        raise deleted_version(metadata, about=about)
    return KvSecret(
        data=Secret(data),
        metadata=Secret(metadata),
        whole=whole,
        version=_version(metadata),
    )


def _version(metadata: dict[str, JSONValue]) -> int:
    version = metadata.get("version")
    return int(version) if isinstance(version, str) and version.isdecimal() else 0


def _printable_path(segments: tuple[str, ...]) -> str:
    return printable("/".join(segments))
