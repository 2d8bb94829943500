"""The name under which the upstream operator knows a client of Vault.

Source of the formula: the upstream operator's behaviour. It is shown in statuses; who
is who inside this program is told apart by more than goes into it.
"""

from __future__ import annotations

import hashlib

_HEAD = 7  # bytes of the digest that are kept...
_TAIL = 4  # ...from its beginning and its end


def cache_key(
    method: str,
    *,
    auth_uid: str,
    auth_generation: int,
    connection_uid: str,
    connection_generation: int,
    provider_uid: str,
) -> str:
    """Return the key of the client that logs in with what `provider_uid` names.

    That is a ServiceAccount or a Secret.
    """
    text = (
        f"{auth_uid}-{auth_generation}."
        f"{connection_uid}-{connection_generation}.{provider_uid}"
    )
    digest = hashlib.sha256(text.encode()).digest()
    return f"{method.lower()}-{(digest[:_HEAD] + digest[-_TAIL:]).hex()}"


def clone_key(parent: str, namespace: str) -> str:
    """Return the key of a client as it is used in another Vault namespace.

    It has the token of its parent, and lives and ends with it.
    """
    return f"{parent}-{namespace}"
