"""From a change of one object to the keys that must be looked at because of it.

References are indexes of the stores, so finding those who refer to an object
costs nothing but the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import msgspec

from vso_controller.api.kinds import VAULT_DYNAMIC_SECRET, VAULT_STATIC_SECRET, Kind
from vso_controller.domain.ownership import OWNER_UID_LABEL
from vso_controller.domain.references import (
    ReferenceMalformed,
    Tenancy,
    connection_candidates,
    global_candidates,
    parse_reference,
    transformation_key,
)
from vso_controller.foundation.objects import (
    Envelope,
    ObjectKey,
    ObjectVersion,
    ObservedSecret,
)
from vso_controller.reconcilers.consumers import resource_of
from vso_controller.reconcilers.destinations import BY_OWNER

BY_REFERENCE = "reference"
"""The index of VaultAuths by VaultConnection, and of consumers by VaultAuth."""
BY_GLOBAL = "global"
"""The index of VaultAuths by VaultAuthGlobal."""
INHERITED = ""
"""In the place of a VaultConnection: it is named by a VaultAuthGlobal, if at all."""
BY_TRANSFORMATION = "transformation"
"""The index of consumers by the SecretTransformations that they refer to."""
BY_UID = "uid"
BY_DESTINATION = "destination"
"""The index of consumers by the Secret of a user's that they write to."""

Enqueue = Callable[[ObjectKey], None]


class _GlobalReference(msgspec.Struct, rename="camel"):
    name: str | None = None
    namespace: str | None = None
    allow_default: bool | None = None


class _AuthReferences(msgspec.Struct, rename="camel"):
    vault_connection_ref: str | None = None
    vault_auth_global_ref: _GlobalReference | None = None


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

    def get(self, key: ObjectKey) -> Envelope | None: ...
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


class _Consumers:
    """The resources of one kind that use sessions and keep Secrets."""

    def __init__(self, kind: Kind, store: ResourceStore) -> None:
        self.store = store
        self.wake: Enqueue = _nobody
        self._kind = kind.resource

    def changed(self, old: Envelope | None, new: Envelope | None) -> None:
        """Wake the one that changed."""
        for key in _changed(old, new):
            self.wake(key)

    def owners_of(self, secret: ObservedSecret) -> Iterator[ObjectKey]:
        """Yield the owners of a Secret, by what it says of them."""
        ours = (self._kind.api_version, self._kind.kind)
        for owner in secret.owners:
            if (owner.api_version, owner.kind) == ours:
                yield ObjectKey(secret.key.namespace, owner.name)
        for uid in _owner_uids(secret):
            for resource in self.store.by_index(BY_UID, uid):
                if resource.key.namespace == secret.key.namespace:
                    yield resource.key


class Triggers:
    """Knows who refers to whom, and wakes them."""

    def __init__(
        self,
        *,
        connections: ResourceStore,
        auths: ResourceStore,
        globals_: ResourceStore,
        static_secrets: ResourceStore,
        dynamic_secrets: ResourceStore,
        transformations: ResourceStore,
        secrets: SecretStore,
        tenancy: Tenancy,
    ) -> None:
        self._connections = connections
        self._auths = auths
        self._globals = globals_
        self._consumers: dict[str, _Consumers] = {
            VAULT_STATIC_SECRET.singular: _Consumers(
                VAULT_STATIC_SECRET, static_secrets
            ),
            VAULT_DYNAMIC_SECRET.singular: _Consumers(
                VAULT_DYNAMIC_SECRET, dynamic_secrets
            ),
        }
        self._transformations = transformations
        self._secrets = secrets
        self._tenancy = tenancy
        self._wake_connection: Enqueue = _nobody
        self._wake_auth: Enqueue = _nobody
        self._wake_global: Enqueue = _nobody
        self._wake_transformation: Enqueue = _nobody
        auths.add_index(BY_REFERENCE, self._connections_of)
        auths.add_index(BY_GLOBAL, self._globals_of)
        for consumers in self._consumers.values():
            store = consumers.store
            store.add_index(BY_REFERENCE, self._auths_of)
            store.add_index(BY_TRANSFORMATION, _transformations_of)
            store.add_index(BY_UID, lambda resource: (resource.uid,))
            store.add_index(BY_DESTINATION, _destinations_of_users)
        secrets.add_index(BY_OWNER, _owner_uids)

    def connect(
        self,
        *,
        connection: Enqueue,
        auth: Enqueue,
        global_: Enqueue,
        static_secret: Enqueue,
        dynamic_secret: Enqueue,
        transformation: Enqueue,
    ) -> None:
        """Send keys of each kind to its queue from now on."""
        self._wake_connection = connection
        self._wake_auth = auth
        self._wake_global = global_
        self._consumers[VAULT_STATIC_SECRET.singular].wake = static_secret
        self._consumers[VAULT_DYNAMIC_SECRET.singular].wake = dynamic_secret
        self._wake_transformation = transformation
        self._connections.add_handler(self._connection_changed)
        self._auths.add_handler(self._auth_changed)
        self._globals.add_handler(self._global_changed)
        for consumers in self._consumers.values():
            consumers.store.add_handler(consumers.changed)
        self._transformations.add_handler(self._transformation_changed)
        self._secrets.add_handler(self._secret_changed)

    def wake_auth(self, key: ObjectKey) -> None:
        """Wake a VaultAuth of whose logins there is news."""
        self._wake_auth(key)

    def wake_consumer(self, key: ObjectKey) -> None:
        """Wake one who uses a session."""
        kind, resource = resource_of(key)
        self._consumers[kind].wake(resource)

    def version_changed(
        self, old: ObjectVersion | None, new: ObjectVersion | None
    ) -> None:
        """Wake who writes to a Secret of a user's that somebody else changed."""
        changed = new or old
        if changed is None:
            return
        self._wake_consumers(BY_DESTINATION, str(changed.key))

    def _wake_auth_and_users(self, key: ObjectKey) -> None:
        self._wake_auth(key)
        self._wake_consumers(BY_REFERENCE, str(key))

    def _wake_consumers(self, index: str, value: str) -> None:
        for consumers in self._consumers.values():
            for resource in consumers.store.by_index(index, value):
                consumers.wake(resource.key)

    def _connection_changed(self, old: Envelope | None, new: Envelope | None) -> None:
        for key in _changed(old, new):
            self._wake_connection(key)
            for auth in self._auths.by_index(BY_REFERENCE, str(key)):
                self._wake_auth_and_users(auth.key)
            for auth in self._auths.by_index(BY_REFERENCE, INHERITED):
                if key in self._inherited_connections(auth):
                    self._wake_auth_and_users(auth.key)

    def _auth_changed(self, old: Envelope | None, new: Envelope | None) -> None:
        for key in _changed(old, new):
            self._wake_auth_and_users(key)

    def _global_changed(self, old: Envelope | None, new: Envelope | None) -> None:
        for key in _changed(old, new):
            self._wake_global(key)
            for auth in self._auths.by_index(BY_GLOBAL, str(key)):
                self._wake_auth_and_users(auth.key)

    def _transformation_changed(
        self, old: Envelope | None, new: Envelope | None
    ) -> None:
        for key in _changed(old, new):
            self._wake_transformation(key)
            self._wake_consumers(BY_TRANSFORMATION, str(key))

    def _secret_changed(
        self, old: ObservedSecret | None, new: ObservedSecret | None
    ) -> None:
        for secret in (old, new):
            if secret is not None:
                self._wake_owners(secret)

    def _wake_owners(self, secret: ObservedSecret) -> None:
        for consumers in self._consumers.values():
            for key in consumers.owners_of(secret):
                consumers.wake(key)

    def _connections_of(self, auth: Envelope) -> Iterable[str]:
        references = _references_of(auth)
        if references is None:
            return ()
        if references.vault_auth_global_ref and not references.vault_connection_ref:
            return (INHERITED,)
        return map(str, self._connections_named(references, auth))

    def _inherited_connections(self, auth: Envelope) -> Iterable[ObjectKey]:
        """Return where the VaultConnection lies that `auth` inherits."""
        parents = map(self._globals.get, self._parents_of(auth))
        parent = next((each for each in parents if each and not each.deleting), None)
        references = None if parent is None else _references_of(parent)
        if references is None:
            return ()
        return self._connections_named(references, auth)

    def _connections_named(
        self, references: _AuthReferences, auth: Envelope
    ) -> tuple[ObjectKey, ...]:
        try:
            return connection_candidates(
                references.vault_connection_ref or "",
                auth=auth.key,
                operator_namespace=self._tenancy.operator_namespace,
                fallback=self._tenancy.namespace_fallback,
            )
        except ReferenceMalformed:
            return ()

    def _globals_of(self, auth: Envelope) -> Iterable[str]:
        return map(str, self._parents_of(auth))

    def _parents_of(self, auth: Envelope) -> tuple[ObjectKey, ...]:
        references = _references_of(auth)
        parent = references and references.vault_auth_global_ref
        if not parent:
            return ()
        try:
            return global_candidates(
                name=parent.name or "",
                namespace=parent.namespace or "",
                allow_default=bool(parent.allow_default),
                auth=auth.key,
                tenancy=self._tenancy,
            )
        except ReferenceMalformed:
            return ()

    def _auths_of(self, resource: Envelope) -> Iterable[str]:
        try:
            spec = msgspec.json.decode(resource.spec, type=_ConsumerReferences)
            key = parse_reference(
                spec.vault_auth_ref or "",
                beside=resource.key,
                operator_namespace=self._tenancy.operator_namespace,
            )
        except (msgspec.DecodeError, ReferenceMalformed):
            return ()
        return (str(key),)


def _nobody(_: ObjectKey) -> None:
    """Stand in for a queue until there is one."""


def _references_of(auth: Envelope) -> _AuthReferences | None:
    """Return what a VaultAuth or a VaultAuthGlobal refers to, None if unreadable."""
    try:
        return msgspec.json.decode(auth.spec, type=_AuthReferences)
    except msgspec.DecodeError:
        return None


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
    keys = (_transformation_of(each, resource.key) for each in references)
    return tuple(str(key) for key in dict.fromkeys(keys) if key)


def _transformation_of(
    reference: _TransformationRef, owner: ObjectKey
) -> ObjectKey | None:
    try:
        return transformation_key(
            reference.name, namespace=reference.namespace or "", beside=owner
        )
    except ReferenceMalformed:
        return None


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
