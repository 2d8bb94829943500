"""What a VaultAuth comes to when it inherits from a VaultAuthGlobal.

What the VaultAuth says wins over what the global says of its auth method, and that
over the global's defaults. Maps are merged as the VaultAuth's `mergeStrategy` says.
Source of the rules: the upstream operator's behaviour, with the deviations that
`docs/parity.md` lists.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from vso_controller.api.model import ApiModel
from vso_controller.api.v1beta1.vaultauth import (
    AppRoleAuth,
    AuthMethod,
    AWSAuth,
    GCPAuth,
    JWTAuth,
    KubernetesAuth,
    MergeStrategies,
    MergeStrategy,
    TokenAuth,
    VaultAuthSpec,
)
from vso_controller.api.v1beta1.vaultauthglobal import (
    MethodDefaults,
    VaultAuthGlobalSpec,
)

Maps = tuple[Mapping[str, str], Mapping[str, str], Mapping[str, str]]
"""Those of the VaultAuth, of the global's auth method, and of the global."""

_BLOCKS: Mapping[AuthMethod, tuple[str, type[ApiModel]]] = {
    AuthMethod.KUBERNETES: ("kubernetes", KubernetesAuth),
    AuthMethod.JWT: ("jwt", JWTAuth),
    AuthMethod.APP_ROLE: ("app_role", AppRoleAuth),
    AuthMethod.AWS: ("aws", AWSAuth),
    AuthMethod.GCP: ("gcp", GCPAuth),
    AuthMethod.TOKEN: ("token", TokenAuth),
}
"""Which part of a spec describes a method, and its form in a VaultAuth."""

_ALTERNATIVES: Mapping[AuthMethod, frozenset[str]] = {
    AuthMethod.JWT: frozenset({"service_account", "secret_ref"}),
    AuthMethod.APP_ROLE: frozenset({"secret_ref", "secret_id_path"}),
    AuthMethod.AWS: frozenset({"secret_ref", "irsa_service_account"}),
    AuthMethod.TOKEN: frozenset({"secret_ref", "token_path"}),
}
"""Fields of which one is meant to be set: who sets one inherits none of the others."""


def inherit(spec: VaultAuthSpec, parent: VaultAuthGlobalSpec) -> VaultAuthSpec:
    """Return what `spec` comes to: a spec that has all it inherits from `parent`.

    Whether it is complete is for `login_of` to say.
    """
    method = spec.method or parent.default_auth_method
    defaults = _defaults(method, parent)
    reference = spec.vault_auth_global_ref
    strategies = (reference and reference.merge_strategy) or MergeStrategies()
    return spec.model_copy(
        update={
            "method": method,
            "mount": spec.mount or defaults.mount or parent.default_mount,
            "namespace": (
                spec.namespace or defaults.namespace or parent.default_vault_namespace
            ),
            "params": merge_params(
                strategies.params, (spec.params, defaults.params, parent.params)
            ),
            "headers": merge_headers(
                strategies.headers, (spec.headers, defaults.headers, parent.headers)
            ),
            "vault_connection_ref": (
                spec.vault_connection_ref or parent.vault_connection_ref
            ),
            **_block(method, spec, parent),
        }
    )


def merge_params(strategy: MergeStrategy | None, maps: Maps) -> dict[str, str]:
    """Return the parameters that these maps, the strongest first, come to."""
    return _STRATEGIES[strategy](maps)


def merge_headers(strategy: MergeStrategy | None, maps: Maps) -> dict[str, str]:
    """Return the headers that these maps, the strongest first, come to.

    Their names are the same whatever their case: of two, the stronger one stays.
    """
    spelled: dict[str, str] = {}
    for name in (name for each in maps for name in each):
        spelled.setdefault(name.lower(), name)
    merged = _STRATEGIES[strategy](tuple(_lowered(each) for each in maps))
    return {spelled[name]: value for name, value in merged.items()}


def _own(maps: tuple[Mapping[str, str], ...]) -> dict[str, str]:
    return dict(maps[0])


def _union(maps: tuple[Mapping[str, str], ...]) -> dict[str, str]:
    return {name: value for each in reversed(maps) for name, value in each.items()}


def _first(maps: tuple[Mapping[str, str], ...]) -> dict[str, str]:
    return dict(next(filter(None, maps), {}))


_STRATEGIES: Mapping[
    MergeStrategy | None, Callable[[tuple[Mapping[str, str], ...]], dict[str, str]]
] = {
    None: _own,
    MergeStrategy.NONE: _own,
    MergeStrategy.UNION: _union,
    MergeStrategy.REPLACE: _first,
}


def _lowered(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _defaults(method: AuthMethod | None, parent: VaultAuthGlobalSpec) -> MethodDefaults:
    if method is None:
        return MethodDefaults()
    name, _ = _BLOCKS[method]
    found: MethodDefaults | None = getattr(parent, name)
    return found or MethodDefaults()


def _block(
    method: AuthMethod | None, spec: VaultAuthSpec, parent: VaultAuthGlobalSpec
) -> dict[str, ApiModel]:
    """Return the part of the spec that describes the method, by its name."""
    if method is None:
        return {}
    name, form = _BLOCKS[method]
    own: ApiModel | None = getattr(spec, name)
    inherited: ApiModel | None = getattr(parent, name)
    if inherited is None:
        return {}
    own = own or form()
    withheld = _withheld(own, _ALTERNATIVES.get(method, frozenset()))
    fields = {
        each: getattr(
            inherited if _is_unset(form, own, each) and each not in withheld else own,
            each,
        )
        for each in form.model_fields
    }
    return {name: form.model_validate(fields)}


def _withheld(own: ApiModel, alternatives: frozenset[str]) -> frozenset[str]:
    """Return the fields that are not inherited because one like them is set."""
    is_chosen = any(getattr(own, each) for each in alternatives)
    return alternatives if is_chosen else frozenset()


def _is_unset(form: type[ApiModel], own: ApiModel, field: str) -> bool:
    """Whether a field says nothing.

    A default says nothing either: the API server writes it where nobody wrote
    anything.
    """
    value = getattr(own, field)
    return not value or value == form.model_fields[field].default
