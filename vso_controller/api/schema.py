"""From a pydantic model to a structural OpenAPI schema as Kubernetes defines it.

Structural means: every node has a type, and there are no references, unions of
types or titles. Source of the rules: "Specifying a structural schema" in the
Kubernetes documentation on custom resource definitions. Validation rules in CEL
are never made: servers older than 1.25 refuse or drop them.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from vso_controller.api.model import ALWAYS_PRESENT, ApiModel

Schema = dict[str, Any]
"""A JSON schema, or a part of one."""

_NOT_COPIED = frozenset(
    # What a structural schema does not have, and what the walk itself carries over.
    {"$defs", "$ref", "anyOf", "title", ALWAYS_PRESENT}
    | {"additionalProperties", "items", "properties", "required"}
)


def structural_schema(model: type[ApiModel], *, defaults: bool = True) -> Schema:
    """Return the structural schema of `model`, in its JSON names.

    `defaults=False` leaves defaults out: the API server shall fill in what users
    left out of a spec, never what this controller left out of a status.
    """
    document = model.model_json_schema(by_alias=True)
    definitions = document.get("$defs", {})
    return _Walk(definitions, defaults=defaults).node(document)


class _Walk:
    """One pass over a schema, with the definitions that it refers to."""

    def __init__(self, definitions: Mapping[str, Schema], *, defaults: bool) -> None:
        self._definitions = definitions
        self._defaults = defaults

    def node(self, source: Schema) -> Schema:
        source = self._inlined(source)
        node = {
            key: deepcopy(value)
            for key, value in source.items()
            if self._keeps(key, value)
        }
        if "description" in node:
            node["description"] = " ".join(node["description"].split())
        if "items" in source:
            node["items"] = self.node(source["items"])
        if "additionalProperties" in source:
            node["additionalProperties"] = self.node(source["additionalProperties"])
        if "properties" in source:
            node |= self._properties(source)
        return node

    def _inlined(self, source: Schema) -> Schema:
        """Put what `source` refers to in place of the reference.

        What stands beside a reference or an optional type is about this very
        field, so it wins over what the referenced type says of itself.
        """
        if "$ref" in source:
            target = self._definitions[source["$ref"].rpartition("/")[2]]
            return self._inlined(target) | source
        if "anyOf" in source:
            (only,) = (one for one in source["anyOf"] if one.get("type") != "null")
            return self._inlined(only) | source
        return source

    def _keeps(self, key: str, value: object) -> bool:
        if key == "default":
            # Absent and empty mean the same: neither is worth storing.
            return self._defaults and value not in (None, [], {})
        return key not in _NOT_COPIED

    def _properties(self, source: Schema) -> Schema:
        properties: dict[str, Schema] = source["properties"]
        required = {name for name, one in properties.items() if ALWAYS_PRESENT in one}
        required.update(source.get("required", ()))
        fields: Schema = {
            "properties": {name: self.node(one) for name, one in properties.items()}
        }
        if required:
            fields["required"] = sorted(required)
        return fields
