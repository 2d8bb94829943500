"""From manifests, as the API server shows them, to what the oracle keeps."""

from __future__ import annotations

import base64
from typing import Any

from tests.support.oracle.fingerprints import Fingerprints
from tests.support.oracle.records import Ref, ResourceSeen, SecretSeen

Manifest = dict[str, Any]


def ref_of(kind: str, manifest: Manifest) -> Ref:
    """Return what the manifest of a `kind` is called."""
    metadata = manifest["metadata"]
    return Ref(kind, metadata.get("namespace", ""), metadata["name"])


def secret_seen(
    manifest: Manifest, *, at: float, gone: bool, fingerprints: Fingerprints
) -> SecretSeen:
    """Return a Secret as it was seen, without its values."""
    metadata = manifest["metadata"]
    data = {
        key: base64.b64decode(value)
        for key, value in (manifest.get("data") or {}).items()
    }
    owners = metadata.get("ownerReferences", ())
    return SecretSeen(
        at=at,
        ref=ref_of("Secret", manifest),
        uid=metadata["uid"],
        version=int(metadata["resourceVersion"]),
        items=fingerprints.of_secret(data),
        owners=frozenset(owner["uid"] for owner in owners),
        gone=gone,
    )


def resource_seen(
    kind: str, manifest: Manifest, *, at: float, gone: bool
) -> ResourceSeen:
    """Return a custom resource as it was seen."""
    metadata = manifest["metadata"]
    return ResourceSeen(
        at=at,
        ref=ref_of(kind, manifest),
        uid=metadata["uid"],
        version=int(metadata["resourceVersion"]),
        generation=metadata.get("generation", 0),
        spec=manifest.get("spec") or {},
        status=manifest.get("status") or {},
        gone=gone,
    )
