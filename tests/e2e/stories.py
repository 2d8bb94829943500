"""What stories of faults have in common: how they begin, what they end with."""

from __future__ import annotations

import os

from tests.e2e.admin import Manifest, decoded
from tests.e2e.team import Team
from tests.e2e.world import Controller
from tests.support.faults import Rule
from tests.support.faults_matching import WRITES, Requests
from tests.support.requestlog import Exchange, RequestHead

LONG = bool(os.environ.get("LONG"))
"""Whether faults last as long as the fault matrix has them, and not some seconds."""
CUSTOM = "/apis/secrets.hashicorp.com/"
STATIC_SECRETS = f"{CUSTOM}v1beta1/vaultstaticsecrets$"
"""The path of the collection, of all namespaces."""
STATIC_WATCHES = Requests(path=STATIC_SECRETS, watch=True)
STATIC_LISTS = Requests(path=STATIC_SECRETS, watch=False)


async def synced(team: Team) -> Manifest:
    """Return the Secret of a resource that is in order."""
    await team.put(password="0ld")
    await team.sync()
    await team.wait_ready()
    return await team.wait_value("password", b"0ld")


async def in_order(team: Team, secret: Manifest) -> None:
    """Check that a resource is ready and its Secret is still the one it was."""
    await team.wait_ready()
    now = await team.secret()
    assert now is not None
    assert now["metadata"]["uid"] == secret["metadata"]["uid"]
    assert decoded(now).keys() == {"password", "_raw"}


async def has_fired(rule: Rule, times: int = 1) -> None:
    """Fail until a rule has acted so many times."""
    assert rule.fired >= times


def at(path: str, team: Team) -> Requests:
    """Choose the writes below a path of the team's namespace."""
    return Requests(WRITES.methods, path=f"/namespaces/{team.namespace}/.*{path}")


def reads_all(exchange: Exchange) -> bool:
    """Choose what asks for the whole state of a collection that is always watched."""
    head = exchange.head
    collection = head.path.startswith(CUSTOM) or head.path == "/api/v1/secrets"
    return (
        head.method == "GET"
        and collection
        and "/namespaces/" not in head.path
        and (not head.is_watch or begins_with_all(head))
    )


def begins_with_all(head: RequestHead) -> bool:
    """Choose watches that begin with the whole state."""
    return "sendInitialEvents=true" in head.query


async def knows(replica: Controller, team: Team, name: str) -> bool:
    """Return whether a replica tells of a VaultStaticSecret."""
    labels = (f'name="{name}"', f'namespace="{team.namespace}"', "vaultstaticsecret")
    return any(
        line.startswith("controller_resource_status{")
        and all(label in line for label in labels)
        for line in (await replica.metrics_text()).splitlines()
    )
