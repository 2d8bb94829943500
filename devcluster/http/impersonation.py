"""Acting as somebody else, for those who may: the `Impersonate-*` headers.

Source: the Kubernetes documentation, "User impersonation".
"""

from __future__ import annotations

from collections.abc import Iterator

from aiohttp import web

from devcluster.access.rbac import Attributes, Authorizer
from devcluster.access.users import AUTHENTICATED, User, service_account
from devcluster.errors import bad_request

_USER = "Impersonate-User"
_GROUP = "Impersonate-Group"
_KNOWN = frozenset({_USER.lower(), _GROUP.lower()})
_PREFIX = "impersonate-"
_ACCOUNT = "system:serviceaccount:"


def impersonated(request: web.Request, user: User, authorizer: Authorizer) -> User:
    """Return who the request is made as: `user`, unless the headers say otherwise.

    Raises ApiError: 400 for headers that are not understood, 403 for who may not.
    """
    headers = request.headers
    asked = {name.lower() for name in headers if name.lower().startswith(_PREFIX)}
    if not asked:
        return user
    if not asked <= _KNOWN:
        raise bad_request(f"not supported here: {', '.join(sorted(asked - _KNOWN))}")
    name = headers.get(_USER)
    if not name:
        raise bad_request("requested groups without impersonating a user")
    groups = headers.getall(_GROUP, [])
    for attributes in _needed(name, groups):
        authorizer.require(user, attributes)
    return _identity(name, groups)


def _needed(name: str, groups: list[str]) -> Iterator[Attributes]:
    if name.startswith(_ACCOUNT):
        namespace, _, account = name.removeprefix(_ACCOUNT).partition(":")
        yield Attributes(
            verb="impersonate",
            resource="serviceaccounts",
            namespace=namespace,
            name=account,
        )
    else:
        yield Attributes(verb="impersonate", resource="users", name=name)
    for group in groups:
        yield Attributes(verb="impersonate", resource="groups", name=group)


def _identity(name: str, groups: list[str]) -> User:
    if name.startswith(_ACCOUNT) and not groups:
        namespace, _, account = name.removeprefix(_ACCOUNT).partition(":")
        return service_account(namespace, account)
    return User(name, groups=(*groups, AUTHENTICATED))
