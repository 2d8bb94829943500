"""What resources of all kinds ask for: a place in Vault, and a destination Secret."""

from __future__ import annotations

from vso_controller.api.kinds import Kind
from vso_controller.api.v1beta1.shared import Destination
from vso_controller.domain.destination import OPAQUE, Shape
from vso_controller.domain.hmackey import is_reserved
from vso_controller.domain.reasons import Reason, Refusal
from vso_controller.foundation.objects import Envelope, ObjectKey, OwnerReference
from vso_controller.vault.paths import quote_path, split_path


def shape_of(kind: Kind, resource: Envelope, destination: Destination) -> Shape:
    """Return the Secret that the resource asks for, but for its data."""
    return Shape(
        key=ObjectKey(resource.key.namespace, destination.name),
        owner=OwnerReference(
            kind.resource.api_version, kind.name, resource.key.name, resource.uid
        ),
        create=destination.create,
        overwrite=destination.overwrite,
        type=destination.type or OPAQUE,
        labels=destination.labels,
        annotations=destination.annotations,
    )


def check_destination(shape: Shape, *, operator_namespace: str) -> None:
    """Raise Refusal for a Secret that is the controller's own."""
    if is_reserved(shape.key, operator_namespace=operator_namespace):
        raise Refusal(
            Reason.INVALID_SPEC,
            f"spec.destination.name: Secret {shape.key} is the controller's own",
        )


def check_place(*, mount: str, path: str) -> None:
    """Raise Refusal for a mount or a path that cannot be part of a URL."""
    for field, text in (("mount", mount), ("path", path)):
        try:
            quote_path(split_path(text))
        except ValueError as error:
            raise Refusal(Reason.INVALID_SPEC, f"spec.{field}: {error}") from error
