"""Destination Secrets: plan, act, and plan again where the world moved on."""

from __future__ import annotations

from contextlib import suppress

from vso_controller.domain.destination import (
    Create,
    Desired,
    Kept,
    Nothing,
    Plan,
    Replace,
    Shape,
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
from vso_controller.foundation.secret import Secret
from vso_controller.kube.errors import AnswerLost, Conflict, NotFound
from vso_controller.reconcilers.consumers import consumer_named
from vso_controller.reconcilers.ports import Cache, Secrets
from vso_controller.reconcilers.unlabelled import UnlabelledSecrets

BY_OWNER = "owner"
"""The index of the Secret store by the uid in the owner label."""

_ATTEMPTS = 3
_FOR_WANT_OF_DATA = Reason.INVALID_SECRET_DATA


class Destinations:
    """Makes Secrets what resources want them to be, with as few requests as can be.

    Secrets with our labels are watched, those of users by their versions, so a
    Secret that is in order costs no request. A write is fenced by the version that
    was seen; if that is not the Secret's version any more, or nobody answered, it is
    read and the plan is made anew from the same data.
    """

    def __init__(
        self,
        *,
        watched: Cache[ObservedSecret],
        unlabelled: UnlabelledSecrets,
        secrets: Secrets,
    ) -> None:
        self._watched = watched
        self._unlabelled = unlabelled
        self._secrets = secrets

    def watched(self, key: ObjectKey) -> ObservedSecret | None:
        """Return a Secret with our labels as it was last seen, without a request."""
        return self._watched.get(key)

    async def observe(self, shape: Shape) -> ObservedSecret | None:
        """Return the Secret as it was last seen; a user's is read, and then followed.

        Raises the tree of `kube.errors`.
        """
        user = _user(shape)
        observed = self._watched.get(shape.key)
        if shape.create:
            self._unlabelled.release(user)
            return observed
        if observed is None:
            return await self._unlabelled.read(shape.key, user=user)
        return observed

    async def check_writable(
        self, shape: Shape, observed: ObservedSecret | None
    ) -> None:
        """Find out whether the Secret could be written, without a trace.

        Raises what `apply` would raise, as far as that does not depend on the data.
        """
        for _ in range(_ATTEMPTS):
            try:
                return await self._try_out(
                    plan(shape.filled(Secret({}), b""), observed)
                )
            except (Conflict, NotFound):
                observed = await self._secrets.read(shape.key)
        raise _restless(shape)

    async def apply(
        self, desired: Desired | Kept, observed: ObservedSecret | None
    ) -> bool:
        """Bring the observed Secret in step; return whether that took a write.

        Raises Refusal where it must not be written, and the tree of `kube.errors`.
        """
        user = None if desired.create else _user(desired)
        # Whether a write of ours may have happened that nobody confirmed.
        in_doubt = False
        for _ in range(_ATTEMPTS):
            step = plan(desired, observed)
            try:
                changed = await self._act(step, user=user)
            except (Conflict, NotFound):
                observed = await self._secrets.read(desired.key)
            except AnswerLost:
                in_doubt = True
                observed = await self._secrets.read(desired.key)
            else:
                return changed or in_doubt
        raise _restless(desired)

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

    def release(self, user: ObjectKey) -> None:
        """Let go of what is followed for a resource that is gone."""
        self._unlabelled.release(user)

    async def _try_out(self, step: Plan) -> None:
        match step:
            case Failure() if step.reason is not _FOR_WANT_OF_DATA:
                raise Refusal.of(step)
            case Create(secret):
                await self._secrets.try_out(secret)
            case Update(patch):
                await self._secrets.try_out(patch)

    async def _act(self, step: Plan, *, user: ObjectKey | None) -> bool:
        match step:
            case Nothing():
                return False
            case Failure():
                raise Refusal.of(step)
            case Create(secret):
                await self._create(secret)
            case Update(patch) if user is not None:
                await self._unlabelled.patch(patch, user=user)
            case Update(patch):
                with self._watched.writing(patch.key) as write:
                    write.landed(await self._secrets.patch(patch))
            case Replace(old, secret):
                await self._delete(old, successor=secret)
                await self._create(secret)
        return True

    async def _create(self, secret: NewSecret) -> None:
        with self._watched.writing(secret.key) as write:
            write.landed(await self._secrets.create(secret))

    async def _delete(
        self, secret: ObservedSecret, *, successor: NewSecret | None = None
    ) -> None:
        """Delete the Secret unless it is not any more what was seen."""
        with self._watched.writing(secret.key) as write, suppress(Conflict, NotFound):
            left = await self._secrets.delete(
                secret.key,
                uid=secret.uid,
                resource_version=secret.resource_version,
                successor=successor,
            )
            if left is None:
                write.deleted(secret)
            else:
                write.landed(left)


def _restless(shape: Shape) -> Refusal:
    return Refusal(
        Reason.KUBERNETES_UNAVAILABLE,
        f"Secret {shape.key} changed under each of {_ATTEMPTS} attempts to write",
    )


def _user(shape: Shape) -> ObjectKey:
    """Return the resource that writes to the Secret."""
    return consumer_named(shape.owner.kind, shape.key.namespace, shape.owner.name)
