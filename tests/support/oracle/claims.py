"""What a resource of ours asks for, read from its spec alone.

This is the oracle's own reading of the API (`crds/`), on purpose not the program's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.support.oracle.journal import Source
from tests.support.oracle.records import SECRET, Ref, ResourceSeen

DEFAULT_PERIOD = 60.0  # seconds between two refreshes where the spec is silent
STATIC = "VaultStaticSecret"
DYNAMIC = "VaultDynamicSecret"
PKI = "VaultPKISecret"
AUTH = "VaultAuth"
AUTH_GLOBAL = "VaultAuthGlobal"
CONNECTION = "VaultConnection"

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION_PART = re.compile(r"([\d.]+)(ms|s|m|h)")


@dataclass(frozen=True, slots=True)
class Destination:
    """The Secret that a resource fills."""

    secret: Ref
    create: bool
    overwrite: bool


def destination_of(resource: ResourceSeen) -> Destination | None:
    """Return the Secret that a resource fills, None for kinds that fill none."""
    destination = resource.spec.get("destination")
    if not destination:
        return None
    return Destination(
        secret=Ref(SECRET, resource.ref.namespace, destination["name"]),
        create=destination.get("create", False),
        overwrite=destination.get("overwrite", False),
    )


def source_of(resource: ResourceSeen) -> Source | None:
    """Return the entry that a resource copies as it is; None if it does not.

    What goes through a transformation looks different, and is not modelled.
    """
    spec = resource.spec
    destination = spec.get("destination") or {}
    if resource.ref.kind != STATIC or destination.get("transformation"):
        return None
    return Source(spec.get("mount", ""), spec.get("path", ""))


def pinned_version(resource: ResourceSeen) -> int:
    """Return the version of the entry that the spec insists on; 0: the newest."""
    version: int = resource.spec.get("version") or 0
    return version


def issue_path(resource: ResourceSeen) -> str | None:
    """Return the path at which the resource's credentials are issued."""
    spec = resource.spec
    if resource.ref.kind == DYNAMIC:
        return f"{spec.get('mount')}/{spec.get('path')}"
    if resource.ref.kind == PKI:
        return f"{spec.get('mount')}/issue/{spec.get('role')}"
    return None


def period_of(resource: ResourceSeen) -> float:
    """Return the seconds between two refreshes."""
    asked = resource.spec.get("refreshAfter") or ""
    parts = _DURATION_PART.findall(asked)
    period = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    return period or DEFAULT_PERIOD


def restart_targets(resource: ResourceSeen) -> frozenset[Ref]:
    """Return the workloads that have to be restarted on each change."""
    return frozenset(
        Ref(target["kind"], resource.ref.namespace, target["name"])
        for target in resource.spec.get("rolloutRestartTargets") or ()
    )


def dependencies_of(resource: ResourceSeen) -> tuple[Ref, ...]:
    """Return the objects of ours that this one refers to by name."""
    own, spec = resource.ref.namespace, resource.spec
    if resource.ref.kind != AUTH:
        return _named(AUTH, own, spec.get("vaultAuthRef"))
    inherited = spec.get("vaultAuthGlobalRef") or {}
    home = inherited.get("namespace") or own
    return (
        *_named(CONNECTION, own, spec.get("vaultConnectionRef")),
        *_named(AUTH_GLOBAL, home, inherited.get("name")),
    )


def _named(kind: str, home: str, reference: str | None) -> tuple[Ref, ...]:
    if not reference:
        return ()
    namespace, _, name = reference.rpartition("/")
    return (Ref(kind, namespace or home, name),)
