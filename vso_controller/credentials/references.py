"""Follows a resource's references to its VaultAuth and VaultConnection.

Everything is answered from the stores: what is not there now is a refusal now,
and a trigger later.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from vso_controller.api.model import parse_spec
from vso_controller.api.v1beta1.vaultauth import VaultAuthSpec
from vso_controller.credentials.inheritance import Inheritance, Inherited
from vso_controller.credentials.ports import Resources
from vso_controller.domain.login import Login, fingerprint
from vso_controller.domain.reasons import Reason, Refusal, Scope
from vso_controller.domain.references import (
    ReferenceMalformed,
    Target,
    Tenancy,
    connection_candidates,
    is_watched,
    may_refer,
    parse_reference,
)
from vso_controller.foundation.errors import Invalid
from vso_controller.foundation.objects import Envelope, ObjectKey


@dataclass(frozen=True, slots=True)
class ResolvedAuth:
    """A VaultAuth that a consumer may use, and the VaultConnection it names."""

    auth: Envelope
    login: Login
    connection: Envelope
    inherited: str = ""
    """What the login comes to, as a digest, if the VaultAuth does not say it all."""


class References:
    """Resolves references. Each method raises Refusal with what to report."""

    def __init__(
        self,
        *,
        auths: Resources,
        globals_: Resources,
        connections: Resources,
        tenancy: Tenancy,
        scopes: Collection[str],
    ) -> None:
        self._auths = auths
        self._connections = connections
        self._tenancy = tenancy
        self._scopes = scopes  # the namespaces that are watched, "" for all
        self._inheritance = Inheritance(
            resources=globals_, tenancy=tenancy, check_watched=self._check_watched
        )

    def auth_of(self, consumer: ObjectKey, reference: str | None) -> ResolvedAuth:
        """Return what `consumer` logs in with."""
        key = self._parse(reference, beside=consumer)
        auth = self._auth(key)
        spec = _auth_spec(auth)
        if not may_refer(
            consumer.namespace,
            to=Target.VAULT_AUTH,
            key=key,
            allowed=spec.allowed_namespaces,
            tenancy=self._tenancy,
        ):
            raise Refusal(
                Reason.VAULT_AUTH_NOT_ALLOWED,
                f"VaultAuth {key} does not allow namespace {consumer.namespace}",
            )
        try:
            inherited = self.inherited(key, spec)
            login = inherited.login()
            connection = self.connection_of(key, inherited)
        except Refusal as refusal:
            if refusal.failure.facts.scope is not Scope.SPEC:
                raise
            # It is not the spec of the consumer that is at fault.
            message = f"VaultAuth {key}: {refusal}"
            raise Refusal(Reason.VAULT_AUTH_INVALID, message) from refusal
        return ResolvedAuth(
            auth, login, connection, fingerprint(login) if inherited.parent else ""
        )

    def inherited(self, auth: ObjectKey, spec: VaultAuthSpec) -> Inherited:
        """Return what `spec`, that of the VaultAuth `auth`, comes to."""
        return self._inheritance.of(auth, spec)

    def connection_of(self, auth: ObjectKey, inherited: Inherited) -> Envelope:
        """Return the VaultConnection that the VaultAuth `auth` uses."""
        # Who wrote the reference has the right to it, be it the VaultAuthGlobal.
        referrers = {auth.namespace, inherited.connection_written_in}
        reference = inherited.spec.vault_connection_ref
        candidates = self._candidates(reference, auth=auth, referrers=referrers)
        for key in candidates:
            self._check_watched(Target.VAULT_CONNECTION, key)
            connection = self._connections.get(key)
            if connection is not None and not connection.deleting:
                return connection
        places = " or ".join(map(str, candidates))
        raise Refusal(
            Reason.VAULT_CONNECTION_NOT_FOUND, f"there is no VaultConnection {places}"
        )

    def check_connection(self, reference: str | None, *, written_in: ObjectKey) -> None:
        """Check a reference to a VaultConnection that others are to inherit."""
        if reference:
            referrers = {written_in.namespace}
            self._candidates(reference, auth=written_in, referrers=referrers)

    def _candidates(
        self, reference: str | None, *, auth: ObjectKey, referrers: Collection[str]
    ) -> tuple[ObjectKey, ...]:
        """Return where the VaultConnection may lie that these namespaces may use."""
        try:
            candidates = connection_candidates(
                reference or "",
                auth=auth,
                operator_namespace=self._tenancy.operator_namespace,
                fallback=self._tenancy.namespace_fallback,
            )
        except ReferenceMalformed as error:
            message = f"spec.vaultConnectionRef: {error}"
            raise Refusal(Reason.INVALID_REFERENCE, message) from error
        for key in candidates:
            if not any(self._may_connect(each, key) for each in referrers):
                raise Refusal(
                    Reason.VAULT_CONNECTION_NOT_ALLOWED,
                    f"VaultConnection {key} is not for namespace {auth.namespace}: "
                    f"{key.namespace} is not among the --shared-namespaces of the "
                    "controller",
                )
        return candidates

    def _may_connect(self, namespace: str, key: ObjectKey) -> bool:
        return may_refer(
            namespace, to=Target.VAULT_CONNECTION, key=key, tenancy=self._tenancy
        )

    def _auth(self, key: ObjectKey) -> Envelope:
        self._check_watched(Target.VAULT_AUTH, key)
        auth = self._auths.get(key)
        if auth is None or auth.deleting:
            raise Refusal(
                Reason.VAULT_AUTH_NOT_FOUND, f"VaultAuth {key} does not exist"
            )
        return auth

    def _check_watched(self, target: Target, key: ObjectKey) -> None:
        if is_watched(key.namespace, scopes=self._scopes):
            return
        raise Refusal(
            Reason.NAMESPACE_NOT_WATCHED,
            f"{target} {key} cannot be seen: namespace {key.namespace} is not among "
            "the --watch-namespaces of the controller",
        )

    def _parse(self, reference: str | None, *, beside: ObjectKey) -> ObjectKey:
        try:
            return parse_reference(
                reference or "",
                beside=beside,
                operator_namespace=self._tenancy.operator_namespace,
            )
        except ReferenceMalformed as error:
            raise Refusal(
                Reason.INVALID_REFERENCE, f"spec.vaultAuthRef: {error}"
            ) from error


def _auth_spec(auth: Envelope) -> VaultAuthSpec:
    try:
        return parse_spec(VaultAuthSpec, auth.spec)
    except Invalid as error:
        raise Refusal(
            Reason.VAULT_AUTH_INVALID, f"VaultAuth {auth.key}: {error}"
        ) from error
