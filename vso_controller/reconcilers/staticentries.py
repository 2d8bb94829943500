"""What a VaultStaticSecret asks for: an entry of the key-value engine."""

from __future__ import annotations

from dataclasses import dataclass

from vso_controller.api.v1beta1.vaultstaticsecret import KVType, VaultStaticSecretSpec
from vso_controller.reconcilers.filling import Entry
from vso_controller.vault.engines.kv import read_kv_v1, read_kv_v2
from vso_controller.vault.ports import VaultReader


@dataclass(frozen=True, slots=True)
class StaticRead:
    """What was read."""

    entry: Entry
    version: int  # 0: it has none


def place_of(spec: VaultStaticSecretSpec) -> str:
    """Return where in Vault the entry lies, as part of a question."""
    return f"{spec.namespace or ''}|{spec.mount}|{spec.path}|{spec.version or 0}"


async def read_static(session: VaultReader, spec: VaultStaticSecretSpec) -> StaticRead:
    """Read the entry. Raises the tree of `vault.errors`."""
    namespace = spec.namespace or None
    if spec.type is KVType.V1:
        old = await read_kv_v1(
            session, mount=spec.mount, path=spec.path, namespace=namespace
        )
        return StaticRead(Entry.of_answer(old.data), old.version)
    secret = await read_kv_v2(
        session,
        mount=spec.mount,
        path=spec.path,
        version=spec.version or 0,
        namespace=namespace,
    )
    entry = Entry(secret.data, secret.metadata, secret.whole)
    return StaticRead(entry, secret.version)
