"""How one object names another, and which namespaces may.

Source of the rules: the upstream operator's behaviour (a bare name lies beside
the object that refers to it, an empty one means `default` in the operator's
namespace), with the deviations that `docs/parity.md` lists.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from vso_controller.foundation.errors import Invalid
from vso_controller.foundation.listwatch import EVERYWHERE
from vso_controller.foundation.objects import ObjectKey

DEFAULT_NAME = "default"
ALL = "*"
EVERY_NAMESPACE = (ALL,)

_LABEL = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_NAMESPACE = re.compile(_LABEL)
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_LONGEST_NAMESPACE = 63
_LONGEST_NAME = 253
_SHOWN = 100  # characters of what nobody can read


class ReferenceMalformed(Invalid):
    """A reference is neither empty nor `name` nor `namespace/name`."""


class Target(StrEnum):
    """The kinds of object that others refer to."""

    VAULT_AUTH = "VaultAuth"
    VAULT_AUTH_GLOBAL = "VaultAuthGlobal"
    VAULT_CONNECTION = "VaultConnection"
    SECRET_TRANSFORMATION = "SecretTransformation"
    SECRET = "Secret"
    SERVICE_ACCOUNT = "ServiceAccount"


class VaultAuthOption(StrEnum):
    """What can be said of all VaultAuths."""

    ALLOW_DEFAULT_GLOBALS = "allow-default-globals"


@dataclass(frozen=True, slots=True)
class Tenancy:
    """What the settings say of references from one namespace to another."""

    operator_namespace: str
    namespace_fallback: bool = True
    """A VaultConnection may also lie in the operator's namespace; see below."""
    default_globals: bool = True
    """A VaultAuth may ask for the VaultAuthGlobal `default`."""
    shared_namespaces: tuple[str, ...] = ()
    """Namespaces, beside the operator's, of which everybody may use what has no list
    of its own; `*` for all."""
    defaults_admit_all: bool = False
    """The lists of the operator's `default` objects are ignored, as upstream does."""


def parse_reference(
    text: str, *, beside: ObjectKey, operator_namespace: str
) -> ObjectKey:
    """Return the object that `text`, written in the object `beside`, names.

    Raises ReferenceMalformed.
    """
    if not text:
        return ObjectKey(operator_namespace, DEFAULT_NAME)
    match text.split("/"):
        case [name]:
            return _key(beside.namespace, name, text)
        case [namespace, name]:
            return _key(namespace, name, text)
        case _:
            raise _malformed(text, "write `name` or `namespace/name`")


def check_name(name: str) -> None:
    """Check the name of an object that lies beside the one which names it.

    Raises ReferenceMalformed for one that no object can have, and so for one that
    would lead out of the namespace.
    """
    _key(DEFAULT_NAME, name, name)


def connection_candidates(
    text: str, *, auth: ObjectKey, operator_namespace: str, fallback: bool
) -> tuple[ObjectKey, ...]:
    """Return where the VaultConnection of a VaultAuth may lie, best first.

    With `fallback` a bare name that is not found beside the VaultAuth is looked
    up in the operator's namespace. Raises ReferenceMalformed.
    """
    named = parse_reference(text, beside=auth, operator_namespace=operator_namespace)
    central = ObjectKey(operator_namespace, named.name)
    if fallback and "/" not in text and named != central:
        return (named, central)
    return (named,)


def global_candidates(
    *,
    name: str,
    namespace: str,
    allow_default: bool,
    auth: ObjectKey,
    tenancy: Tenancy,
) -> tuple[ObjectKey, ...]:
    """Return where the VaultAuthGlobal of a VaultAuth may lie, best first.

    Without a name it is `default`, if both the VaultAuth and the settings allow that.
    Raises ReferenceMalformed.
    """
    if allow_default and not tenancy.default_globals:
        raise ReferenceMalformed(
            "allowDefault: `--global-vault-auth-options` of the controller does not "
            "allow default VaultAuthGlobals"
        )
    shown = f"{namespace}/{name}" if namespace else name
    if name:
        return (_key(namespace or auth.namespace, name, shown),)
    if not allow_default:
        raise ReferenceMalformed("not set: name, and allowDefault is not true")
    if namespace:
        return (_key(namespace, DEFAULT_NAME, shown),)
    own = ObjectKey(auth.namespace, DEFAULT_NAME)
    central = ObjectKey(tenancy.operator_namespace, DEFAULT_NAME)
    return tuple(dict.fromkeys((own, central)))


def transformation_key(name: str, *, namespace: str, beside: ObjectKey) -> ObjectKey:
    """Return the SecretTransformation that an object refers to by these two names.

    Without a namespace it lies beside the object. Raises ReferenceMalformed.
    """
    shown = f"{namespace}/{name}" if namespace else name
    return _key(namespace or beside.namespace, name, shown)


def is_watched(namespace: str, *, scopes: Collection[str]) -> bool:
    """Tell whether an object of `namespace` would be seen if it were there."""
    return namespace in scopes or EVERYWHERE in scopes


def may_refer(
    namespace: str,
    *,
    to: Target,
    key: ObjectKey,
    allowed: Sequence[str] = (),
    tenancy: Tenancy,
) -> bool:
    """Tell whether what is written in `namespace` may refer to the object `key`.

    Every reference that crosses a namespace passes this function; `allowed` is the
    `allowedNamespaces` of the object, where its kind has that. What is in the same
    namespace may always be referred to.
    """
    if namespace == key.namespace:
        return True
    return _RULES[to](_Crossing(namespace, key, tuple(allowed), tenancy))


@dataclass(frozen=True, slots=True)
class _Crossing:
    """A reference from one namespace to another."""

    namespace: str  # of who refers
    key: ObjectKey
    allowed: tuple[str, ...]
    tenancy: Tenancy


def _is_listed(crossing: _Crossing) -> bool:
    """Whether the object admits the namespace.

    The default object of the operator's namespace serves everybody as long as it
    names nobody; any other admits those it lists.
    """
    allowed, tenancy = crossing.allowed, crossing.tenancy
    if crossing.key == ObjectKey(tenancy.operator_namespace, DEFAULT_NAME) and (
        tenancy.defaults_admit_all or not allowed
    ):
        return True
    return allowed == EVERY_NAMESPACE or crossing.namespace in allowed


def _is_shared(crossing: _Crossing) -> bool:
    """Whether the namespace of the object, whose kind has no list, serves everybody.

    What is written in the operator's namespace may refer to any: it is the operator's.
    """
    tenancy = crossing.tenancy
    return (
        tenancy.operator_namespace in {crossing.namespace, crossing.key.namespace}
        or ALL in tenancy.shared_namespaces
        or crossing.key.namespace in tenancy.shared_namespaces
    )


def _never(_: _Crossing) -> bool:
    return False


_RULES: dict[Target, Callable[[_Crossing], bool]] = {
    Target.VAULT_AUTH: _is_listed,
    Target.VAULT_AUTH_GLOBAL: _is_listed,
    Target.VAULT_CONNECTION: _is_shared,
    Target.SECRET_TRANSFORMATION: _is_shared,
    Target.SECRET: _never,
    Target.SERVICE_ACCOUNT: _never,
}


def _key(namespace: str, name: str, text: str) -> ObjectKey:
    """Return a key that some object may have. Raises ReferenceMalformed."""
    if not namespace or not name:
        raise _malformed(text, "write `name` or `namespace/name`")
    if len(namespace) > _LONGEST_NAMESPACE or not _NAMESPACE.fullmatch(namespace):
        raise _malformed(text, "no namespace can have such a name")
    if len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
        raise _malformed(text, "no object can have such a name")
    return ObjectKey(namespace, name)


def _malformed(text: str, why: str) -> ReferenceMalformed:
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
    return ReferenceMalformed(f"{shown!r} is not a reference; {why}")
