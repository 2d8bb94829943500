"""Types that several kinds share. Source: the published schema of v1beta1."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from vso_controller.api.model import ApiModel, Int64
from vso_controller.foundation.durations import parse_duration


def _parseable(text: str) -> str:
    parse_duration(text)
    return text


Duration = Annotated[
    str,
    Field(pattern=r"^([0-9]+(\.[0-9]+)?(s|m|h))$"),
    AfterValidator(_parseable),
]
"""One number and one unit, as written; `parse_duration` takes it without error."""


class TemplateEngine(StrEnum):
    """The languages that templates can be written in."""

    GO = "go"
    JINJA2 = "jinja2"


class Template(ApiModel):
    """A template that renders one value."""

    name: str | None = None
    """Name by which other templates can call this one."""
    text: str
    """Text of the template."""
    engine: TemplateEngine | None = None
    """Language of the text: `go` (Go's text/template, which is meant if this is empty)
    or `jinja2`.
    """
    left_delimiter: str | None = None
    """What an expression begins with in the text; `{{` if empty."""
    right_delimiter: str | None = None
    """What an expression ends with in the text; `}}` if empty."""


class TemplateRef(ApiModel):
    """One template of a SecretTransformation."""

    name: str
    """Name of the template in the SecretTransformation."""
    key_override: str | None = None
    """Key of the destination Secret to render to, instead of the template's name."""


class TransformationRef(ApiModel):
    """A SecretTransformation to take templates and filters from."""

    name: str
    """Name of the SecretTransformation."""
    namespace: str | None = None
    """Namespace of the SecretTransformation; that of the referring object if empty."""
    template_refs: tuple[TemplateRef, ...] = ()
    """Templates to take; all of them if empty."""
    ignore_includes: bool | None = None
    """Do not take the SecretTransformation's includes."""
    ignore_excludes: bool | None = None
    """Do not take the SecretTransformation's excludes."""


class Rename(ApiModel):
    """Another name for a key."""

    source: str = Field(alias="from")
    """Key of the entry in Vault; after `flatten` if that is used."""
    target: str = Field(alias="to")
    """Key of the Secret that has its value."""


class Flatten(ApiModel):
    """How objects within the entry become keys of their own."""

    separator: str = "_"
    """What stands between the names: with `_`, `{"db": {"host": "x"}}` has the key
    `db_host`.
    """


class Transformation(ApiModel):
    """What becomes of the data from Vault on its way into the Secret."""

    templates: dict[str, Template] = Field(default_factory=dict)
    """Templates by the key of the Secret that each renders."""
    transformation_refs: tuple[TransformationRef, ...] = ()
    """SecretTransformations to take templates and filters from."""
    includes: tuple[str, ...] = ()
    """Regular expressions (RE2) on source keys: only keys that match one are kept."""
    excludes: tuple[str, ...] = ()
    """Regular expressions (RE2) on source keys: keys that match one are dropped."""
    exclude_raw: bool | None = None
    """Leave the key `_raw`, the whole answer of Vault as JSON, out of the Secret."""
    rename: tuple[Rename, ...] = ()
    """Other names for keys that includes and excludes have left."""
    flatten: Flatten | None = None
    """Make objects within the entry keys of their own, before all else."""


class DestinationMode(StrEnum):
    """How data become those of the Secret."""

    REPLACE = "Replace"
    MERGE = "Merge"


class Destination(ApiModel):
    """The Secret that is kept equal to what Vault says."""

    name: str
    """Name of the Secret, in the namespace of this object."""
    create: bool = False
    """Create the Secret and own it: it goes when this object goes.

    If false, the Secret must exist already.
    """
    overwrite: bool = False
    """With create: take over a Secret of that name which nobody owns."""
    labels: dict[str, str] = Field(default_factory=dict)
    """Labels of the Secret. Used with create only."""
    annotations: dict[str, str] = Field(default_factory=dict)
    """Annotations of the Secret. Used with create only."""
    type: str | None = None
    """Type of the Secret; Opaque if empty. Used with create only."""
    transformation: Transformation | None = None
    """What becomes of the data from Vault on its way into the Secret."""
    mode: DestinationMode | None = None
    """Whose the keys of the Secret are.

    `Replace` makes its data those of Vault, which is meant if this is empty; `Merge`
    leaves the keys of others in it.
    """
    retain: bool | None = None
    """Keep the Secret when this object goes."""


class RolloutRestartKind(StrEnum):
    """The kinds of workload that can be restarted."""

    DEPLOYMENT = "Deployment"
    DAEMON_SET = "DaemonSet"
    STATEFUL_SET = "StatefulSet"
    ARGO_ROLLOUT = "argo.Rollout"


class RolloutRestartTarget(ApiModel):
    """A workload to restart when the data of the Secret changed."""

    kind: RolloutRestartKind
    """Kind of the workload."""
    name: str
    """Name of the workload, in the namespace of this object."""


class VaultClientMeta(ApiModel):
    """Which client of Vault was used last."""

    cache_key: str | None = None
    """Key of the client in the cache of clients."""
    id: str | None = None
    """Hash of the accessor of the client's token."""


class ConditionStatus(StrEnum):
    """Whether a condition holds."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(ApiModel):
    """One aspect of the state of an object: `metav1.Condition`."""

    type: Annotated[
        str,
        Field(
            max_length=316,
            pattern=(
                r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?"
                r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$"
            ),
        ),
    ]
    """Aspect that the condition speaks of, in CamelCase."""
    status: ConditionStatus
    """Whether the condition holds."""
    observed_generation: Annotated[Int64, Field(ge=0)] | None = None
    """Generation of the object that the condition was set for."""
    last_transition_time: Annotated[
        str, Field(json_schema_extra={"format": "date-time"})
    ]
    """Time of the last change of the condition."""
    reason: Annotated[
        str,
        Field(
            min_length=1,
            max_length=1024,
            pattern="^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
        ),
    ]
    """Word for programs that says why the condition is as it is."""
    message: Annotated[str, Field(max_length=32768)]
    """Text for people that says why the condition is as it is; may be empty."""


class Status(ApiModel):
    """What every status has."""

    conditions: tuple[Condition, ...] = ()
    """State of this object, one aspect each."""
