"""What a VaultAuth comes to with the VaultAuthGlobal that it refers to.

Answered from the stores, as all references are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vso_controller.api.model import parse_spec
from vso_controller.api.v1beta1.vaultauth import VaultAuthGlobalRef, VaultAuthSpec
from vso_controller.api.v1beta1.vaultauthglobal import VaultAuthGlobalSpec
from vso_controller.credentials.ports import Resources
from vso_controller.domain.globalauth import inherit
from vso_controller.domain.login import Login, login_of
from vso_controller.domain.reasons import Failure, Reason, Refusal
from vso_controller.domain.references import (
    ReferenceMalformed,
    Target,
    Tenancy,
    global_candidates,
    may_refer,
)
from vso_controller.foundation.errors import Invalid
from vso_controller.foundation.objects import Envelope, ObjectKey

CheckWatched = Callable[[Target, ObjectKey], None]
"""Raises Refusal if an object would not be seen if it were there."""


@dataclass(frozen=True, slots=True)
class Inherited:
    """A VaultAuth's spec with all that it inherits."""

    spec: VaultAuthSpec
    parent: Envelope | None = None  # None: it refers to no VaultAuthGlobal
    connection_written_in: str = ""
    """The namespace of the object that names the VaultConnection."""

    def login(self) -> Login:
        """Return the login that it describes. Raises Refusal with what is wrong."""
        login = login_of(self.spec)
        if not isinstance(login, Failure):
            return login
        if self.parent is None:
            raise Refusal.of(login)
        raise Refusal(
            login.reason,
            f"{login.message}; it inherits from VaultAuthGlobal {self.parent.key}",
        )


class Inheritance:
    """Finds VaultAuthGlobals. Raises Refusal with what to report of a VaultAuth."""

    def __init__(
        self,
        *,
        resources: Resources,
        tenancy: Tenancy,
        check_watched: CheckWatched,
    ) -> None:
        self._globals = resources
        self._tenancy = tenancy
        self._check_watched = check_watched

    def of(self, auth: ObjectKey, spec: VaultAuthSpec) -> Inherited:
        """Return what `spec`, that of the VaultAuth `auth`, comes to."""
        reference = spec.vault_auth_global_ref
        if reference is None:
            return Inherited(spec, connection_written_in=auth.namespace)
        parent = self._find(auth, reference)
        about = f"VaultAuthGlobal {parent.key}"
        try:
            defaults = parse_spec(VaultAuthGlobalSpec, parent.spec)
        except Invalid as error:
            raise Refusal(
                Reason.VAULT_AUTH_GLOBAL_INVALID, f"{about}: {error}"
            ) from error
        if not may_refer(
            auth.namespace,
            to=Target.VAULT_AUTH_GLOBAL,
            key=parent.key,
            allowed=defaults.allowed_namespaces,
            tenancy=self._tenancy,
        ):
            raise Refusal(
                Reason.VAULT_AUTH_GLOBAL_NOT_ALLOWED,
                f"{about} does not allow namespace {auth.namespace}",
            )
        by = auth if spec.vault_connection_ref else parent.key
        return Inherited(inherit(spec, defaults), parent, by.namespace)

    def _find(self, auth: ObjectKey, reference: VaultAuthGlobalRef) -> Envelope:
        candidates = self._candidates(auth, reference)
        for key in candidates:
            self._check_watched(Target.VAULT_AUTH_GLOBAL, key)
            found = self._globals.get(key)
            if found is not None and not found.deleting:
                return found
        places = " or ".join(map(str, candidates))
        raise Refusal(
            Reason.VAULT_AUTH_GLOBAL_NOT_FOUND, f"there is no VaultAuthGlobal {places}"
        )

    def _candidates(
        self, auth: ObjectKey, reference: VaultAuthGlobalRef
    ) -> tuple[ObjectKey, ...]:
        try:
            return global_candidates(
                name=reference.name or "",
                namespace=reference.namespace or "",
                allow_default=bool(reference.allow_default),
                auth=auth,
                tenancy=self._tenancy,
            )
        except ReferenceMalformed as error:
            raise Refusal(
                Reason.INVALID_REFERENCE, f"spec.vaultAuthGlobalRef: {error}"
            ) from error
