"""The built-in kinds, as the table beside this file lists them."""

from __future__ import annotations

from pathlib import Path

import msgspec

from devcluster.kinds.definitions import DEFINITION
from devcluster.kinds.resource import Resource, Schema
from devcluster.kinds.shapes import SCHEMAS


def _schema(_: type, name: str) -> Schema:
    return DEFINITION if name == "Definition" else SCHEMAS[name]


_TABLE = Path(__file__).with_name("builtins.yaml").read_bytes()
BUILTINS = msgspec.yaml.decode(_TABLE, type=tuple[Resource, ...], dec_hook=_schema)
_BY_KIND = {resource.names.kind: resource for resource in BUILTINS}

NAMESPACES = _BY_KIND["Namespace"]
CONFIG_MAPS = _BY_KIND["ConfigMap"]
SERVICE_ACCOUNTS = _BY_KIND["ServiceAccount"]
ROLES = _BY_KIND["Role"]
CLUSTER_ROLES = _BY_KIND["ClusterRole"]
ROLE_BINDINGS = _BY_KIND["RoleBinding"]
CLUSTER_ROLE_BINDINGS = _BY_KIND["ClusterRoleBinding"]
DEFINITIONS = _BY_KIND["CustomResourceDefinition"]
