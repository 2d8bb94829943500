"""Reading and writing Kubernetes Secrets, one at a time.

No write is blind: a patch names the version it was decided upon, a deletion the
uid too, and a creation fails when the name is taken. What a write leaves alone
(foreign labels, annotations, keys) stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import msgspec

from vso_controller.foundation.objects import (
    NewSecret,
    ObjectKey,
    ObservedSecret,
    OpenSecret,
    OwnerReference,
    ResourceType,
    SecretPatch,
)
from vso_controller.foundation.secret import SecretData
from vso_controller.kube.calls import MERGE_PATCH, Call, Target, Verb, object_target
from vso_controller.kube.decoding import (
    OpenSecretDecoder,
    SecretDecoder,
    is_status,
    secret_data,
)
from vso_controller.kube.errors import AlreadyExists, NotFound
from vso_controller.kube.session import ApiSession

_DRY_RUN = {"dryRun": "All"}
SECRETS = ResourceType(group="", version="v1", plural="secrets", kind="Secret")


class Secrets:
    """The Secrets of a cluster, as far as our rights go."""

    def __init__(self, *, session: ApiSession, decoder: SecretDecoder) -> None:
        self._session = session
        self._decoder = decoder

    async def read(self, key: ObjectKey) -> ObservedSecret | None:
        """Read all but the values. None when there is no such Secret."""
        try:
            return self._decoder.item(await self._get(key))
        except NotFound:
            return None

    async def read_data(self, key: ObjectKey) -> SecretData:
        """Read the values. Raises NotFound."""
        return secret_data(await self._get(key))

    async def read_open(self, key: ObjectKey) -> OpenSecret:
        """Read the Secret with its values. Raises NotFound."""
        return OpenSecretDecoder().item(await self._get(key))

    async def create(self, secret: NewSecret) -> ObservedSecret:
        """Create `secret`. Raises AlreadyExists when the name is taken."""
        answer = await self._session.request(_creation(secret))
        return self._decoder.item(answer)

    async def patch(self, patch: SecretPatch) -> ObservedSecret:
        """Apply `patch`. Raises Conflict when the Secret is not as observed."""
        answer = await self._session.request(_change(patch))
        return self._decoder.item(answer)

    async def try_out(self, write: NewSecret | SecretPatch) -> None:
        """Have the server go through with a write but for storing it.

        Raises what the write would raise. What is answered is of no version: the
        object that would be created has none.
        """
        call = _creation(write) if isinstance(write, NewSecret) else _change(write)
        await self._session.request(replace(call, repeatable=True, query=_DRY_RUN))

    async def delete(
        self,
        key: ObjectKey,
        *,
        uid: str,
        resource_version: str,
        successor: NewSecret | None = None,
    ) -> ObservedSecret | None:
        """Delete the Secret that was observed so; None when that removed it.

        One with finalizers is still there, and returned as it is then. Who makes room
        for another says for which (`successor`): an observer tells how they differ.
        Raises Conflict when it is another one, or another version, by now, and
        NotFound when somebody else deleted it.
        """
        preconditions = {"uid": uid, "resourceVersion": resource_version}
        call = Call(
            verb=Verb.DELETE,
            target=object_target(SECRETS, key),
            repeatable=True,  # of what was observed, or of nothing
            body=msgspec.json.encode({"preconditions": preconditions}),
            successor=None if successor is None else _new_document(successor),
        )
        answer = await self._session.request(call)
        if is_status(answer):
            return None
        left = self._decoder.item(answer)
        return left if left.deleting else None

    async def _get(self, key: ObjectKey) -> bytes:
        target = object_target(SECRETS, key)
        return await self._session.request(
            Call(verb=Verb.GET, target=target, repeatable=True)
        )


class ObservedSecrets(Secrets):
    """The Secrets of a cluster, for who may not write any.

    A creation that is withheld meets no server that would say that the name is taken.
    So that is asked before: it decides what comes next.
    """

    async def create(self, secret: NewSecret) -> ObservedSecret:
        if await self.read(secret.key) is not None:
            raise AlreadyExists(f"create {SECRETS.plural} {secret.key}: it is there")
        return await super().create(secret)

    async def try_out(self, write: NewSecret | SecretPatch) -> None:
        if isinstance(write, NewSecret) and await self.read(write.key) is not None:
            raise AlreadyExists(f"create {SECRETS.plural} {write.key}: it is there")
        await super().try_out(write)


def _creation(secret: NewSecret) -> Call:
    return Call(
        verb=Verb.CREATE,
        target=Target(SECRETS, secret.key.namespace),
        repeatable=False,
        body=_new_document(secret),
    )


def _change(patch: SecretPatch) -> Call:
    return Call(
        verb=Verb.PATCH,
        target=object_target(SECRETS, patch.key),
        repeatable=False,
        body=_patch_document(patch),
        content_type=MERGE_PATCH,
    )


def _new_document(secret: NewSecret) -> bytes:
    document: dict[str, object] = {
        "apiVersion": SECRETS.api_version,
        "kind": SECRETS.kind,
        "metadata": {
            "name": secret.key.name,
            "namespace": secret.key.namespace,
            "labels": dict(secret.labels),
            "annotations": dict(secret.annotations),
            "ownerReferences": _owner_documents(secret.owners),
        },
        "type": secret.type,
        "data": secret.data.reveal(),
    }
    if secret.immutable:
        document["immutable"] = True
    return msgspec.json.encode(document)


def _patch_document(patch: SecretPatch) -> bytes:
    metadata: dict[str, object] = {
        # The version is the fence: a server need not compare the uid of a patch.
        "uid": patch.uid,
        "resourceVersion": patch.resource_version,
    }
    if patch.labels:
        metadata["labels"] = dict(patch.labels)
    if patch.annotations:
        metadata["annotations"] = dict(patch.annotations)
    if patch.owners is not None:
        metadata["ownerReferences"] = _owner_documents(patch.owners)
    data: dict[str, bytes | None] = dict.fromkeys(patch.removed_keys)
    if patch.data is not None:
        data |= patch.data.reveal()
    document: dict[str, object] = {"metadata": metadata}
    if data:
        document["data"] = data
    return msgspec.json.encode(document)


def _owner_documents(owners: Iterable[OwnerReference]) -> list[dict[str, object]]:
    return [_owner_document(owner) for owner in owners]


def _owner_document(owner: OwnerReference) -> dict[str, object]:
    document = {
        "apiVersion": owner.api_version,
        "kind": owner.kind,
        "name": owner.name,
        "uid": owner.uid,
        "controller": owner.controller,
        "blockOwnerDeletion": owner.block_owner_deletion,
    }
    return {name: value for name, value in document.items() if value is not None}
