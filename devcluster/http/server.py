"""The front door: who asks, what for, may they, and who answers."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from devcluster import errors
from devcluster.access.identity import User, user_named
from devcluster.access.rbac import Attributes
from devcluster.errors import ApiError
from devcluster.http.bodies import BODY_LIMIT, answer_json
from devcluster.http.calls import TOKEN, Backend, Call, Target
from devcluster.http.discovery import VERSION, describe
from devcluster.http.objects import HANDLERS
from devcluster.http.reviews import REVIEWS, request_token
from devcluster.kinds.resource import Resource
from devcluster.objects.json import Object
from devcluster.registry.options import read_options

_HEALTH = frozenset({"/healthz", "/readyz", "/livez"})
_ACT_AS = "Impersonate-User"
_KEYS_PATH = "/openid/v1/jwks"


class ApiServer:
    """One handler for every path, as the paths come and go with the kinds."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        issuer = backend.identities.issuer
        keys = {"issuer": issuer, "jwks_uri": issuer + _KEYS_PATH}
        # What needs no token: the version, and the keys of tokens.
        self._public: Mapping[str, Object] = {
            "/version": VERSION,
            "/.well-known/openid-configuration": keys,
            _KEYS_PATH: backend.identities.jwks(),
        }

    def application(self) -> web.Application:
        """Return what aiohttp runs."""
        application = web.Application(client_max_size=BODY_LIMIT)
        application.router.add_route("*", "/{path:.*}", self._handle)
        return application

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if request.path in _HEALTH:
            return web.Response(text="ok")
        if request.path in self._public:
            return answer_json(self._public[request.path])
        try:
            return await self._answer(request)
        except ApiError as error:
            return answer_json(error.as_json(), status=error.code)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        user = self._user(request)
        target = Target.parse(request.rel_url.raw_path)
        if target is not None:
            return await self._answer_resource(request, user, target)
        asked = Attributes(verb=request.method.lower(), path=request.path)
        self._backend.authorizer.require(user, asked)
        document = describe(request.path.strip("/"), self._backend.registry.catalog)
        if document is None:
            raise errors.no_such_resource()
        return answer_json(document)

    def _user(self, request: web.Request) -> User:
        """Return who asks, or whom they act as. Raises ApiError (401, 403)."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        user = self._backend.identities.authenticate(token)
        if user is None or scheme != "Bearer":
            raise ApiError("Unauthorized", "Unauthorized")
        names = {name.title() for name in request.headers}
        acting = {name for name in names if name.startswith("Impersonate-")}
        if not acting:
            return user
        if acting != {_ACT_AS}:
            raise errors.bad_request("groups and more cannot be impersonated here")
        other = request.headers[_ACT_AS]
        asked = Attributes(verb="impersonate", resource="users", name=other)
        self._backend.authorizer.require(user, asked)
        return user_named(other)

    async def _answer_resource(
        self, request: web.Request, user: User, target: Target
    ) -> web.StreamResponse:
        options = read_options(request.query)
        verb = target.verb(request.method, options)
        self._backend.authorizer.require(user, target.attributes(verb, options))
        resource = self._find(target)
        if verb not in resource.served[target.subresource]:
            raise errors.method_not_allowed()
        call = Call(self._backend, request, user, target, resource, options)
        if target.subresource == TOKEN:
            return await request_token(call)
        return await REVIEWS.get(resource.names.kind, HANDLERS[verb])(call)

    def _find(self, target: Target) -> Resource:
        catalog, namespace = self._backend.registry.catalog, target.namespace
        resource = catalog.find(target.group, target.version, target.plural)
        if resource is None or target.subresource not in resource.served:
            raise errors.no_such_resource()
        is_homeless = target.name and resource.namespaced and not namespace
        if is_homeless or (namespace and not resource.namespaced):
            raise errors.no_such_resource()
        return resource
