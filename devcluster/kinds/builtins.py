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
BY_KIND = {resource.names.kind: resource for resource in BUILTINS}

NAMESPACES = BY_KIND["Namespace"]
SERVICE_ACCOUNTS = BY_KIND["ServiceAccount"]
DEFINITIONS = BY_KIND["CustomResourceDefinition"]
