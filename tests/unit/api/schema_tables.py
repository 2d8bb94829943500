"""The published schema of v1beta1 as tables: one row a field.

Written down by hand from the description of the upstream operator's API, so that a
change of a model that would refuse objects already stored fails a test. A row says
the JSON path below `spec` or `status`, the type, and what validation there is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

DURATION = r"^([0-9]+(\.[0-9]+)?(s|m|h))$"
DURATION_WITH_DAYS = r"^([0-9]+(\.[0-9]+)?(s|m|h|d))$"


@dataclass(frozen=True, slots=True)
class Row:
    type: str  # "[]x" is a list of x, "map of x" an object with any keys
    required: bool = False
    default: object = None
    enum: tuple[str, ...] = ()
    pattern: str = ""
    minimum: int | None = None
    maximum: int | None = None
    format: str = ""
    min_length: int | None = None
    max_length: int | None = None


Table = Mapping[str, Row]

TEXT = Row("string")
REQUIRED_TEXT = Row("string", required=True)
FLAG = Row("boolean")
OBJECT = Row("object")
TEXTS = Row("[]string")
TEXT_MAP = Row("map of string")


def below(prefix: str, rows: Table) -> dict[str, Row]:
    return {f"{prefix}.{path}": row for path, row in rows.items()}


TEMPLATES: Table = {
    "templates": Row("map of object"),
    "templates.*.name": TEXT,
    "templates.*.text": REQUIRED_TEXT,
}

TRANSFORMATION: Table = {
    **TEMPLATES,
    "transformationRefs": Row("[]object"),
    "transformationRefs[].name": REQUIRED_TEXT,
    "transformationRefs[].namespace": TEXT,
    "transformationRefs[].templateRefs": Row("[]object"),
    "transformationRefs[].templateRefs[].name": REQUIRED_TEXT,
    "transformationRefs[].templateRefs[].keyOverride": TEXT,
    "transformationRefs[].ignoreIncludes": FLAG,
    "transformationRefs[].ignoreExcludes": FLAG,
    "includes": TEXTS,
    "excludes": TEXTS,
    "excludeRaw": FLAG,
}

DESTINATION: Table = {
    "name": REQUIRED_TEXT,
    "create": Row("boolean", default=False),
    "overwrite": Row("boolean", default=False),
    "labels": TEXT_MAP,
    "annotations": TEXT_MAP,
    "type": TEXT,
    "transformation": OBJECT,
    **below("transformation", TRANSFORMATION),
}

CONDITIONS: Table = {
    "conditions": Row("[]object"),
    "conditions[].type": Row(
        "string",
        required=True,
        max_length=316,
        pattern=(
            r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?"
            r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$"
        ),
    ),
    "conditions[].status": Row(
        "string", required=True, enum=("True", "False", "Unknown")
    ),
    "conditions[].observedGeneration": Row("integer", format="int64", minimum=0),
    "conditions[].lastTransitionTime": Row("string", required=True, format="date-time"),
    "conditions[].reason": Row(
        "string",
        required=True,
        min_length=1,
        max_length=1024,
        pattern="^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
    ),
    "conditions[].message": Row("string", required=True, max_length=32768),
}

TOKEN_EXPIRATION = Row("integer", format="int64", default=600, minimum=600)
MERGE_STRATEGY = Row("string", enum=("union", "replace", "none"))

METHOD = Row("string", enum=("kubernetes", "jwt", "appRole", "aws", "gcp"))
METHODS: Table = {
    "kubernetes": OBJECT,
    "kubernetes.role": TEXT,
    "kubernetes.serviceAccount": TEXT,
    "kubernetes.audiences": TEXTS,
    "kubernetes.tokenExpirationSeconds": TOKEN_EXPIRATION,
    "jwt": OBJECT,
    "jwt.role": TEXT,
    "jwt.secretRef": TEXT,
    "jwt.serviceAccount": TEXT,
    "jwt.audiences": TEXTS,
    "jwt.tokenExpirationSeconds": TOKEN_EXPIRATION,
    "appRole": OBJECT,
    "appRole.roleId": TEXT,
    "appRole.secretIDPath": TEXT,
    "appRole.secretRef": TEXT,
    "aws": OBJECT,
    "aws.role": TEXT,
    "aws.region": TEXT,
    "aws.headerValue": TEXT,
    "aws.sessionName": TEXT,
    "aws.stsEndpoint": TEXT,
    "aws.iamEndpoint": TEXT,
    "aws.secretRef": TEXT,
    "aws.irsaServiceAccount": TEXT,
    "gcp": OBJECT,
    "gcp.role": TEXT,
    "gcp.workloadIdentityServiceAccount": TEXT,
    "gcp.region": TEXT,
    "gcp.clusterName": TEXT,
    "gcp.projectID": TEXT,
}

VAULT_CONNECTION_SPEC: Table = {
    "address": REQUIRED_TEXT,
    "headers": TEXT_MAP,
    "tlsServerName": TEXT,
    "caCertSecretRef": TEXT,
    "caCertPath": TEXT,
    "skipTLSVerify": Row("boolean", required=True, default=False),
    "timeout": Row("string", pattern=DURATION),
}

VAULT_CONNECTION_STATUS: Table = {
    "valid": Row("boolean", required=True),
    **CONDITIONS,
}

VAULT_AUTH_SPEC: Table = {
    "vaultConnectionRef": TEXT,
    "vaultAuthGlobalRef": OBJECT,
    "vaultAuthGlobalRef.name": Row("string", pattern="^([a-z0-9.-]{1,253})$"),
    "vaultAuthGlobalRef.namespace": Row("string", pattern="^([a-z0-9-]{1,63})$"),
    "vaultAuthGlobalRef.allowDefault": FLAG,
    "vaultAuthGlobalRef.mergeStrategy": OBJECT,
    "vaultAuthGlobalRef.mergeStrategy.headers": MERGE_STRATEGY,
    "vaultAuthGlobalRef.mergeStrategy.params": MERGE_STRATEGY,
    "namespace": TEXT,
    "allowedNamespaces": TEXTS,
    "method": METHOD,
    "mount": TEXT,
    "params": TEXT_MAP,
    "headers": TEXT_MAP,
    **METHODS,
    "storageEncryption": OBJECT,
    "storageEncryption.mount": REQUIRED_TEXT,
    "storageEncryption.keyName": REQUIRED_TEXT,
}

VAULT_AUTH_STATUS: Table = {
    "valid": FLAG,
    "error": TEXT,
    "specHash": TEXT,
    **CONDITIONS,
}

METHOD_DEFAULTS: Table = {
    "namespace": TEXT,
    "mount": TEXT,
    "params": TEXT_MAP,
    "headers": TEXT_MAP,
}

VAULT_AUTH_GLOBAL_SPEC: Table = {
    "allowedNamespaces": TEXTS,
    "vaultConnectionRef": TEXT,
    "defaultVaultNamespace": TEXT,
    "defaultAuthMethod": METHOD,
    "defaultMount": TEXT,
    "params": TEXT_MAP,
    "headers": TEXT_MAP,
    **METHODS,
    **below("kubernetes", METHOD_DEFAULTS),
    **below("jwt", METHOD_DEFAULTS),
    **below("appRole", METHOD_DEFAULTS),
    **below("aws", METHOD_DEFAULTS),
    **below("gcp", METHOD_DEFAULTS),
}

VAULT_AUTH_GLOBAL_STATUS: Table = {
    "valid": Row("boolean", required=True),
    "error": REQUIRED_TEXT,
}

ROLLOUT_RESTART_TARGETS: Table = {
    "rolloutRestartTargets": Row("[]object"),
    "rolloutRestartTargets[].kind": Row(
        "string",
        required=True,
        enum=("Deployment", "DaemonSet", "StatefulSet", "argo.Rollout"),
    ),
    "rolloutRestartTargets[].name": REQUIRED_TEXT,
}
CLIENT_META: Table = {
    "vaultClientMeta": OBJECT,
    "vaultClientMeta.cacheKey": TEXT,
    "vaultClientMeta.id": TEXT,
}

VAULT_STATIC_SECRET_SPEC: Table = {
    "vaultAuthRef": TEXT,
    "namespace": TEXT,
    "mount": REQUIRED_TEXT,
    "path": REQUIRED_TEXT,
    "version": Row("integer", minimum=0),
    "type": Row("string", required=True, enum=("kv-v1", "kv-v2")),
    "refreshAfter": Row("string", pattern=DURATION),
    "hmacSecretData": Row("boolean", default=True),
    **ROLLOUT_RESTART_TARGETS,
    "destination": Row("object", required=True),
    **below("destination", DESTINATION),
    "syncConfig": OBJECT,
    "syncConfig.instantUpdates": FLAG,
}

VAULT_STATIC_SECRET_STATUS: Table = {
    "lastGeneration": Row("integer", required=True, format="int64"),
    "secretMAC": TEXT,
    **CLIENT_META,
    **CONDITIONS,
}

VAULT_DYNAMIC_SECRET_SPEC: Table = {
    "vaultAuthRef": TEXT,
    "namespace": TEXT,
    "mount": REQUIRED_TEXT,
    "path": REQUIRED_TEXT,
    "requestHTTPMethod": Row("string", enum=("GET", "POST", "PUT")),
    "params": TEXT_MAP,
    "renewalPercent": Row("integer", default=67, minimum=0, maximum=90),
    "revoke": FLAG,
    "allowStaticCreds": FLAG,
    "refreshAfter": Row("string", pattern=DURATION),
    **ROLLOUT_RESTART_TARGETS,
    "destination": Row("object", required=True),
    **below("destination", DESTINATION),
    # of upstream 1.6
    "syncConfig": OBJECT,
    "syncConfig.instantUpdates": FLAG,
}

REQUIRED_INT64 = Row("integer", required=True, format="int64")

VAULT_DYNAMIC_SECRET_STATUS: Table = {
    "lastRenewalTime": REQUIRED_INT64,
    "lastGeneration": REQUIRED_INT64,
    "secretLease": Row("object", required=True),
    "secretLease.id": REQUIRED_TEXT,
    "secretLease.duration": Row("integer", required=True),
    "secretLease.renewable": Row("boolean", required=True),
    "secretLease.requestID": REQUIRED_TEXT,
    "staticCredsMetaData": OBJECT,
    "staticCredsMetaData.lastVaultRotation": REQUIRED_INT64,
    "staticCredsMetaData.rotationPeriod": REQUIRED_INT64,
    "staticCredsMetaData.rotationSchedule": TEXT,
    "staticCredsMetaData.ttl": REQUIRED_INT64,
    "lastRuntimePodUID": TEXT,
    "secretMAC": TEXT,
    **CLIENT_META,
    **CONDITIONS,
}

VAULT_PKI_SECRET_SPEC: Table = {
    "vaultAuthRef": TEXT,
    "namespace": TEXT,
    "mount": REQUIRED_TEXT,
    "role": REQUIRED_TEXT,
    "issuerRef": TEXT,
    "commonName": TEXT,
    "altNames": TEXTS,
    "ipSans": TEXTS,
    "uriSans": TEXTS,
    "otherSans": TEXTS,
    "userIDs": TEXTS,
    "ttl": Row("string", pattern=DURATION_WITH_DAYS),
    "notAfter": TEXT,
    "excludeCNFromSans": FLAG,
    "format": TEXT,
    "privateKeyFormat": TEXT,
    "expiryOffset": Row("string", pattern=DURATION),
    "revoke": FLAG,
    "clear": FLAG,
    **ROLLOUT_RESTART_TARGETS,
    "destination": Row("object", required=True),
    **below("destination", DESTINATION),
}

VAULT_PKI_SECRET_STATUS: Table = {
    "serialNumber": TEXT,
    "expiration": Row("integer", format="int64"),
    "lastGeneration": REQUIRED_INT64,
    "lastRotation": REQUIRED_INT64,
    "secretMAC": TEXT,
    "valid": Row("boolean", required=True),
    "error": REQUIRED_TEXT,
    **CONDITIONS,
}

SECRET_TRANSFORMATION_SPEC: Table = {
    **TEMPLATES,
    "sourceTemplates": Row("[]object"),
    "sourceTemplates[].name": TEXT,
    "sourceTemplates[].text": REQUIRED_TEXT,
    "includes": TEXTS,
    "excludes": TEXTS,
}

SECRET_TRANSFORMATION_STATUS: Table = {
    "valid": Row("boolean", required=True),
    "error": REQUIRED_TEXT,
    **CONDITIONS,
}

TABLES: Mapping[tuple[str, str], Table] = {
    ("VaultConnection", "spec"): VAULT_CONNECTION_SPEC,
    ("VaultConnection", "status"): VAULT_CONNECTION_STATUS,
    ("VaultAuth", "spec"): VAULT_AUTH_SPEC,
    ("VaultAuth", "status"): VAULT_AUTH_STATUS,
    ("VaultStaticSecret", "spec"): VAULT_STATIC_SECRET_SPEC,
    ("VaultStaticSecret", "status"): VAULT_STATIC_SECRET_STATUS,
    ("VaultAuthGlobal", "spec"): VAULT_AUTH_GLOBAL_SPEC,
    ("VaultAuthGlobal", "status"): VAULT_AUTH_GLOBAL_STATUS,
    ("VaultDynamicSecret", "spec"): VAULT_DYNAMIC_SECRET_SPEC,
    ("VaultDynamicSecret", "status"): VAULT_DYNAMIC_SECRET_STATUS,
    ("VaultPKISecret", "spec"): VAULT_PKI_SECRET_SPEC,
    ("VaultPKISecret", "status"): VAULT_PKI_SECRET_STATUS,
    ("SecretTransformation", "spec"): SECRET_TRANSFORMATION_SPEC,
    ("SecretTransformation", "status"): SECRET_TRANSFORMATION_STATUS,
}
