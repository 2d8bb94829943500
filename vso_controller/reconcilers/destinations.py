"""Destination Secrets: plan, act, and plan again where the world moved on."""

from __future__ import annotations

from contextlib import suppress

from vso_controller.domain.destination import (
    Create,
    Desired,
    Nothing,
    Plan,
    Replace,
    Update,
    plan,
)
from vso_controller.domain.ownership import Ownership, ownership
from vso_controller.domain.reasons import Failure, Reason, Refusal
from vso_controller.foundation.objects import (
    NewSecret,
    ObjectKey,
    ObservedSecret,
    OwnerReference,
)
from vso_controller.kube.errors import Conflict, NotFound
from vso_controller.reconcilers.ports import Cache, Secrets

BY_OWNER = "owner"
"""The index of the Secret store by the uid in the owner label."""

_ATTEMPTS = 3


class Destinations:
    """Makes Secrets what resources want them to be, with as few requests as can be.

    Secrets with our labels are watched, so a Secret that is in order costs no
    request. A write is fenced by the version that was seen; if that is not the
    Secret's version any more, it is read and the plan is made anew.
    """

    def __init__(self, *, watched: Cache[ObservedSecret], secrets: Secrets) -> None:
        self._watched = watched
        self._secrets = secrets

    async def apply(self, desired: Desired) -> bool:
        """Bring the Secret in step; return whether anything had to be written.

        Raises Refusal where it must not be written, and the tree of `kube.errors`.
        """
        observed = self._watched.get(desired.key)
        if observed is None and not desired.create:
            observed = await self._secrets.read(desired.key)
        for _ in range(_ATTEMPTS):
            step = plan(desired, observed)
            try:
                return await self._act(step)
            except (Conflict, NotFound):
                observed = await self._secrets.read(desired.key)
        raise Refusal(
            Reason.KUBERNETES_UNAVAILABLE,
            f"Secret {desired.key} changed under each of {_ATTEMPTS} attempts to write",
        )

    async def prune(self, owner: OwnerReference, *, keep: ObjectKey) -> None:
        """Delete the Secrets that `owner` had before its destination was renamed.

        One that changed meanwhile is left for the next time.
        """
        orphans = [
            secret
            for secret in self._watched.by_index(BY_OWNER, owner.uid)
            if secret.key.namespace == keep.namespace
            and secret.key != keep
            and not secret.deleting
            and owner in secret.owners
            and ownership(secret, owner) is Ownership.OURS
        ]
        for secret in orphans:
            await self._delete(secret)

    async def _act(self, step: Plan) -> bool:
        match step:
            case Nothing():
                return False
            case Failure():
                raise Refusal.of(step)
            case Create(secret):
                await self._create(secret)
            case Update(patch):
                with self._watched.writing(patch.key) as write:
                    write.landed(await self._secrets.patch(patch))
            case Replace(old, secret):
                await self._delete(old)
                await self._create(secret)
        return True

    async def _create(self, secret: NewSecret) -> None:
        with self._watched.writing(secret.key) as write:
            write.landed(await self._secrets.create(secret))

    async def _delete(self, secret: ObservedSecret) -> None:
        with suppress(Conflict):
            await self._secrets.delete(
                secret.key, uid=secret.uid, resource_version=secret.resource_version
            )
