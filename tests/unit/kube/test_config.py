from __future__ import annotations

import json
import sys
from base64 import b64encode
from pathlib import Path

import pytest
import trustme
import yaml

from tests.unit.kube.worlds import SettableClock
from vso_controller.foundation.secret import Secret
from vso_controller.kube.config import ConnectionSettings, load_settings
from vso_controller.kube.errors import BadConfiguration

AUTHORITY = trustme.CA()
IN_CLUSTER = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}
PLUGIN = """
import json
print(json.dumps({"apiVersion": "client.authentication.k8s.io/v1",
                  "kind": "ExecCredential", "status": %s}))
"""


def write_kubeconfig(
    file: Path,
    *,
    cluster: dict[str, object] | None = None,
    user: dict[str, object] | None = None,
    context: dict[str, object] | None = None,
) -> Path:
    authority = b64encode(AUTHORITY.cert_pem.bytes()).decode()
    site: dict[str, object] = {
        "server": "https://one:6443/",
        "certificate-authority-data": authority,
    }
    site = {k: v for k, v in (site | (cluster or {})).items() if v is not None}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "main",
        "clusters": [{"name": "one", "cluster": site}],
        "users": [{"name": "me", "user": user or {"token": "canary"}}],
        "contexts": [
            {"name": "main", "context": {"cluster": "one", "user": "me"}},
            {
                "name": "other",
                "context": {"cluster": "one", "user": "me"} | (context or {}),
            },
        ],
    }
    file.write_text(yaml.safe_dump(document))
    return file


async def load(
    kubeconfig: Path | str = "", context: str = "", **environ: str
) -> ConnectionSettings:
    return await load_settings(
        kubeconfig=str(kubeconfig),
        context=context,
        environ=environ,
        clock=SettableClock(),
    )


@pytest.fixture
def mounted(tmp_path: Path) -> Path:
    """A service account as the kubelet mounts it."""
    (tmp_path / "token").write_text("canary")
    (tmp_path / "namespace").write_text("vault")
    AUTHORITY.cert_pem.write_to_path(str(tmp_path / "ca.crt"))
    return tmp_path


async def load_mounted(folder: Path, **environ: str) -> ConnectionSettings:
    return await load_settings(
        kubeconfig="",
        context="",
        environ=IN_CLUSTER | environ,
        clock=SettableClock(),
        service_account=folder,
    )


async def test_kubeconfig_is_read(tmp_path: Path) -> None:
    found = await load(write_kubeconfig(tmp_path / "config"))

    assert found.server == "https://one:6443"
    assert found.default_namespace == "default"
    assert found.tls_server_name is None
    assert (await found.tls.context()).get_ca_certs()
    assert await found.credentials.authorization() == Secret("Bearer canary")
    assert "canary" not in repr(found)


async def test_context_is_the_one_that_was_named(tmp_path: Path) -> None:
    file = write_kubeconfig(tmp_path / "config", context={"namespace": "shop"})

    found = await load(file, context="other")

    assert found.default_namespace == "shop"


async def test_environment_names_a_kubeconfig(tmp_path: Path) -> None:
    file = write_kubeconfig(tmp_path / "config")

    found = await load(KUBECONFIG=f"/nowhere:{file}", **IN_CLUSTER)

    assert found.server == "https://one:6443"


async def test_home_is_where_the_last_kubeconfig_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".kube").mkdir()
    write_kubeconfig(tmp_path / ".kube" / "config")

    found = await load()

    assert found.server == "https://one:6443"


async def test_settings_of_the_cluster_reach_the_connection(tmp_path: Path) -> None:
    cluster: dict[str, object] = {
        "tls-server-name": "api.internal",
        "insecure-skip-tls-verify": True,
    }

    found = await load(write_kubeconfig(tmp_path / "config", cluster=cluster))

    assert found.tls_server_name == "api.internal"
    assert not (await found.tls.context()).check_hostname


async def test_proxy_of_the_kubeconfig_wins_over_the_environment(
    tmp_path: Path,
) -> None:
    cluster: dict[str, object] = {"proxy-url": "http://me:canary@one:3128"}
    file = write_kubeconfig(tmp_path / "config", cluster=cluster)

    found = await load(file, HTTPS_PROXY="http://other:3128", NO_PROXY="*")

    assert found.proxy is not None
    assert str(found.proxy.url) == "http://one:3128"
    assert "canary" not in repr(found)


@pytest.mark.parametrize(("exceptions", "proxied"), [("", True), ("one", False)])
async def test_environment_names_a_proxy(
    tmp_path: Path, exceptions: str, proxied: bool
) -> None:
    file = write_kubeconfig(tmp_path / "config")

    found = await load(file, HTTPS_PROXY="http://other:3128", NO_PROXY=exceptions)

    assert (found.proxy is not None) is proxied


async def test_pod_reaches_the_server_through_the_proxy_of_its_environment(
    mounted: Path,
) -> None:
    found = await load_mounted(mounted, HTTPS_PROXY="proxy:3128")

    assert found.proxy is not None
    assert str(found.proxy.url) == "http://proxy:3128"


async def test_client_certificate_stands_for_a_token(tmp_path: Path) -> None:
    leaf = AUTHORITY.issue_cert("me@example.com")
    user: dict[str, object] = {
        "client-certificate-data": b64encode(leaf.cert_chain_pems[0].bytes()).decode(),
        "client-key-data": b64encode(leaf.private_key_pem.bytes()).decode(),
    }

    found = await load(write_kubeconfig(tmp_path / "config", user=user))

    assert await found.credentials.authorization() is None


async def test_exec_plugin_is_run_again_when_its_token_was_refused(
    tmp_path: Path,
) -> None:
    status = tmp_path / "status"
    status.write_text(json.dumps({"token": "first"}))
    program = PLUGIN % f"json.load(open({str(status)!r}))"
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": sys.executable,
        "args": ["-c", program],
    }
    found = await load(write_kubeconfig(tmp_path / "config", user={"exec": plugin}))
    refused = await found.credentials.authorization()
    status.write_text(json.dumps({"token": "second"}))

    await found.credentials.refresh(refused=refused)

    assert refused == Secret("Bearer first")
    assert await found.credentials.authorization() == Secret("Bearer second")


@pytest.mark.parametrize(
    ("content", "context", "says"),
    [
        ("{", "", "config"),
        ("", "", "config"),
        ("[]", "", "config"),
        ("a: b", "", "config"),
        (None, "nowhere", "nowhere"),
    ],
    ids=["no YAML", "empty", "a list", "something else", "unknown context"],
)
async def test_kubeconfig_that_is_none_is_told(
    tmp_path: Path, content: str | None, context: str, says: str
) -> None:
    file = write_kubeconfig(tmp_path / "config")
    if content is not None:
        file.write_text(content)

    with pytest.raises(BadConfiguration, match=says):
        await load(file, context)


@pytest.mark.parametrize(
    ("cluster", "says"),
    [
        ({"certificate-authority-data": "bm8gY2VydGlmaWNhdGU="}, "CA file"),
        ({"certificate-authority-data": None, "certificate-authority": "x"}, "x"),
        ({"proxy-url": "socks5://proxy:3128"}, "proxy-url"),
        ({"server": ""}, "no server"),
    ],
    ids=["no certificate", "no CA file", "proxy", "no server"],
)
async def test_cluster_that_cannot_be_used_is_told(
    tmp_path: Path, cluster: dict[str, object], says: str
) -> None:
    file = write_kubeconfig(tmp_path / "config", cluster=cluster)

    with pytest.raises(BadConfiguration, match=says):
        await load(file)


async def test_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="no such file"):
        await load(tmp_path / "config")


async def test_service_account_of_the_pod_is_used(mounted: Path) -> None:
    found = await load_mounted(mounted)

    assert found.server == "https://[fd00::1]:443"
    assert found.default_namespace == "vault"
    assert await found.credentials.authorization() == Secret("Bearer canary")


@pytest.mark.parametrize("missing", ["token", "ca.crt", "namespace"])
async def test_incomplete_service_account_is_told(mounted: Path, missing: str) -> None:
    (mounted / missing).unlink()

    with pytest.raises(BadConfiguration, match=str(mounted)):
        await load_mounted(mounted)


async def test_authority_that_is_no_certificate_is_told(mounted: Path) -> None:
    (mounted / "ca.crt").write_text("no certificate")

    with pytest.raises(BadConfiguration, match="CA file"):
        await load_mounted(mounted)
