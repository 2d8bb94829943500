"""What we declare beyond the published schema: one row a field, as in `schema_tables`.

None of it may be needed, and what is left out must mean what it means upstream.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tests.unit.api.schema_tables import (
    CONDITIONS,
    DURATION,
    FLAG,
    METHOD_DEFAULTS,
    OBJECT,
    REQUIRED_TEXT,
    TEXT,
    TEXTS,
    Row,
    Table,
    below,
)

METHOD = Row("string", enum=("kubernetes", "jwt", "appRole", "aws", "gcp", "token"))
TIME = Row("string", format="date-time")

TOKEN: Table = {
    "token": OBJECT,
    "token.secretRef": TEXT,
    "token.tokenPath": TEXT,
}

TEMPLATE: Table = {
    "engine": Row("string", enum=("go", "jinja2")),
    "leftDelimiter": TEXT,
    "rightDelimiter": TEXT,
}

TRANSFORMATION: Table = {
    **below("templates.*", TEMPLATE),
    "rename": Row("[]object"),
    "rename[].from": REQUIRED_TEXT,
    "rename[].to": REQUIRED_TEXT,
    "flatten": OBJECT,
    "flatten.separator": Row("string", default="_"),
}

SYNCABLE_SPEC: Table = {
    "suspend": FLAG,
    "rolloutRestart": OBJECT,
    "rolloutRestart.settle": Row("string", pattern=DURATION),
    "rolloutRestart.minInterval": Row("string", pattern=DURATION),
    "destination.mode": Row("string", enum=("Replace", "Merge")),
    "destination.retain": FLAG,
    **below("destination.transformation", TRANSFORMATION),
}

SYNCABLE_STATUS: Table = {
    "lastSyncTime": TIME,
    "lastForceSync": TEXT,
    "sourceVersion": Row("integer", format="int64"),
    "destinationKeys": TEXTS,
    "restarts": Row("[]object"),
    "restarts[].kind": Row(
        "string",
        required=True,
        enum=("Deployment", "DaemonSet", "StatefulSet", "argo.Rollout"),
    ),
    "restarts[].name": REQUIRED_TEXT,
    "restarts[].digest": TEXT,
    "restarts[].time": TIME,
    "restarts[].error": TEXT,
}

OURS: Mapping[tuple[str, str], Table] = {
    ("VaultAuth", "spec"): {"method": METHOD, **TOKEN},
    ("VaultAuthGlobal", "spec"): {
        "defaultAuthMethod": METHOD,
        **TOKEN,
        **{f"token.{path}": row for path, row in METHOD_DEFAULTS.items()},
    },
    ("VaultAuthGlobal", "status"): CONDITIONS,
    ("VaultStaticSecret", "spec"): {
        **SYNCABLE_SPEC,
        "onSourceDeleted": Row("string", enum=("Keep", "Clear")),
    },
    ("VaultStaticSecret", "status"): {
        **SYNCABLE_STATUS,
        "transformationMAC": TEXT,
        "inputMAC": TEXT,
    },
    ("VaultDynamicSecret", "spec"): SYNCABLE_SPEC,
    ("VaultDynamicSecret", "status"): {
        **SYNCABLE_STATUS,
        "requestMAC": TEXT,
        "transformationMAC": TEXT,
        "leaseExpiry": TIME,
        "sessionExpiry": TIME,
        "pendingRevocations": Row("[]object"),
        "pendingRevocations[].leaseID": REQUIRED_TEXT,
        "pendingRevocations[].dueTime": replace(TIME, required=True),
        "pendingRevocations[].expiryTime": replace(TIME, required=True),
        "pendingRevocations[].namespace": TEXT,
        "pendingRevocations[].attempts": Row("integer"),
        "pendingRevocations[].error": TEXT,
    },
    ("VaultPKISecret", "spec"): SYNCABLE_SPEC,
    ("VaultPKISecret", "status"): SYNCABLE_STATUS,
    ("SecretTransformation", "spec"): {
        **below("templates.*", TEMPLATE),
        **below("sourceTemplates[]", TEMPLATE),
    },
}
"""By kind and part. A row here that upstream has too is in the place of upstream's."""
