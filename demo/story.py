"""The main job, told step by step on servers of its own."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import textwrap
import time
from contextlib import AsyncExitStack
from pathlib import Path

import yaml

from demo.kubectl import Kubectl
from tests.support.components import kubeconfig
from tests.support.conditions import NotYet, eventually
from tests.support.openbao import OpenBao
from tests.support.openbao_auth import KubernetesAuth
from tests.support.openbao_kv import KeyValue
from tests.support.stage import OPERATOR, Cluster, cluster_in, controller_in

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "build" / "demo"
NAMESPACE = "production"
SECRETS = ("database-secret", "db-credentials", "settings")
FOLLOWED = "database-secret"
POLICY = """
path "secret/data/production/*" { capabilities = ["read"] }
path "legacy/production/*" { capabilities = ["read"] }
"""


class Demo:
    """One performance."""

    def __init__(self) -> None:
        self._step = 0
        self._started = time.monotonic()

    async def play(self, *, keep: bool) -> None:
        """Tell the story; with `keep`, stay on the stage until interrupted."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        async with AsyncExitStack() as stack:
            self._say("Starting devcluster, a Kubernetes API server in memory")
            cluster = await stack.enter_async_context(cluster_in(FOLDER))
            kubectl = Kubectl(cluster.kubeconfig)
            self._tell(f"listening at {cluster.url}")

            self._say("Starting a real OpenBao server")
            bao = await stack.enter_async_context(OpenBao.start(tls=True))
            self._tell(f"listening at {bao.address}")

            await self._install(kubectl)
            database = await self._set_up_vault(kubectl, cluster, bao)
            await self._apply_examples(kubectl, bao)

            self._say("Starting the controller with a ServiceAccount of its own")
            account = await self._controller_account(kubectl, cluster)
            await stack.enter_async_context(controller_in(FOLDER, account))
            self._tell(f"its log is {_short(FOLDER / 'controller.log')}")

            await self._show_secrets(kubectl)
            await self._show_update(kubectl, database)
            if keep:
                await self._stay(bao)
            self._say("Stopping everything")
        self._tell("done")

    async def _install(self, kubectl: Kubectl) -> None:
        self._say(
            "Installing the CRDs and the controller's rights: crds/, deploy/rbac/"
        )
        folders = ("-f", str(ROOT / "crds"), "-f", str(ROOT / "deploy" / "rbac"))
        self._tell(await kubectl("apply", *folders))

    async def _set_up_vault(
        self, kubectl: Kubectl, cluster: Cluster, bao: OpenBao
    ) -> KeyValue:
        self._say("Setting up Vault: KV 1 and 2, the auth method kubernetes, a role")
        database = await KeyValue.enable(bao.root, "secret", version=2)
        await database.put(
            "production/database", {"username": "admin", "password": "first password"}
        )
        settings = await KeyValue.enable(bao.root, "legacy", version=1)
        await settings.put("production/settings", {"theme": "dark"})

        reviewer = f"serviceaccount={OPERATOR}:vault-reviewer"
        await kubectl("create", "serviceaccount", "vault-reviewer", "-n", OPERATOR)
        rights = ("vault-reviewer", "--clusterrole=system:auth-delegator")
        await kubectl("create", "clusterrolebinding", *rights, f"--{reviewer}")
        auth = await KubernetesAuth.enable(
            bao.root,
            host=cluster.url,
            ca_pem=cluster.ca_pem,
            reviewer_token=await _token(kubectl, "vault-reviewer"),
        )
        await bao.root.put_policy("app-policy", POLICY)
        await auth.put_role(
            "app-role",
            service_accounts=["app-sa"],
            namespaces=[NAMESPACE],
            policies=["app-policy"],
            audience="vault",
        )
        self._tell("secret/production/database holds username and password")
        self._tell("legacy/production/settings holds theme")
        return database

    async def _apply_examples(self, kubectl: Kubectl, bao: OpenBao) -> None:
        self._say("Applying examples/ with this server's address and CA put in:")
        overlay = _overlay(bao)
        self._tell(overlay)
        (FOLDER / "kustomization.yaml").write_text(overlay)
        (FOLDER / "ca.crt").write_text(bao.ca_pem or "")
        unrestricted = "--load-restrictor=LoadRestrictionsNone"
        manifests = await kubectl("kustomize", unrestricted, str(FOLDER))
        self._tell(await kubectl("apply", "-f", "-", text=manifests))

    async def _controller_account(self, kubectl: Kubectl, cluster: Cluster) -> Path:
        token = await _token(kubectl, "vso-controller-manager")
        file = FOLDER / "controller.kubeconfig"
        file.touch(mode=0o600)
        file.write_text(kubeconfig(cluster.url, cluster.ca_pem, token))
        return file

    async def _show_secrets(self, kubectl: Kubectl) -> None:
        self._say("Waiting until the resources are ready")
        everything = ("vaultstaticsecret", "--all", "-n", NAMESPACE)
        await kubectl("wait", *everything, "--for=condition=Ready", "--timeout=60s")
        kinds = "vaultconnections,vaultauths,vaultstaticsecrets"
        self._tell(await kubectl("get", kinds, "-A"))
        self._say("The Secrets, values masked")
        for name in SECRETS:
            for key, value in sorted((await _data(kubectl, name)).items()):
                self._tell(f"{name:16} {key:10} {_masked(value)}")

    async def _show_update(self, kubectl: Kubectl, database: KeyValue) -> None:
        self._say("Changing the password in Vault; the Secret is refreshed every 30 s")
        value = "another password"
        await database.put(
            "production/database", {"username": "admin", "password": value}
        )
        changed = time.monotonic()

        async def followed() -> bytes:
            password = (await _data(kubectl, FOLLOWED))["password"]
            if password != value.encode():
                raise NotYet("the Secret holds the old password")
            return password

        password = await eventually(followed, within=60, pause=0.25)
        took = time.monotonic() - changed
        self._tell(f"{FOLLOWED:16} {'password':10} {_masked(password)}")
        self._tell(f"the Secret followed after {took:.1f} s")

    async def _stay(self, bao: OpenBao) -> None:
        self._say("Everything goes on until Ctrl-C. In another terminal:")
        folder = _short(FOLDER)
        (FOLDER / "bao.token").touch(mode=0o600)
        (FOLDER / "bao.token").write_text(bao.root_token)
        self._tell(
            f"""\
            export KUBECONFIG=$PWD/{folder}/kubeconfig PATH=$PWD/.venv/bin:$PATH
            kubectl get vaultstaticsecrets -A
            kubectl describe vaultstaticsecret database-creds -n {NAMESPACE}

            export BAO_ADDR={bao.address} BAO_CACERT=$PWD/{folder}/ca.crt
            export BAO_TOKEN=$(cat {folder}/bao.token)
            bao kv put -mount=secret production/database username=me password=mine

            tail -f {folder}/controller.log
            """
        )
        await asyncio.Event().wait()

    def _say(self, sentence: str) -> None:
        self._step += 1
        elapsed = time.monotonic() - self._started
        _write(f"\n[{elapsed:5.1f}s] {self._step}. {sentence}\n")

    def _tell(self, text: str) -> None:
        _write(textwrap.indent(textwrap.dedent(text).strip("\n"), " " * 9) + "\n")


def _overlay(bao: OpenBao) -> str:
    examples = sorted((ROOT / "examples").glob("*.yaml"))
    document = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [f"../../examples/{file.name}" for file in examples],
        "patches": [
            {
                "target": {"kind": "VaultConnection"},
                "patch": yaml.safe_dump(
                    [{"op": "replace", "path": "/spec/address", "value": bao.address}]
                ),
            }
        ],
        "secretGenerator": [
            {
                "name": "vault-ca-cert",
                "namespace": OPERATOR,
                "files": ["ca.crt"],
                "options": {"disableNameSuffixHash": True},
            }
        ],
    }
    return yaml.safe_dump(document, sort_keys=False)


async def _token(kubectl: Kubectl, account: str) -> str:
    days = "--duration=24h"
    return (await kubectl("create", "token", account, "-n", OPERATOR, days)).strip()


async def _data(kubectl: Kubectl, name: str) -> dict[str, bytes]:
    text = await kubectl("get", "secret", name, "-n", NAMESPACE, "-o", "json")
    encoded: dict[str, str] = json.loads(text).get("data") or {}
    return {key: base64.b64decode(value) for key, value in encoded.items()}


def _masked(value: bytes) -> str:
    return f"{'*' * min(len(value), 24)} ({len(value)} bytes)"


def _short(path: Path) -> Path:
    return path.relative_to(ROOT)


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
