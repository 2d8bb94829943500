"""Which node of a cluster the scripted Vault is, and how it says so.

Sources: `/sys/health` and `/sys/seal-status` of Vault's API documentation (status
codes, query parameters and fields); "High availability mode", client redirection, of
its concepts.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from tests.support.scriptedvault.messages import Asked, Said, refusal

VERSION = "1.20.4+ent"
_CLUSTER = {
    "cluster_name": "scripted",
    "cluster_id": "5b7c6b0e-0000-4000-8000-000000000000",
}


@dataclass(frozen=True, slots=True)
class _Health:
    status: int
    parameter: str  # of the query, which asks for another status


class NodeState(Enum):
    """What a node may be, with the status of its `/sys/health`."""

    ACTIVE = _Health(200, "activecode")
    STANDBY = _Health(429, "standbycode")
    DR_SECONDARY = _Health(472, "drsecondarycode")
    PERFORMANCE_STANDBY = _Health(473, "performancestandbycode")
    CUT_OFF = _Health(474, "haunhealthycode")  # a standby that lost the active node
    UNINITIALIZED = _Health(501, "uninitcode")
    SEALED = _Health(503, "sealedcode")
    REMOVED = _Health(530, "removedcode")  # from the cluster

    @property
    def status(self) -> int:
        """The status code that tells of it."""
        return self.value.status


_STANDBYS = {NodeState.STANDBY, NodeState.PERFORMANCE_STANDBY, NodeState.CUT_OFF}
_UNABLE = {
    NodeState.UNINITIALIZED: "Vault is not initialized",
    NodeState.SEALED: "Vault is sealed",
    NodeState.REMOVED: "node was removed from the HA cluster",
}
_PARDONS = {
    NodeState.STANDBY: "standbyok",
    NodeState.CUT_OFF: "standbyok",
    NodeState.PERFORMANCE_STANDBY: "perfstandbyok",
}


class Node:
    """The node that clients reach; at first the active one."""

    def __init__(self, *, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self.become(NodeState.ACTIVE)

    def become(
        self, state: NodeState, *, serves: bool = True, redirects_to: str = ""
    ) -> None:
        """Be another node from now on.

        Not `serves`: every request is answered with the status of the node's health,
        which is what gets to a client through a proxy that asks it first.
        `redirects_to`: the address of the active node, where clients are sent (307).
        """
        self.state = state
        self._serves = serves and state not in _UNABLE
        self._redirects_to = redirects_to

    def __call__(self, asked: Asked) -> Said | None:
        """Answer for the node; None when it serves the request."""
        if asked.path == "sys/health":
            return self._health(asked)
        if asked.path == "sys/seal-status":
            return self._seal_status()
        if self._redirects_to and not asked.prefix:
            location = f"{self._redirects_to}{asked.target}"
            return Said(307, headers={"Location": location})
        if not self._serves:
            why = _UNABLE.get(self.state, f"this node is {self.state.name.lower()}")
            return refusal(self.state.status, why)
        return None

    def _health(self, asked: Asked) -> Said:
        state = self.state
        pardon = _PARDONS.get(state, "")
        if pardon and asked.query.get(pardon, "false") != "false":
            state = NodeState.ACTIVE
        status = int(asked.query.get(state.value.parameter, state.status))
        document = {
            "initialized": self.state is not NodeState.UNINITIALIZED,
            "sealed": self._is_sealed,
            "standby": self.state in _STANDBYS,
            "performance_standby": self.state is NodeState.PERFORMANCE_STANDBY,
            "replication_performance_mode": "disabled",
            "replication_dr_mode": (
                "secondary" if self.state is NodeState.DR_SECONDARY else "disabled"
            ),
            "server_time_utc": int(self._now()),
            "version": VERSION,
            "enterprise": True,
            "ha_connection_healthy": self.state is not NodeState.CUT_OFF,
            "removed_from_cluster": self.state is NodeState.REMOVED,
            **({} if self._is_sealed else _CLUSTER),
        }
        return Said(status, None if asked.method == "HEAD" else document)

    def _seal_status(self) -> Said:
        document = {
            "type": "shamir",
            "initialized": self.state is not NodeState.UNINITIALIZED,
            "sealed": self._is_sealed,
            "t": 1,
            "n": 1,
            "progress": 0,
            "nonce": "",
            "version": VERSION,
            "migration": False,
            "recovery_seal": False,
            "storage_type": "raft",
            "removed_from_cluster": self.state is NodeState.REMOVED,
            **({} if self._is_sealed else _CLUSTER),
        }
        return Said(200, document)

    @property
    def _is_sealed(self) -> bool:
        return self.state in _UNABLE
