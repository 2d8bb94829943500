"""The front door: who asks, what for, may they, and who answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from devcluster.access.rbac import Attributes, Authorizer
from devcluster.access.tokens import TokenIssuer
from devcluster.access.users import Authenticator, User
from devcluster.errors import (
    ApiError,
    method_not_allowed,
    no_such_resource,
    unauthorized,
)
from devcluster.http.answers import answer_error, answer_json
from devcluster.http.bodies import BODY_LIMIT
from devcluster.http.discovery import VERSION, Discovery
from devcluster.http.impersonation import impersonated
from devcluster.http.negotiation import require_json
from devcluster.http.openapi import OpenApi
from devcluster.http.queries import Query
from devcluster.http.reading import Reader
from devcluster.http.reviews import TOKEN, ReviewKind, Reviews
from devcluster.http.targets import Target, attributes_of, parse_target, verb_of
from devcluster.http.watching import Watcher
from devcluster.http.writing import STATUS, Writer
from devcluster.kinds.builtins import SERVICE_ACCOUNTS
from devcluster.kinds.catalog import Catalog
from devcluster.kinds.resource import Resource
from devcluster.objects.json import Object, encode

_HEALTH = frozenset({"/healthz", "/readyz", "/livez"})
_SUBRESOURCE_VERBS = frozenset({"get", "update", "patch"})
_KEYS_PATH = "/openid/v1/jwks"

_Handler = Callable[[web.Request, Resource, Target], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Those who answer."""

    catalog: Catalog
    authenticator: Authenticator
    authorizer: Authorizer
    tokens: TokenIssuer
    reader: Reader
    writer: Writer
    watcher: Watcher
    reviews: Reviews


class ApiServer:
    """One handler for every path, as the paths come and go with the kinds."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._discovery = Discovery(
            catalog=services.catalog, reviews=services.reviews.kinds
        )
        self._openapi = OpenApi(services.catalog)
        self._handlers: Mapping[str, _Handler] = {
            "get": services.reader.get,
            "list": services.reader.list,
            "watch": services.watcher.watch,
            "create": services.writer.create,
            "update": services.writer.update,
            "patch": services.writer.patch,
            "delete": services.writer.delete,
            "deletecollection": services.writer.delete_collection,
        }

    def application(self) -> web.Application:
        """Return what aiohttp runs."""
        application = web.Application(client_max_size=BODY_LIMIT)
        application.router.add_route("*", "/{path:.*}", self._handle)
        return application

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        try:
            return await self._answer(request)
        except ApiError as error:
            return answer_error(error)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        public = self._public(request.path)
        if public is not None:
            return public
        user = self._authenticate(request)
        target = parse_target(request.rel_url.raw_path)
        if target is not None:
            return await self._answer_resource(request, user, target)
        asked = Attributes(verb=request.method.lower(), path=request.path)
        self._services.authorizer.require(user, asked)
        return self._answer_path(request)

    def _public(self, path: str) -> web.Response | None:
        """Answer what needs no token: health, version, and the keys of tokens."""
        tokens = self._services.tokens
        if path in _HEALTH:
            return web.Response(text="ok")
        if path == "/version":
            return answer_json(VERSION)
        if path == _KEYS_PATH:
            return web.Response(
                body=encode(tokens.jwks()), content_type="application/jwk-set+json"
            )
        if path == "/.well-known/openid-configuration":
            return answer_json(_openid_configuration(tokens.issuer))
        return None

    def _authenticate(self, request: web.Request) -> User:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise unauthorized()
        user = self._services.authenticator.authenticate(token.strip())
        if user is None:
            raise unauthorized()
        return impersonated(request, user, self._services.authorizer)

    def _answer_path(self, request: web.Request) -> web.Response:
        if request.method != "GET":
            raise method_not_allowed()
        document = self._document(request.path.strip("/"))
        if document is None:
            raise no_such_resource()
        require_json(request.headers.get("Accept", ""))
        Query(request.query).require_known("document")
        return answer_json(document)

    def _document(self, path: str) -> Object | None:
        """Return what describes the server at this path, None where nothing does."""
        match path.split("/"):
            case ["api"]:
                return self._discovery.core_versions()
            case ["api", version]:
                return self._discovery.resources("", version)
            case ["apis", *rest]:
                return self._discovery.of_groups(rest)
            case ["openapi", "v3", *rest]:
                return self._openapi.document("/".join(rest))
        return None

    async def _answer_resource(
        self, request: web.Request, user: User, target: Target
    ) -> web.StreamResponse:
        verb = verb_of(request.method, target, request.query)
        asked = attributes_of(verb, target, request.query)
        self._services.authorizer.require(user, asked)
        Query(request.query).require_known(verb)
        review = self._review(target)
        if review is not None:
            if verb != "create":
                raise method_not_allowed()
            return await review.answer(request, user)
        resource = self._find(target)
        if target.subresource == TOKEN and resource is SERVICE_ACCOUNTS:
            if verb != "create":
                raise method_not_allowed()
            return await self._services.reviews.issue_token(request, target)
        _require_subresource(resource, target, verb)
        return await self._handlers[verb](request, resource, target)

    def _review(self, target: Target) -> ReviewKind | None:
        asked = (target.group, target.version, target.plural, target.name)
        for review in self._services.reviews.kinds:
            if asked == (review.group, "v1", review.plural, ""):
                return review
        return None

    def _find(self, target: Target) -> Resource:
        resource = self._services.catalog.find(
            target.group, target.version, target.plural
        )
        if resource is None:
            raise no_such_resource()
        if target.namespace and not resource.namespaced:
            raise no_such_resource()
        if target.name and resource.namespaced and not target.namespace:
            raise no_such_resource()
        return resource


def _require_subresource(resource: Resource, target: Target, verb: str) -> None:
    if not target.subresource:
        return
    if target.subresource != STATUS or not resource.has_status:
        raise no_such_resource()
    if verb not in _SUBRESOURCE_VERBS:
        raise method_not_allowed()


def _openid_configuration(issuer: str) -> Object:
    return {
        "issuer": issuer,
        "jwks_uri": issuer + _KEYS_PATH,
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
    }
