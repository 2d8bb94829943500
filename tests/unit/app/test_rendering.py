"""`vso-controller render`: what it prints, and how it ends."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from vso_controller import cli
from vso_controller.app import rendering
from vso_controller.foundation.objects import Envelope, NewSecret, ObjectKey
from vso_controller.foundation.secret import Secret

RESOURCE: dict[str, Any] = {
    "apiVersion": "secrets.hashicorp.com/v1beta1",
    "kind": "VaultStaticSecret",
    "metadata": {
        "namespace": "apps",
        "name": "db",
        "annotations": {
            "team": "red",
            "kubectl.kubernetes.io/last-applied-configuration": "{}",
        },
    },
    "spec": {
        "mount": "secret",
        "type": "kv-v2",
        "path": "db",
        "destination": {"name": "db-secret", "create": True, "labels": {"app": "web"}},
    },
}
DATA = {"password": "s3cret", "db": {"host": "h", "port": 5432}}
Render = Callable[..., tuple[int, str, str]]


@pytest.fixture
def render(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Render:
    """Return what runs the command on manifests; its code, output and complaints."""

    def run(
        transformation: dict[str, Any] | None = None,
        *flags: str,
        manifests: list[dict[str, Any]] | None = None,
        data: object = DATA,
        spec: dict[str, Any] | None = None,
    ) -> tuple[int, str, str]:
        found = manifests if manifests is not None else [resource(transformation, spec)]
        file = tmp_path / "resource.yaml"
        file.write_text(yaml.safe_dump_all(found))
        values = tmp_path / "data.json"
        values.write_text(json.dumps(data))
        code = cli.main(["render", "-f", str(file), "--data", str(values), *flags])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def resource(
    transformation: dict[str, Any] | None = None, spec: dict[str, Any] | None = None
) -> dict[str, Any]:
    destination = {**RESOURCE["spec"]["destination"], "transformation": transformation}
    return RESOURCE | {
        "spec": RESOURCE["spec"] | {"destination": destination} | (spec or {})
    }


def shared(**spec: object) -> dict[str, Any]:
    return {
        "apiVersion": "secrets.hashicorp.com/v1beta1",
        "kind": "SecretTransformation",
        "metadata": {"namespace": "apps", "name": "shared"},
        "spec": spec,
    }


REFERENCE = {"transformationRefs": [{"name": "shared"}], "excludeRaw": True}


def test_values_are_masked(render: Render) -> None:
    code, out, err = render()

    assert (code, err) == (0, "")
    assert "s3cret" not in out
    assert yaml.safe_load(out) == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "namespace": "apps",
            "name": "db-secret",
            "labels": {
                "app": "web",
                "app.kubernetes.io/component": "secret-sync",
                "app.kubernetes.io/managed-by": "hashicorp-vso",
                "app.kubernetes.io/name": "vault-secrets-operator",
            },
            "annotations": {
                "vso-controller.dev/managed-metadata": (
                    '{"annotations":[],"labels":["app"]}'
                )
            },
        },
        "type": "Opaque",
        "stringData": {
            "_raw": "*** (74 bytes)",
            "db": "*** (24 bytes)",
            "password": "*** (6 bytes)",
        },
    }


def test_values_are_shown_where_that_is_asked_for(render: Render) -> None:
    _, out, _ = render(None, "--show-values")

    assert yaml.safe_load(out)["stringData"] == {
        "_raw": '{"data":{"db":{"host":"h","port":5432},"password":"s3cret"},'
        '"metadata":{}}',
        "db": '{"host":"h","port":5432}',
        "password": "s3cret",
    }


def test_metadata_is_that_of_a_file(render: Render, tmp_path: Path) -> None:
    metadata = tmp_path / "metadata.json"
    metadata.write_text('{"version": 3}')

    _, out, _ = render(None, "--show-values", f"--metadata={metadata}")

    assert yaml.safe_load(out)["stringData"]["_raw"].endswith(
        '"metadata":{"version":3}}'
    )


def test_entry_of_version_1_is_raw_as_it_is(render: Render) -> None:
    _, out, _ = render(None, "--show-values", data={"a": "1"}, spec={"type": "kv-v1"})

    assert yaml.safe_load(out)["stringData"] == {"_raw": '{"a":"1"}', "a": "1"}


def test_transformation_is_applied(render: Render) -> None:
    transformation = {
        "flatten": {"separator": "."},
        "excludes": ["port$"],
        "rename": [{"from": "db.host", "to": "HOST"}],
        "excludeRaw": True,
    }

    _, out, _ = render(transformation, "--show-values")

    assert yaml.safe_load(out)["stringData"] == {"HOST": "h", "password": "s3cret"}


def test_transformation_that_is_referred_to_is_one_of_the_manifests(
    render: Render,
) -> None:
    everything = {
        "kind": "List",
        "items": [resource(REFERENCE), shared(includes=["^pass"])],
    }

    _, out, _ = render(None, "--show-values", manifests=[everything])

    assert yaml.safe_load(out)["stringData"] == {"password": "s3cret"}


def test_option_for_all_resources_counts(render: Render) -> None:
    _, out, _ = render(None, "--global-transformation-options=exclude-raw")

    assert "_raw" not in yaml.safe_load(out)["stringData"]


def test_users_own_secret_is_its_data(render: Render) -> None:
    destination = {"name": "own", "create": False}

    _, out, _ = render(spec={"destination": destination})

    assert "labels" not in yaml.safe_load(out)["metadata"]


EXAMPLES = Path(__file__).parents[3] / "examples" / "transformations"


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("names.yaml", {"DB_USER": "admin", "DB_PASSWORD": "x", "pool_size": "5"}),
        (
            "jinja2.yaml",
            {
                "config.ini": (
                    "# primary and replica\n"
                    "[primary]\nhost = primary.db\nuser = admin\npassword = x\n"
                    "[replica]\nhost = replica.db\nuser = admin\npassword = x\n\n"
                )
            },
        ),
    ],
)
def test_examples_make_what_they_say(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    file: str,
    expected: dict[str, str],
) -> None:
    entry = {"username": "admin", "password": "x", "pool": {"size": 5}, "internal_x": 1}
    data = tmp_path / "data.json"
    data.write_text(json.dumps(entry))
    files = ["-f", str(EXAMPLES / file), "--data", str(data)]

    assert cli.main(["render", *files, "--show-values"]) == 0

    assert yaml.safe_load(capsys.readouterr().out)["stringData"] == expected


def test_value_that_is_no_text_is_shown_in_base64() -> None:
    secret = NewSecret(ObjectKey("apps", "x"), "Opaque", Secret({"key": b"\xff"}))
    envelope = Envelope(ObjectKey("apps", "db"), "uid", "1", 1)

    shown = rendering._shown(secret, envelope, values=True)

    assert yaml.safe_load(shown)["data"] == {"key": "/w=="}


def test_manifests_come_from_the_standard_input(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    manifest = yaml.safe_dump(RESOURCE | {"metadata": {"name": "db", "uid": "u-1"}})
    stdin = io.TextIOWrapper(io.BytesIO(manifest.encode()))
    monkeypatch.setattr("sys.stdin", stdin)
    data = tmp_path / "data.json"
    data.write_text("{}")

    assert cli.main(["render", "-f", "-", "--data", str(data)]) == 0

    labels = yaml.safe_load(capsys.readouterr().out)["metadata"]["labels"]
    assert labels["secrets.hashicorp.com/vso-ownerRefUID"] == "u-1"


def test_several_lines_are_printed_as_lines(render: Render) -> None:
    _, out, _ = render({"excludeRaw": True}, "--show-values", data={"a": "x\ny\n"})

    assert "  a: |\n    x\n    y\n" in out


def jinja(text: str) -> dict[str, Any]:
    template = {"engine": "jinja2", "text": text}
    return {"templates": {"out": template}, "excludeRaw": True}


def test_templates_see_all_they_are_promised(render: Render, tmp_path: Path) -> None:
    metadata = tmp_path / "metadata.json"
    metadata.write_text('{"version": 3}')
    text = "{{ Secrets.db.port }} {{ Metadata.version }} {{ Annotations.team }}"

    _, out, _ = render(jinja(text), "--show-values", f"--metadata={metadata}")

    assert yaml.safe_load(out)["stringData"]["out"] == "5432 3 red"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param(
            "a\n{{ Secrets.x",
            "TransformationInvalid: apps/db/out:2: unexpected end of template",
            id="text",
        ),
        pytest.param(
            "\n\n{{ Secrets.gone }}",
            "TemplateFailed: apps/db/out:3: gone is not defined",
            id="entry",
        ),
        pytest.param(
            "{{ b64 (1) }}",
            "TransformationInvalid: apps/db/out:1: function 'b64' is not defined",
            id="function",
        ),
    ],
)
def test_line_of_what_is_wrong_is_told(render: Render, text: str, told: str) -> None:
    code, out, err = render(jinja(text))

    assert (code, out) == (1, "")
    assert err.startswith(f"vso-controller render: {told}")
    assert "s3cret" not in err


@pytest.mark.parametrize(
    ("transformation", "told"),
    [
        pytest.param(
            {"includes": ["("]},
            "TransformationInvalid: spec.destination.transformation: includes: ",
            id="expression",
        ),
        pytest.param(
            REFERENCE,
            "SecretTransformationNotFound: SecretTransformation apps/shared does not",
            id="reference",
        ),
        pytest.param(
            {"rename": [{"from": "x", "to": "y"}]},
            "InvalidSecretData: rename: there is no key 'x'",
            id="data",
        ),
        pytest.param({"templates": []}, "spec.destination.", id="spec"),
    ],
)
def test_secret_that_there_cannot_be_ends_with_1(
    render: Render, transformation: dict[str, Any], told: str
) -> None:
    code, out, err = render(transformation)

    assert (code, out) == (1, "")
    assert err.startswith(f"vso-controller render: {told}")


def test_type_that_needs_other_keys_ends_with_1(render: Render) -> None:
    destination = {"name": "x", "create": True, "type": "kubernetes.io/tls"}

    code, _, err = render(spec={"destination": destination})

    assert code == 1
    assert "InvalidSecretData: a Secret of type" in err


@pytest.mark.parametrize(
    ("manifests", "told"),
    [
        pytest.param([], "hold 0 of VaultStaticSecret", id="none"),
        pytest.param([RESOURCE, RESOURCE], "hold 2 of VaultStaticSecret", id="two"),
        pytest.param([RESOURCE | {"metadata": None}], "no metadata.name", id="no name"),
        pytest.param([{"kind": "Secret", "apiVersion": "v1"}], "hold 0", id="foreign"),
    ],
)
def test_files_without_the_one_resource_end_with_2(
    render: Render, manifests: list[dict[str, Any]], told: str
) -> None:
    code, out, err = render(manifests=manifests)

    assert (code, out) == (2, "")
    assert told in err


def test_data_that_is_no_object_ends_with_2(render: Render) -> None:
    code, _, err = render(data=["x"])

    assert code == 2
    assert "this is no JSON object" in err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(
            ["-f", "gone.yaml", "--data", "x"], "gone.yaml: No such", id="file"
        ),
        pytest.param(["-f", "{yaml}", "--data", "x"], "this is no YAML", id="yaml"),
        pytest.param(["-f", "{json}", "--data", "{yaml}"], "hold 0", id="none"),
        pytest.param(
            ["-f", "{one}", "--data", "{yaml}"], "no JSON document", id="json"
        ),
    ],
)
def test_files_that_cannot_be_read_end_with_2(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    told: str,
) -> None:
    files = {"yaml": tmp_path / "a.yaml", "json": tmp_path / "b.json"}
    files["yaml"].write_text("a: [")
    files["json"].write_text("[]")
    files["one"] = tmp_path / "c.yaml"
    files["one"].write_text(yaml.safe_dump(RESOURCE))
    given = [each.format(**files) for each in arguments]

    assert cli.main(["render", *given]) == 2

    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["-f", "x"],
        ["--data", "x"],
        ["-f", "x", "--data", "x", "--global-transformation-options=none"],
        ["-f", "x", "--data", "x", "--dance"],
    ],
)
def test_wrong_flags_end_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["render", *arguments])

    assert ended.value.code == 2
