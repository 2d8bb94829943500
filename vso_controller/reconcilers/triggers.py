"""From a change of one object to the keys that must be looked at because of it.

References are indexes of the stores, so finding those who refer to an object
costs nothing but the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

import msgspec

from vso_controller.api.kinds import VAULT_STATIC_SECRET
from vso_controller.domain.ownership import OWNER_UID_LABEL
from vso_controller.domain.references import (
    ReferenceMalformed,
    connection_candidates,
    parse_reference,
    transformation_key,
)
from vso_controller.foundation.objects import (
    Envelope,
    ObjectKey,
    ObjectVersion,
    ObservedSecret,
)
from vso_controller.reconcilers.destinations import BY_OWNER

BY_REFERENCE = "reference"
"""The index of VaultAuths by VaultConnection, and of consumers by VaultAuth."""
BY_TRANSFORMATION = "transformation"
"""The index of consumers by the SecretTransformations that they refer to."""
BY_UID = "uid"
BY_DESTINATION = "destination"
"""The index of consumers by the Secret of a user's that they write to."""

Enqueue = Callable[[ObjectKey], None]


class _AuthReferences(msgspec.Struct, rename="camel"):
    vault_connection_ref: str | None = None


class _TransformationRef(msgspec.Struct):
    name: str = ""
    namespace: str | None = None


class _Transformation(msgspec.Struct, rename="camel"):
    transformation_refs: list[_TransformationRef] | None = None


class _Destination(msgspec.Struct):
    name: str = ""
    create: bool = False
    transformation: _Transformation | None = None


class _ConsumerReferences(msgspec.Struct, rename="camel"):
    vault_auth_ref: str | None = None
    destination: _Destination = msgspec.field(default_factory=_Destination)


class ResourceStore(Protocol):
    """A store, as far as triggers use it."""

    def by_index(self, name: str, value: str) -> Iterable[Envelope]: ...
    def add_index(
        self, name: str, function: Callable[[Envelope], Iterable[str]]
    ) -> None: ...
    def add_handler(
        self, handler: Callable[[Envelope | None, Envelope | None], None]
    ) -> None: ...


class SecretStore(Protocol):
    """The store of owned Secrets, as far as triggers use it."""

    def add_index(
        self, name: str, function: Callable[[ObservedSecret], Iterable[str]]
    ) -> None: ...
    def add_handler(
        self, handler: Callable[[ObservedSecret | None, ObservedSecret | None], None]
    ) -> None: ...


class Triggers:
    """Knows who refers to whom, and wakes them."""

    def __init__(
        self,
        *,
        connections: ResourceStore,
        auths: ResourceStore,
        static_secrets: ResourceStore,
        transformations: ResourceStore,
        secrets: SecretStore,
        operator_namespace: str,
        namespace_fallback: bool,
    ) -> None:
        self._connections = connections
        self._auths = auths
        self._static_secrets = static_secrets
        self._transformations = transformations
        self._secrets = secrets
        self._operator_namespace = operator_namespace
        self._fallback = namespace_fallback
        self._wake_connection: Enqueue = _nobody
        self._wake_auth: Enqueue = _nobody
        self._wake_static_secret: Enqueue = _nobody
        self._wake_transformation: Enqueue = _nobody
        auths.add_index(BY_REFERENCE, self._connections_of)
        static_secrets.add_index(BY_REFERENCE, self._auths_of)
        static_secrets.add_index(BY_TRANSFORMATION, _transformations_of)
        static_secrets.add_index(BY_UID, lambda resource: (resource.uid,))
        static_secrets.add_index(BY_DESTINATION, _destinations_of_users)
        secrets.add_index(BY_OWNER, _owner_uids)

    def connect(
        self,
        *,
        connection: Enqueue,
        auth: Enqueue,
        static_secret: Enqueue,
        transformation: Enqueue,
    ) -> None:
        """Send keys of each kind to its queue from now on."""
        self._wake_connection = connection
        self._wake_auth = auth
        self._wake_static_secret = static_secret
        self._wake_transformation = transformation
        self._connections.add_handler(self._connection_changed)
        self._auths.add_handler(self._auth_changed)
        self._static_secrets.add_handler(self._static_secret_changed)
        self._transformations.add_handler(self._transformation_changed)
        self._secrets.add_handler(self._secret_changed)

    def wake_consumer(self, key: ObjectKey) -> None:
        """Wake one who uses a session."""
        self._wake_static_secret(key)

    def version_changed(
        self, old: ObjectVersion | None, new: ObjectVersion | None
    ) -> None:
        """Wake who writes to a Secret of a user's that somebody else changed."""
        changed = new or old
        if changed is None:
            return
        users = self._static_secrets.by_index(BY_DESTINATION, str(changed.key))
        for resource in users:
            self._wake_static_secret(resource.key)

    def _wake_users_of_auth(self, key: ObjectKey) -> None:
        for resource in self._static_secrets.by_index(BY_REFERENCE, str(key)):
            self._wake_static_secret(resource.key)

    def _connection_changed(self, old: Envelope | None, new: Envelope | None) -> None:
        for key in _changed(old, new):
            self._wake_connection(key)
            for auth in self._auths.by_index(BY_REFERENCE, str(key)):
                self._wake_auth(auth.key)
                self._wake_users_of_auth(auth.key)

    def _auth_changed(self, old: Envelope | None, new: Envelope | None) -> None:
        for key in _changed(old, new):
            self._wake_auth(key)
            self._wake_users_of_auth(key)

    def _static_secret_changed(
        self, old: Envelope | None, new: Envelope | None
    ) -> None:
        for key in _changed(old, new):
            self._wake_static_secret(key)

    def _transformation_changed(
        self, old: Envelope | None, new: Envelope | None
    ) -> None:
        for key in _changed(old, new):
            self._wake_transformation(key)
            for user in self._static_secrets.by_index(BY_TRANSFORMATION, str(key)):
                self._wake_static_secret(user.key)

    def _secret_changed(
        self, old: ObservedSecret | None, new: ObservedSecret | None
    ) -> None:
        for secret in (old, new):
            if secret is not None:
                self._wake_owners(secret)

    def _wake_owners(self, secret: ObservedSecret) -> None:
        ours = VAULT_STATIC_SECRET.resource
        for owner in secret.owners:
            if (owner.api_version, owner.kind) == (ours.api_version, ours.kind):
                self._wake_static_secret(ObjectKey(secret.key.namespace, owner.name))
        for uid in _owner_uids(secret):
            for resource in self._static_secrets.by_index(BY_UID, uid):
                if resource.key.namespace == secret.key.namespace:
                    self._wake_static_secret(resource.key)

    def _connections_of(self, auth: Envelope) -> Iterable[str]:
        try:
            spec = msgspec.json.decode(auth.spec, type=_AuthReferences)
            keys = connection_candidates(
                spec.vault_connection_ref or "",
                auth=auth.key,
                operator_namespace=self._operator_namespace,
                fallback=self._fallback,
            )
        except (msgspec.DecodeError, ReferenceMalformed):
            return ()
        return tuple(map(str, keys))

    def _auths_of(self, resource: Envelope) -> Iterable[str]:
        try:
            spec = msgspec.json.decode(resource.spec, type=_ConsumerReferences)
            key = parse_reference(
                spec.vault_auth_ref or "",
                beside=resource.key,
                operator_namespace=self._operator_namespace,
            )
        except (msgspec.DecodeError, ReferenceMalformed):
            return ()
        return (str(key),)


def _nobody(_: ObjectKey) -> None:
    """Stand in for a queue until there is one."""


def _destinations_of_users(resource: Envelope) -> tuple[str, ...]:
    try:
        spec = msgspec.json.decode(resource.spec, type=_ConsumerReferences)
    except msgspec.DecodeError:
        return ()
    if spec.destination.create:
        return ()
    return (str(ObjectKey(resource.key.namespace, spec.destination.name)),)


def _transformations_of(resource: Envelope) -> tuple[str, ...]:
    try:
        spec = msgspec.json.decode(resource.spec, type=_ConsumerReferences)
    except msgspec.DecodeError:
        return ()
    transformation = spec.destination.transformation
    references = (transformation and transformation.transformation_refs) or ()
    keys = (
        transformation_key(
            each.name, namespace=each.namespace or "", beside=resource.key
        )
        for each in references
    )
    return tuple(map(str, dict.fromkeys(keys)))


def _owner_uids(secret: ObservedSecret) -> tuple[str, ...]:
    uid = secret.labels.get(OWNER_UID_LABEL)
    return () if uid is None else (uid,)


def _changed(old: Envelope | None, new: Envelope | None) -> tuple[ObjectKey, ...]:
    """Return the key of a resource if more than its status changed."""
    if old is None or new is None:
        present = old or new
        return () if present is None else (present.key,)
    before = (old.uid, old.generation, old.deleting, old.labels, old.annotations)
    after = (new.uid, new.generation, new.deleting, new.labels, new.annotations)
    return () if before == after else (new.key,)
