"""The flags of a control plane's programs, version by version."""

from __future__ import annotations

import json
import stat
from base64 import b64decode
from pathlib import Path

import pytest

from tests.support.components import (
    apiserver_flags,
    controller_manager_flags,
    etcd_flags,
    kubeconfig,
    parse_version,
    write_controller_kubeconfig,
)
from tests.support.controlplane_site import MASTERS, Site, User, Version, user_line
from tests.support.tls import trust

ANN = User("ann@example.test", ("developers", "on-call"), token="t0ken")


def site_in(folder: Path, version: Version = (1, 20)) -> Site:
    return Site(assets=folder / "bin", folder=folder, version=version)


@pytest.mark.parametrize(
    ("printed", "version"),
    [
        pytest.param("Kubernetes v1.20.2\n", (1, 20), id="oldest"),
        pytest.param("Kubernetes v1.31.4\n", (1, 31), id="newer"),
        pytest.param("Kubernetes v1.36.0-rc.1+8f4ff5c\n", (1, 36), id="candidate"),
        pytest.param("Kubernetes v2.0.0", (2, 0), id="next"),
    ],
)
def test_the_version_is_read_from_what_the_binary_prints(
    printed: str, version: Version
) -> None:
    assert parse_version(printed) == version


def test_what_is_no_version_is_refused() -> None:
    with pytest.raises(ValueError, match="no version of Kubernetes in 'etcd'"):
        parse_version("etcd")


@pytest.mark.parametrize("version", [(1, 20), (1, 23)])
def test_the_second_port_is_closed_while_there_is_one(
    tmp_path: Path, version: Version
) -> None:
    flags = controller_manager_flags(site_in(tmp_path, version), port=7)

    assert "--port=0" in flags
    assert "--secure-port=7" in flags


@pytest.mark.parametrize("version", [(1, 24), (1, 36), (2, 0)])
def test_a_flag_that_is_gone_is_not_given(tmp_path: Path, version: Version) -> None:
    flags = controller_manager_flags(site_in(tmp_path, version), port=7)

    assert "--port=0" not in flags


@pytest.mark.parametrize("version", [(1, 20), (1, 36)])
def test_the_api_server_listens_on_loopback_with_rbac(
    tmp_path: Path, version: Version
) -> None:
    site = site_in(tmp_path, version)

    flags = apiserver_flags(site, port=7, etcd_url="http://127.0.0.1:9")

    assert "--bind-address=127.0.0.1" in flags
    assert "--secure-port=7" in flags
    assert "--etcd-servers=http://127.0.0.1:9" in flags
    assert "--authorization-mode=RBAC" in flags
    assert f"--token-auth-file={site.tokens}" in flags


def test_no_flag_holds_a_secret(tmp_path: Path) -> None:
    site = site_in(tmp_path)

    flags = (
        *apiserver_flags(site, port=7, etcd_url="http://127.0.0.1:9"),
        *controller_manager_flags(site, port=8),
    )

    assert not any(site.admin.token in flag for flag in flags)


def test_etcd_keeps_to_the_ports_it_was_given(tmp_path: Path) -> None:
    clients, peers = "http://127.0.0.1:1", "http://127.0.0.1:2"

    flags = etcd_flags(data=tmp_path, clients=clients, peers=peers)

    assert f"--listen-client-urls={clients}" in flags
    assert f"--listen-peer-urls={peers}" in flags
    assert f"--initial-cluster=default={peers}" in flags


@pytest.mark.parametrize(
    ("user", "line"),
    [
        pytest.param(
            ANN,
            't0ken,"ann@example.test","ann@example.test","developers,on-call"\n',
            id="with groups",
        ),
        pytest.param(User("bob", token="t"), 't,"bob","bob"\n', id="without"),
    ],
)
def test_a_user_is_written_as_the_token_file_wants_it(user: User, line: str) -> None:
    assert user_line(user) == line


def test_the_administrator_stays_when_users_come(tmp_path: Path) -> None:
    site = site_in(tmp_path)

    site.add_users(ANN)
    site.add_users(User("bob"))

    lines = site.tokens.read_text().splitlines()
    assert len(lines) == 3
    assert lines[0].startswith(site.admin.token)
    assert lines[0].endswith(f'"{MASTERS}"')


def test_keys_and_tokens_are_for_their_owner_alone(tmp_path: Path) -> None:
    site = site_in(tmp_path)

    for file in (site.tokens, site.tls.private_key, site.service_account_key):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_renewed_certificate_has_the_same_authority(tmp_path: Path) -> None:
    site = site_in(tmp_path)
    ca_pem, before = site.ca_pem, site.tls.certificate.read_bytes()

    site.renew_certificate()

    assert site.tls.certificate.read_bytes() != before
    assert site.ca_pem == ca_pem


def test_a_renewed_authority_is_another_one(tmp_path: Path) -> None:
    site = site_in(tmp_path)
    (before,) = trust(site.ca_pem).get_ca_certs()

    site.renew_authority()

    (after,) = trust(site.ca_pem).get_ca_certs()
    assert after["serialNumber"] != before["serialNumber"]


def test_a_kubeconfig_names_server_authority_and_token() -> None:
    document = json.loads(kubeconfig("https://127.0.0.1:7", "PEM", "t0ken"))

    cluster = document["clusters"][0]["cluster"]
    assert cluster["server"] == "https://127.0.0.1:7"
    assert b64decode(cluster["certificate-authority-data"]) == b"PEM"
    assert document["users"][0]["user"] == {"token": "t0ken"}


def test_the_controller_manager_learns_the_new_authority(tmp_path: Path) -> None:
    site = site_in(tmp_path)
    write_controller_kubeconfig(site, apiserver_url="https://127.0.0.1:7")
    (flag,) = (
        flag
        for flag in controller_manager_flags(site, port=8)
        if flag.startswith("--kubeconfig=")
    )
    file = Path(flag.removeprefix("--kubeconfig="))
    before = file.read_text()

    site.renew_authority()
    write_controller_kubeconfig(site, apiserver_url="https://127.0.0.1:7")

    assert file.read_text() != before
