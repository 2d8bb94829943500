"""What a write to the API server says, read from its content."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import replace

from tests.support.oracle.acts import KubeAct, LeaseClaim
from tests.support.oracle.fingerprints import Fingerprints, Items
from tests.support.oracle.heard import Document, Heard
from tests.support.oracle.kubepaths import ObjectPath, parse_path
from tests.support.requestlog import RequestHead
from tests.support.resourceversions import version_in_body

_RESTART_MARKS = (
    "vso.secrets.hashicorp.com/restartedAt",
    "kubectl.kubernetes.io/restartedAt",
    "restartAt",  # a field of Argo's Rollout
)


class KubeFacts:
    """Reads acts out of exchanges with an API server."""

    def __init__(self, fingerprints: Fingerprints) -> None:
        self._fingerprints = fingerprints

    def listens_to(self, head: RequestHead) -> bool:
        """Whether the content of such a request is wanted: that of writes alone."""
        return head.is_write

    def read(self, heard: Heard) -> KubeAct:
        """Return what the exchange was about."""
        target = _named(parse_path(heard.head.path), heard.told)
        plural = "" if target is None else target.plural
        return KubeAct(
            head=heard.head,
            who=heard.who,
            at=heard.at,
            status=heard.status,
            answered=heard.answered,
            target=target,
            base_version=version_in_body(heard.request),
            version=_version(heard.told) if heard.succeeded else None,
            items=self._items(heard.asked) if plural == "secrets" else {},
            claim=_claim(heard.asked) if plural == "leases" else None,
            restarts=_restarts(heard.asked, plural),
        )

    def tokens(self, heard: Heard) -> list[str]:
        """Return the tokens that the answer gives away."""
        match heard.told:
            case {"kind": "TokenRequest", "status": {"token": str(token)}}:
                return [token]
            case _:
                return []

    def _items(self, asked: Document) -> Items:
        data: dict[str, str | None] = asked.get("data") or {}
        set_to = {key: value for key, value in data.items() if value is not None}
        try:
            return self._fingerprints.of_secret(
                {key: base64.b64decode(value) for key, value in set_to.items()}
            )
        except binascii.Error:
            return {}


def _named(target: ObjectPath | None, answer: Document) -> ObjectPath | None:
    """Add the name that a created object has, which its request's path lacks."""
    if target is None or target.name:
        return target
    return replace(target, name=answer.get("metadata", {}).get("name", ""))


def _version(answer: Document) -> int | None:
    version = answer.get("metadata", {}).get("resourceVersion", "")
    return int(version) if version.isdigit() else None


def _claim(asked: Document) -> LeaseClaim | None:
    spec = asked.get("spec") or {}
    if "leaseDurationSeconds" not in spec:
        return None
    return LeaseClaim(
        holder=spec.get("holderIdentity") or "", seconds=spec["leaseDurationSeconds"]
    )


def _restarts(asked: Document, plural: str) -> bool:
    if plural not in WORKLOADS:
        return False
    text = json.dumps(asked)
    return any(f'"{mark}"' in text for mark in _RESTART_MARKS)


WORKLOADS = {
    "deployments": "Deployment",
    "daemonsets": "DaemonSet",
    "statefulsets": "StatefulSet",
    "rollouts": "argo.Rollout",
}
"""What may be restarted: the kind by which a target names it, by its plural."""
