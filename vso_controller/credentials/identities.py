"""Who logs in to which Vault, and what a pool keeps for it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from vso_controller.api.v1beta1.shared import VaultClientMeta
from vso_controller.credentials.connection import Connection
from vso_controller.credentials.keeper import Kept
from vso_controller.credentials.loginresults import LoginRecord
from vso_controller.credentials.logins import IdentityLogin
from vso_controller.credentials.references import ResolvedAuth
from vso_controller.domain.cachekey import clone_key
from vso_controller.domain.clientcache import Part
from vso_controller.foundation.objects import ObjectKey
from vso_controller.vault.ports import TokenKeeper
from vso_controller.vault.session import VaultSession


@dataclass(frozen=True, slots=True)
class Identity:
    """Who logs in to which Vault."""

    auth_uid: str
    auth_generation: int
    connection_uid: str
    connection_generation: int
    ca_fingerprint: str
    namespace: str  # of the consumer: where its ServiceAccount lies
    inherited: str = ""  # what the login comes to; "" if the VaultAuth says it all

    @property
    def key(self) -> ObjectKey:
        """The name of the session of this identity, for queues and logs."""
        parts = (
            self.auth_uid,
            str(self.auth_generation),
            self.connection_uid,
            str(self.connection_generation),
            self.ca_fingerprint,
            self.inherited,
        )
        digest = hashlib.sha256("/".join(parts).encode()).hexdigest()
        return ObjectKey(self.namespace, digest[:16])


def identity_of(
    resolved: ResolvedAuth, connection: Connection, namespace: str
) -> Identity:
    """Return the identity of consumers in `namespace`."""
    return Identity(
        auth_uid=resolved.auth.uid,
        auth_generation=resolved.auth.generation,
        connection_uid=connection.uid,
        connection_generation=connection.generation,
        ca_fingerprint=connection.ca_fingerprint,
        namespace=namespace,
        inherited=resolved.inherited,
    )


def kept_of(
    resolved: ResolvedAuth, connection: Connection, login: IdentityLogin, namespace: str
) -> Kept:
    """Return the identity of consumers in `namespace` as it is kept for later."""
    auth = resolved.auth
    return Kept(
        auth=Part(auth.key.namespace, auth.uid, auth.generation),
        connection=Part(
            connection.key.namespace, connection.uid, connection.generation
        ),
        namespace=namespace,
        described=resolved.login,
        login=login,
        is_inherited=bool(resolved.inherited),
    )


@dataclass(slots=True, eq=False)
class Entry:
    """A session and those who use it."""

    key: ObjectKey
    login: IdentityLogin
    session: VaultSession
    connection: Connection
    kept: Kept
    keeper: TokenKeeper
    results: LoginRecord
    consumers: set[ObjectKey] = field(default_factory=set)
    # How many are having something issued, or have a hold on one of its tokens.
    holders: int = 0
    # What the renewing controller knows: the `next_renewal` and the end of the token.
    seen: tuple[float | None, float | None] = (None, None)
    # The ends of its tokens that the records know of, by client ID.
    recorded: dict[str, float] = field(default_factory=dict)
    # Whether the credentials are others by now, as far as a watch can tell.
    is_suspect: bool = False

    @property
    def is_abandoned(self) -> bool:
        """Whether nobody needs it any more."""
        return not self.consumers and not self.holders

    @property
    def has_news(self) -> bool:
        """Whether there is something for the renewing controller to plan."""
        return self.seen != self._standing()

    def look(self) -> None:
        """Take note of what the renewing controller plans by."""
        self.seen = self._standing()

    @property
    def renewal(self) -> float | None:
        """When the renewing controller has to look, on the loop's clock."""
        return self.seen[0]

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep the entry for the length of the block, whoever uses it."""
        self.holders += 1
        try:
            yield
        finally:
            self.holders -= 1

    def meta(self, namespace: str | None) -> VaultClientMeta | None:
        """Return what statuses say of it; None before it has logged in.

        `namespace` is the Vault namespace that a consumer names, if it names one.
        """
        key = self.kept.cache_key()
        if not key or not self.session.client_id:
            return None
        if namespace and namespace != self.session.namespace:
            key = clone_key(key, namespace)
        return VaultClientMeta(cache_key=key, id=self.session.client_id)

    def unrecorded(self) -> Iterator[tuple[str, float]]:
        """Yield the client ID and the end of each token that the records lack."""
        ends = dict(self.session.ends_by_client())
        for client_id, end in ends.items():
            if self.recorded.get(client_id) != end:
                yield client_id, end
        self.recorded = ends

    def _standing(self) -> tuple[float | None, float | None]:
        return self.session.next_renewal, self.session.ends
