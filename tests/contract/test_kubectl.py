"""kubectl, as people use it, works on devcluster without a warning."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
import yaml

from devcluster.cluster import DevCluster
from tests.contract.rows import embedded_only
from tests.contract.widgets import GROUP, definition, widget
from tests.support.kubeapi import Object

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(60),
    embedded_only("kubectl 1.37 is not made for Kubernetes 1.20"),
]

KUBECTL = Path(sys.executable).parent / "kubectl"
_PATIENCE = 30.0  # seconds for one command


@dataclass(frozen=True, slots=True)
class Output:
    """What a command printed, and how it ended."""

    code: int
    text: str
    errors: str


@dataclass(frozen=True, slots=True)
class Kubectl:
    """Runs kubectl with a kubeconfig and a home of its own."""

    home: Path

    async def run(self, *arguments: str, manifest: Object | None = None) -> Output:
        """Run a command; `manifest` goes to its standard input."""
        process = await asyncio.create_subprocess_exec(
            KUBECTL,
            *arguments,
            env={"HOME": str(self.home), "KUBECONFIG": str(self.home / "config")},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        given = None if manifest is None else yaml.safe_dump(manifest).encode()
        async with asyncio.timeout(_PATIENCE):
            text, errors = await process.communicate(given)
        return Output(process.returncode or 0, text.decode(), errors.decode())

    async def says(self, *arguments: str, manifest: Object | None = None) -> str:
        """Run a command that must succeed and complain of nothing."""
        output = await self.run(*arguments, manifest=manifest)
        assert (output.code, output.errors) == (0, ""), output
        return output.text.strip()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def home(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Path]:
    folder = tmp_path_factory.mktemp("kubectl")
    async with DevCluster.start() as cluster:
        (folder / "config").write_text(cluster.kubeconfig())
        yield folder


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def kubectl(home: Path) -> Kubectl:
    """A kubectl in whose cluster Widgets are served."""
    command = Kubectl(home)
    await command.says("apply", "-f", "-", manifest=definition(GROUP))
    crd = f"crd/widgets.{GROUP}"
    await command.says("wait", "--for=condition=Established", crd, "--timeout=10s")
    return command


async def test_second_apply_changes_nothing(kubectl: Kubectl) -> None:
    first = await kubectl.says("apply", "-f", "-", manifest=widget("applied"))
    second = await kubectl.says("apply", "-f", "-", manifest=widget("applied"))
    changed = await kubectl.says("apply", "-f", "-", manifest=widget("applied", size=2))

    subject = f"widget.{GROUP}/applied"
    assert first == f"{subject} created"
    assert second == f"{subject} unchanged"
    assert changed == f"{subject} configured"


async def test_second_apply_of_a_definition_changes_nothing(kubectl: Kubectl) -> None:
    said = await kubectl.says("apply", "-f", "-", manifest=definition(GROUP))

    assert said.endswith("unchanged")


async def test_apply_refuses_an_unknown_field(kubectl: Kubectl) -> None:
    output = await kubectl.run(
        "apply", "-f", "-", manifest=widget("wrong", junk="spec.junk")
    )

    assert output.code == 1
    assert 'unknown field "spec.junk"' in output.errors


async def test_apply_of_a_deployment_merges(kubectl: Kubectl) -> None:
    template = {"spec": {"containers": [{"name": "web", "image": "web:1"}]}}
    manifest = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"template": template},
    }
    await kubectl.says("apply", "-f", "-", manifest=manifest)
    await kubectl.says("set", "image", "deployment/web", "web=web:2")
    await kubectl.says("rollout", "restart", "deployment/web")
    path = "jsonpath={.spec.template.spec.containers[*].image}"

    image = await kubectl.says("get", "deployment", "web", "-o", path)

    assert image == "web:2"


async def test_get_prints_the_columns_of_the_definition(kubectl: Kubectl) -> None:
    await kubectl.says("apply", "-f", "-", manifest=widget("printed", size=3))
    ready = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    patch = ("--subresource=status", "--type=merge", "-p", json.dumps(ready))
    await kubectl.says("patch", "widget", "printed", *patch)

    text = await kubectl.says("get", "widgets", "printed")

    heading, row = (line.split() for line in text.splitlines())
    assert heading == ["NAME", "SIZE", "READY"]
    assert row == ["printed", "3", "True"]


async def test_get_prints_yaml(kubectl: Kubectl) -> None:
    await kubectl.says("apply", "-f", "-", manifest=widget("shown"))

    text = await kubectl.says("get", "widget", "shown", "-o", "yaml")

    shown = yaml.safe_load(text)
    assert shown["kind"] == "Widget"
    assert shown["spec"] == {"size": 1, "mode": "auto"}


async def test_describe_tells_fields_and_events(kubectl: Kubectl) -> None:
    await kubectl.says("apply", "-f", "-", manifest=widget("described"))
    uid = await kubectl.says(
        "get", "widget", "described", "-o", "jsonpath={.metadata.uid}"
    )
    about = {"kind": "Widget", "name": "described", "namespace": "default", "uid": uid}
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "e", "namespace": "default"},
        "involvedObject": about,
        "reason": "Tested",
        "message": "it works",
        "type": "Normal",
    }
    await kubectl.says("apply", "-f", "-", manifest=event)

    text = await kubectl.says("describe", "widget", "described")

    assert "Mode:" in text
    assert "it works" in text


async def test_wait_returns_when_the_condition_holds(kubectl: Kubectl) -> None:
    await kubectl.says("apply", "-f", "-", manifest=widget("waited"))
    ready = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    patch = ("--subresource=status", "--type=merge", "-p", json.dumps(ready))

    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(
            kubectl.says("wait", "--for=condition=Ready", "widget/waited")
        )
        group.create_task(kubectl.says("patch", "widget", "waited", *patch))

    assert waiting.result().endswith("condition met")


async def test_annotations_and_labels_are_set(kubectl: Kubectl) -> None:
    await kubectl.says("apply", "-f", "-", manifest=widget("marked"))
    await kubectl.says("annotate", "widget", "marked", "note=1")
    await kubectl.says("label", "widget", "marked", "team=red")

    found = await kubectl.says("get", "widgets", "-l", "team=red", "-o", "name")

    assert found == f"widget.{GROUP}/marked"


async def test_delete_waits_until_the_object_is_gone(kubectl: Kubectl) -> None:
    await kubectl.says("apply", "-f", "-", manifest=widget("deleted"))

    await kubectl.says("delete", "widget", "deleted")

    found = await kubectl.run("get", "widget", "deleted")
    assert found.code == 1
    assert "NotFound" in found.errors


async def test_token_is_created(kubectl: Kubectl) -> None:
    token = await kubectl.says(
        "create", "token", "default", "--audience=vault", "--duration=10m"
    )

    assert token.count(".") == 2


async def test_rights_can_be_asked_for(kubectl: Kubectl) -> None:
    mine = await kubectl.says("auth", "can-i", "get", "secrets")
    account = "--as=system:serviceaccount:default:default"
    theirs = await kubectl.run("auth", "can-i", "get", "secrets", account)

    assert mine == "yes"
    assert theirs.text.strip() == "no"


async def test_secret_is_created_from_literals(kubectl: Kubectl) -> None:
    await kubectl.says("create", "secret", "generic", "s", "--from-literal=a=b")

    data = await kubectl.says("get", "secret", "s", "-o", "jsonpath={.data.a}")

    assert data == "Yg=="


async def test_namespace_comes_and_goes(kubectl: Kubectl) -> None:
    await kubectl.says("create", "namespace", "short")
    account = await kubectl.says("create", "serviceaccount", "robot", "-n", "short")

    gone = await kubectl.says("delete", "namespace", "short")

    assert account == "serviceaccount/robot created"
    assert gone == 'namespace "short" deleted'


async def test_server_side_apply_is_refused_with_a_reason(kubectl: Kubectl) -> None:
    output = await kubectl.run(
        "apply", "--server-side", "-f", "-", manifest=widget("ssa")
    )

    assert output.code == 1
    assert "server-side apply is not supported" in output.errors
