"""Follows a resource's references to its VaultAuth and VaultConnection.

Everything is answered from the stores: what is not there now is a refusal now,
and a trigger later.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from vso_controller.api.model import parse_spec
from vso_controller.api.v1beta1.vaultauth import VaultAuthSpec
from vso_controller.credentials.ports import Resources
from vso_controller.domain.login import Login, login_of
from vso_controller.domain.reasons import Failure, Reason, Refusal
from vso_controller.domain.references import (
    ReferenceMalformed,
    connection_candidates,
    is_namespace_allowed,
    is_watched,
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


class References:
    """Resolves references. Each method raises Refusal with what to report."""

    def __init__(
        self,
        *,
        auths: Resources,
        connections: Resources,
        operator_namespace: str,
        namespace_fallback: bool,
        scopes: Collection[str],
    ) -> None:
        self._auths = auths
        self._connections = connections
        self._operator_namespace = operator_namespace
        self._fallback = namespace_fallback
        self._scopes = scopes  # the namespaces that are watched, "" for all

    def auth_of(self, consumer: ObjectKey, reference: str | None) -> ResolvedAuth:
        """Return what `consumer` logs in with."""
        key = self._parse(reference, beside=consumer)
        self._check_watched("VaultAuth", key)
        auth = self._auths.get(key)
        if auth is None or auth.deleting:
            raise Refusal(
                Reason.VAULT_AUTH_NOT_FOUND, f"VaultAuth {key} does not exist"
            )
        spec = _auth_spec(auth)
        if not is_namespace_allowed(
            consumer.namespace,
            provider=key,
            allowed=spec.allowed_namespaces,
            operator_namespace=self._operator_namespace,
        ):
            raise Refusal(
                Reason.VAULT_AUTH_NOT_ALLOWED,
                f"VaultAuth {key} does not allow namespace {consumer.namespace}",
            )
        login = login_of(spec)
        if isinstance(login, Failure):
            raise Refusal(
                Reason.VAULT_AUTH_INVALID, f"VaultAuth {key}: {login.message}"
            )
        try:
            connection = self._connection(key, spec.vault_connection_ref)
        except ReferenceMalformed as error:
            message = f"VaultAuth {key}: spec.vaultConnectionRef: {error}"
            raise Refusal(Reason.VAULT_AUTH_INVALID, message) from error
        return ResolvedAuth(auth, login, connection)

    def connection_of(self, auth: ObjectKey, reference: str | None) -> Envelope:
        """Return the VaultConnection that the VaultAuth `auth` names."""
        try:
            return self._connection(auth, reference)
        except ReferenceMalformed as error:
            message = f"spec.vaultConnectionRef: {error}"
            raise Refusal(Reason.INVALID_REFERENCE, message) from error

    def _connection(self, auth: ObjectKey, reference: str | None) -> Envelope:
        candidates = connection_candidates(
            reference or "",
            auth=auth,
            operator_namespace=self._operator_namespace,
            fallback=self._fallback,
        )
        for key in candidates:
            self._check_watched("VaultConnection", key)
            connection = self._connections.get(key)
            if connection is not None and not connection.deleting:
                return connection
        places = " or ".join(map(str, candidates))
        raise Refusal(
            Reason.VAULT_CONNECTION_NOT_FOUND, f"there is no VaultConnection {places}"
        )

    def _check_watched(self, kind: str, key: ObjectKey) -> None:
        if is_watched(key.namespace, scopes=self._scopes):
            return
        raise Refusal(
            Reason.NAMESPACE_NOT_WATCHED,
            f"{kind} {key} cannot be seen: namespace {key.namespace} is not among the "
            "--watch-namespaces of the controller",
        )

    def _parse(self, reference: str | None, *, beside: ObjectKey) -> ObjectKey:
        try:
            return parse_reference(
                reference or "",
                beside=beside,
                operator_namespace=self._operator_namespace,
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
