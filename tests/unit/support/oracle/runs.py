"""Records of runs, made by hand: two in which all is well, and how to change them.

`STATIC` is a VaultStaticSecret through two versions of its entry, `DYNAMIC` a
VaultDynamicSecret with one lease that is renewed. A test replaces what it is about.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from tests.support.oracle.acts import (
    Granted,
    Issued,
    KubeAct,
    LeaseClaim,
    VaultAct,
)
from tests.support.oracle.evidence import Bounds, Evidence
from tests.support.oracle.fingerprints import Items
from tests.support.oracle.journal import Due, Source, ValueWritten
from tests.support.oracle.kubepaths import parse_path
from tests.support.oracle.oracle import examine
from tests.support.oracle.records import (
    ReadinessSeen,
    Ref,
    ResourceSeen,
    SecretSeen,
)
from tests.support.oracle.report import Invariant
from tests.support.requestlog import BodySeen, Exchange, RequestHead

NAMESPACE = "team"
LEADER = "token-of-the-leader"
STANDBY = "token-of-the-standby"
SOURCE = Source("secret", "team/app")
APP = Ref("VaultStaticSecret", NAMESPACE, "app")
DB = Ref("VaultDynamicSecret", NAMESPACE, "db")
DESTINATION = Ref("Secret", NAMESPACE, "app-secret")
OLD: Items = {"password": "hash-of-old", "_raw": "hash-of-raw-old"}
NEW: Items = {"password": "hash-of-new", "_raw": "hash-of-raw-new"}
SPEC: dict[str, Any] = {
    "mount": SOURCE.mount,
    "path": SOURCE.path,
    "refreshAfter": "1s",
    "destination": {"name": DESTINATION.name, "create": True},
}
SECRETS = f"/api/v1/namespaces/{NAMESPACE}/secrets"
STATUS = (
    "/apis/secrets.hashicorp.com/v1beta1"
    f"/namespaces/{NAMESPACE}/vaultstaticsecrets/app/status"
)
LEASE = "/apis/coordination.k8s.io/v1/namespaces/system/leases/b0d477c0.hashicorp.com"
BOUNDS = Bounds()


def found(invariant: Invariant, run: Evidence, bounds: Bounds = BOUNDS) -> list[str]:
    """Return what the oracle says of one invariant, each in a sentence."""
    return [each.what for each in examine(run, bounds).of(invariant)]


def head(
    method: str, path: str, *, query: str = "", agent: str = "vso-controller/1"
) -> RequestHead:
    return RequestHead(
        method=method, path=path, query=query, user_agent=agent, is_authorized=True
    )


def exchange(
    request: RequestHead,
    at: float,
    *,
    status: int | None = 200,
    failure: str = "",
    runs: bool = False,
    body: str = "",
) -> Exchange:
    nothing = BodySeen(size=0, sha256="")
    return Exchange(
        head=request,
        started=at,
        duration=None if runs else 0.01,
        status=status,
        failure=failure,
        request_body=BodySeen(size=len(body), sha256=body),
        answer_body=nothing,
        resource_version=None,
    )


def write(
    at: float,
    method: str,
    path: str,
    *,
    who: str = LEADER,
    base: int | None = None,
    version: int | None = None,
    status: int | None = 200,
    name: str = "",
    items: Items = MappingProxyType({}),
    claim: LeaseClaim | None = None,
    restarts: bool = False,
) -> KubeAct:
    """A write to the API server; `name` is the one that a creation answers with."""
    target = parse_path(path)
    assert target is not None
    return KubeAct(
        head=head(method, path),
        who=who,
        at=at,
        status=status,
        answered=at,
        target=replace(target, name=name) if name else target,
        base_version=None if base is None else str(base),
        version=version,
        items=items,
        claim=claim,
        restarts=restarts,
    )


def claim(
    at: float, *, who: str = LEADER, holder: str = "me", seconds: float = 60
) -> KubeAct:
    """A write to the lease of the election."""
    return write(
        at, "PUT", LEASE, who=who, base=1, version=2, claim=LeaseClaim(holder, seconds)
    )


def secret(
    at: float,
    version: int,
    items: Items,
    *,
    owners: frozenset[str] = frozenset({"uid-of-app"}),
    gone: bool = False,
) -> SecretSeen:
    return SecretSeen(
        at=at,
        ref=DESTINATION,
        uid="uid-of-secret",
        version=version,
        items=items,
        owners=owners,
        gone=gone,
    )


def resource(
    at: float,
    version: int,
    *,
    ref: Ref = APP,
    generation: int = 1,
    spec: Mapping[str, Any] = SPEC,
    status: Mapping[str, Any] = MappingProxyType({}),
    gone: bool = False,
) -> ResourceSeen:
    return ResourceSeen(
        at=at,
        ref=ref,
        uid=f"uid-of-{ref.name}",
        version=version,
        generation=generation,
        spec=spec,
        status=status,
        gone=gone,
    )


def ready(
    status: str = "True", *, reason: str = "Ready", generation: int = 1, **more: object
) -> dict[str, Any]:
    """A status with the condition Ready."""
    condition = {
        "type": "Ready",
        "status": status,
        "reason": reason,
        "observedGeneration": generation,
    }
    return {"conditions": [condition], **more}


def written(at: float, version: int, items: Items) -> ValueWritten:
    return ValueWritten(at=at, source=SOURCE, version=version, items=items)


def probes(until: float, *, ready: bool = True) -> tuple[ReadinessSeen, ...]:
    return tuple(
        ReadinessSeen(at=float(at), process="one", ready=ready)
        for at in range(int(until))
    )


STATIC = Evidence(
    ended=30.0,
    kube_acts=(
        claim(0.0),
        write(2.1, "POST", SECRETS, version=11, name="app-secret", items=OLD),
        write(2.2, "PATCH", STATUS, base=10, version=12),
        write(5.5, "PATCH", f"{SECRETS}/app-secret", base=11, version=13, items=NEW),
    ),
    secrets=(secret(2.1, 11, OLD), secret(5.5, 13, NEW)),
    resources=(resource(2.0, 10), resource(2.2, 12, status=ready())),
    readiness=probes(30),
    journal=(written(1.0, 1, OLD), written(5.0, 2, NEW), Due(8.0, NAMESPACE)),
)
"""Two versions of an entry become a Secret, one after the other."""


LEASE_ID = "database/creds/app/1"
CREDENTIAL: Items = {"username": "hash-of-user", "password": "hash-of-password"}
TOKEN = "hash-of-vault-token"
DB_SPEC: dict[str, Any] = {
    "mount": "database",
    "path": "creds/app",
    "revoke": True,
    "destination": {"name": DESTINATION.name, "create": True},
}


def vault(
    at: float,
    method: str,
    path: str,
    *,
    who: str = TOKEN,
    issued: Issued | None = None,
    granted: Granted | None = None,
    renewed: Mapping[str, float] = MappingProxyType({}),
    revoked: frozenset[str] = frozenset(),
    revoked_prefix: str | None = None,
    ends_token: bool = False,
) -> VaultAct:
    return VaultAct(
        head=head(method, f"/v1/{path}"),
        who=who,
        at=at,
        status=200,
        answered=at,
        path=path,
        issued=issued,
        granted=granted,
        renewed=renewed,
        revoked=revoked,
        revoked_prefix=revoked_prefix,
        ends_token=ends_token,
    )


def login(at: float, *, seconds: float = 3600) -> VaultAct:
    return vault(
        at,
        "POST",
        "auth/kubernetes/login",
        who="",
        granted=Granted(TOKEN, seconds),
    )


def issue(
    at: float,
    *,
    lease: str = LEASE_ID,
    seconds: float = 20.0,
    items: Items = CREDENTIAL,
) -> VaultAct:
    issued = Issued(lease, seconds, items)
    return vault(at, "GET", "database/creds/app", issued=issued)


def renewal(at: float, *, lease: str = LEASE_ID, seconds: float = 20.0) -> VaultAct:
    return vault(at, "PUT", "sys/leases/renew", renewed={lease: seconds})


def revocation(at: float, *, lease: str = LEASE_ID) -> VaultAct:
    return vault(at, "PUT", "sys/leases/revoke", revoked=frozenset({lease}))


def database(
    at: float,
    version: int,
    *,
    ref: Ref = DB,
    generation: int = 1,
    spec: Mapping[str, Any] = DB_SPEC,
    status: Mapping[str, Any] = MappingProxyType({}),
    gone: bool = False,
) -> ResourceSeen:
    return resource(
        at,
        version,
        ref=ref,
        generation=generation,
        spec=spec,
        status=status,
        gone=gone,
    )


def leased(lease: str, **more: object) -> dict[str, Any]:
    """A status that names a lease."""
    return ready() | {"secretLease": {"id": lease}} | more


DYNAMIC = Evidence(
    ended=30.0,
    kube_acts=(
        claim(0.0),
        write(2.2, "POST", SECRETS, version=12, name="app-secret", items=CREDENTIAL),
    ),
    vault_acts=(login(1.9), issue(2.0), renewal(15.0)),
    secrets=(secret(2.2, 12, CREDENTIAL, owners=frozenset({"uid-of-db"})),),
    resources=(database(1.0, 10), database(2.1, 11, status=leased(LEASE_ID))),
)
"""A lease of 20 s is issued, recorded, put into a Secret and renewed at 15 s."""


def with_acts(run: Evidence, *acts: KubeAct) -> Evidence:
    return replace(run, kube_acts=(*run.kube_acts, *acts))


def with_vault(run: Evidence, *acts: VaultAct) -> Evidence:
    return replace(run, vault_acts=in_order((*run.vault_acts, *acts)))


def with_secrets(run: Evidence, *seen: SecretSeen) -> Evidence:
    return replace(run, secrets=tuple(sorted((*run.secrets, *seen), key=_time)))


def with_resources(run: Evidence, *seen: ResourceSeen) -> Evidence:
    return replace(run, resources=tuple(sorted((*run.resources, *seen), key=_time)))


def in_order(acts: Iterable[VaultAct]) -> tuple[VaultAct, ...]:
    return tuple(sorted(acts, key=_time))


def _time(one: VaultAct | SecretSeen | ResourceSeen) -> float:
    return one.at
