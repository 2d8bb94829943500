"""SecretTransformation: templates and filters for several resources to refer to."""

from __future__ import annotations

from pydantic import Field

from vso_controller.api.model import AlwaysPresent, ApiModel
from vso_controller.api.v1beta1.shared import Status, Template, TemplateEngine


class SourceTemplate(ApiModel):
    """A template that others call; it renders nothing by itself."""

    name: str | None = None
    """Name by which other templates can call this one."""
    text: str
    """Text of the template."""
    engine: TemplateEngine | None = None
    """Language of the text: `go` (Go's text/template, which is meant if this is empty)
    or `jinja2`. Templates call those of their own language only.
    """
    left_delimiter: str | None = None
    """What an expression begins with in the text; `{{` if empty."""
    right_delimiter: str | None = None
    """What an expression ends with in the text; `}}` if empty."""


class SecretTransformationSpec(ApiModel):
    """What becomes of the data of those who refer to this object."""

    templates: dict[str, Template] = Field(default_factory=dict)
    """Templates by the key of the Secret that each renders."""
    source_templates: tuple[SourceTemplate, ...] = ()
    """Templates that others call; they render nothing by themselves."""
    includes: tuple[str, ...] = ()
    """Regular expressions (RE2) on source keys: only keys that match one are kept."""
    excludes: tuple[str, ...] = ()
    """Regular expressions (RE2) on source keys: keys that match one are dropped."""


class SecretTransformationStatus(Status):
    """Whether it can be used."""

    valid: AlwaysPresent[bool] = False
    """Whether all templates and regular expressions can be read."""
    error: AlwaysPresent[str] = ""
    """What cannot be read, and why."""
