"""`vso-controller render`: the Secret that would be written, without a cluster.

It runs what the reconciler runs. Values are masked unless they are asked for. Exit
codes: 0 when there is a Secret, 1 when there can be none, 2 for wrong arguments.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets as randomness
import sys
import time
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from vso_controller.api.kinds import SECRET_TRANSFORMATION, VAULT_STATIC_SECRET
from vso_controller.api.model import parse_spec
from vso_controller.api.v1beta1.vaultstaticsecret import KVType, VaultStaticSecretSpec
from vso_controller.app.manifests import json_object_in, manifests_in
from vso_controller.app.templates import template_renderer
from vso_controller.domain.destination import Create, Desired, plan
from vso_controller.domain.inputs import Recorded
from vso_controller.domain.ownership import OWNER_UID_LABEL
from vso_controller.domain.reasons import Failure, Refusal
from vso_controller.domain.references import EVERY_NAMESPACE, Tenancy
from vso_controller.domain.transformation import TransformationOption
from vso_controller.foundation.digest import digest_with
from vso_controller.foundation.errors import Invalid
from vso_controller.foundation.objects import Envelope, NewSecret, ObjectKey
from vso_controller.foundation.secret import MASK, Secret
from vso_controller.reconcilers.filling import Entry, Fillings, RenderingResult
from vso_controller.reconcilers.shapes import shape_of
from vso_controller.reconcilers.transformations import Transformations

FAILED = 1
USAGE = 2
_RESOURCES = (VAULT_STATIC_SECRET.name,)
# What was given is given to be used, wherever it lies.
_TENANCY = Tenancy(operator_namespace="", shared_namespaces=EVERY_NAMESPACE)


@dataclass(frozen=True, slots=True)
class _Given:
    """What the files hold."""

    resource: Envelope
    transformations: dict[ObjectKey, Envelope] = field(default_factory=dict)


def render(arguments: Sequence[str]) -> int:
    """Run the command and return its exit code. Wrong flags raise SystemExit(2)."""
    options = _parser().parse_args(arguments)
    try:
        given = _read(options.file)
        data = json_object_in(options.data)
        metadata = json_object_in(options.metadata) if options.metadata else {}
    except Invalid as error:
        return _complain(str(error), USAGE)
    try:
        secret = asyncio.run(_made(given, options, data, metadata))
    except Refusal as refusal:
        failure = refusal.failure
        return _complain(f"{failure.reason}: {failure.message}", FAILED)
    except Invalid as error:
        return _complain(str(error), FAILED)
    sys.stdout.write(_shown(secret, given.resource, values=options.show_values))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="vso-controller render",
        allow_abbrev=False,
        description=(
            "Prints the Secret that the controller would write for a resource, without "
            "a cluster and without Vault. A file called - is the standard input."
        ),
        epilog="Exit codes: 0, 1 when there can be no Secret, 2 for wrong arguments.",
    )
    parser.add_argument(
        *("-f", "--file"),
        action="append",
        required=True,
        metavar="MANIFESTS",
        help="YAML file with the resource, or with SecretTransformations it refers to",
    )
    parser.add_argument(
        "--data",
        required=True,
        metavar="JSON",
        help="file with the values of the entry in Vault, a JSON object",
    )
    parser.add_argument(
        "--metadata",
        metavar="JSON",
        help="file with the metadata of the entry (kv-v2), a JSON object",
    )
    parser.add_argument(
        "--global-transformation-options",
        type=_transformation_options,
        default=(),
        metavar="OPTIONS",
        help="as the controller has them",
    )
    parser.add_argument(
        "--show-values", action="store_true", help="print values instead of masks"
    )
    return parser


def _transformation_options(text: str) -> tuple[TransformationOption, ...]:
    return tuple(TransformationOption(each.strip()) for each in text.split(",") if each)


def _read(files: Sequence[str]) -> _Given:
    """Return the one resource of the files, with all that it may refer to."""
    found = [each for file in files for each in manifests_in(file)]
    resources = [envelope for kind, envelope in found if kind in _RESOURCES]
    if len(resources) != 1:
        kinds = " or ".join(_RESOURCES)
        raise Invalid(f"the files hold {len(resources)} of {kinds}; there must be one")
    return _Given(
        resources[0],
        {
            envelope.key: envelope
            for kind, envelope in found
            if kind == SECRET_TRANSFORMATION.name
        },
    )


class _Nobody:
    """Counts nothing."""

    def rendering(self, _: RenderingResult, /) -> None:
        """Forget it."""


async def _made(
    given: _Given,
    options: argparse.Namespace,
    data: dict[str, Any],
    metadata: dict[str, Any],
) -> NewSecret:
    """Return the Secret. Raises Refusal, and Invalid for a spec that cannot be read."""
    resource = given.resource
    spec = parse_spec(VaultStaticSecretSpec, resource.spec)
    digest = digest_with(Secret(randomness.token_bytes(16)))
    prepared = Transformations(
        resources=given.transformations,
        renderer=template_renderer(time.time),
        digest=digest,
        exclude_raw=TransformationOption.EXCLUDE_RAW
        in options.global_transformation_options,
        tenancy=_TENANCY,
        scopes=("",),
    ).prepare(resource, spec.destination.transformation)
    filling = await Fillings(digest=digest, observer=_Nobody()).fill(
        resource,
        prepared,
        _entry(spec, data, metadata),
        recorded=Recorded(),
        there=b"",
    )
    shape = shape_of(VAULT_STATIC_SECRET, resource, spec.destination)
    # With nothing there, there is always data.
    return _planned(shape.filled(filling.data or Secret({}), filling.digest))


def _entry(
    spec: VaultStaticSecretSpec, data: dict[str, Any], metadata: dict[str, Any]
) -> Entry:
    if spec.type is KVType.V1:
        return Entry.of_answer(Secret(data))
    whole = {"data": data, "metadata": metadata}
    return Entry(Secret(data), Secret(metadata), Secret(whole))


def _planned(desired: Desired) -> NewSecret:
    if not desired.create:
        # All but the data is the user's.
        return NewSecret(desired.key, desired.type, desired.data)
    step = plan(desired, None)
    if isinstance(step, Failure):
        raise Refusal.of(step)
    if isinstance(step, Create):
        return step.secret
    raise TypeError(f"{type(step).__name__} for a Secret that is not there")


def _shown(secret: NewSecret, resource: Envelope, *, values: bool) -> str:
    labels = dict(secret.labels)
    if not resource.uid:
        labels.pop(OWNER_UID_LABEL, None)  # it is not known yet
    metadata = {
        "namespace": secret.key.namespace,
        "name": secret.key.name,
        "labels": labels,
        "annotations": dict(secret.annotations),
    }
    manifest = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {name: value for name, value in metadata.items() if value},
        "type": secret.type,
        **(_open if values else _masked)(secret.data.reveal()),
    }
    return yaml.dump(manifest, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


def _masked(data: dict[str, bytes]) -> dict[str, Any]:
    return {
        "stringData": {key: f"{MASK} ({len(data[key])} bytes)" for key in sorted(data)}
    }


def _open(data: dict[str, bytes]) -> dict[str, Any]:
    """Return text as it is, and what is no text in base64, as manifests have it."""
    texts: dict[str, str] = {}
    others: dict[str, str] = {}
    for key in sorted(data):
        try:
            texts[key] = data[key].decode()
        except UnicodeDecodeError:
            others[key] = b64encode(data[key]).decode()
    parts = {"stringData": texts, "data": others}
    return {name: part for name, part in parts.items() if part}


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines as people would."""

    def represent_text(self, text: str) -> yaml.ScalarNode:
        style = "|" if "\n" in text else None
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _Dumper.represent_text)


def _complain(message: str, code: int) -> int:
    sys.stderr.write(f"vso-controller render: {message}\n")
    return code
