"""How one object names another, and which namespaces may.

Source of the rules: the upstream operator's behaviour (a bare name lies beside
the object that refers to it, an empty one means `default` in the operator's
namespace), with the deviations that `docs/parity.md` lists.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from vso_controller.foundation.errors import Invalid
from vso_controller.foundation.listwatch import EVERYWHERE
from vso_controller.foundation.objects import ObjectKey

DEFAULT_NAME = "default"
EVERY_NAMESPACE = ("*",)


class ReferenceMalformed(Invalid):
    """A reference is neither empty nor `name` nor `namespace/name`."""


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
            return ObjectKey(beside.namespace, name)
        case [namespace, name] if namespace and name:
            return ObjectKey(namespace, name)
        case _:
            raise ReferenceMalformed(
                f"{text!r} is not a reference; write `name` or `namespace/name`"
            )


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


def transformation_key(name: str, *, namespace: str, beside: ObjectKey) -> ObjectKey:
    """Return the SecretTransformation that an object refers to by these two names.

    Without a namespace it lies beside the object. Any namespace will do: templates and
    filters are no secrets, and who refers to them decides to trust who writes them.
    """
    return ObjectKey(namespace or beside.namespace, name)


def is_watched(namespace: str, *, scopes: Collection[str]) -> bool:
    """Tell whether an object of `namespace` would be seen if it were there."""
    return namespace in scopes or EVERYWHERE in scopes


def is_namespace_allowed(
    namespace: str,
    *,
    provider: ObjectKey,
    allowed: Sequence[str],
    operator_namespace: str,
) -> bool:
    """Tell whether objects of `namespace` may use the VaultAuth `provider`.

    Every reference that crosses a namespace passes this function. The default
    object of the operator's namespace serves everybody as long as it names
    nobody; any other admits its own namespace and those it lists.
    """
    if namespace == provider.namespace:
        return True
    if provider == ObjectKey(operator_namespace, DEFAULT_NAME) and not allowed:
        return True
    return tuple(allowed) == EVERY_NAMESPACE or namespace in allowed
