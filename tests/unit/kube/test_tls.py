from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from tests.unit.kube.worlds import SettableClock
from vso_controller.kube.errors import BadConfiguration
from vso_controller.kube.tls import FILES_REST, Tls, TlsFiles

ONE, OTHER = trustme.CA(), trustme.CA()
LEAF = ONE.issue_cert("me@example.com")


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    file = tmp_path / "ca.crt"
    ONE.cert_pem.write_to_path(str(file))
    return file


@pytest.fixture
def tls(authority: Path, clock: SettableClock) -> Tls:
    return Tls(files=TlsFiles(authority=authority), clock=clock)


def write_leaf(folder: Path, leaf: trustme.LeafCert = LEAF) -> TlsFiles:
    certificate, key = folder / "client.crt", folder / "client.key"
    leaf.cert_chain_pems[0].write_to_path(str(certificate))
    leaf.private_key_pem.write_to_path(str(key))
    return TlsFiles(certificate=certificate, key=key)


def spoil(file: Path, content: str | None) -> None:
    if content is None:
        file.unlink()
    else:
        file.write_text(content)


def trusts(context: ssl.SSLContext, authority: trustme.CA) -> bool:
    der = ssl.PEM_cert_to_DER_cert(authority.cert_pem.bytes().decode())
    return der in context.get_ca_certs(binary_form=True)


async def test_files_that_stay_make_one_context(tls: Tls, clock: SettableClock) -> None:
    first = await tls.context()
    clock.time += FILES_REST
    tls.doubt()

    assert await tls.context() is first


async def test_authority_that_was_replaced_is_trusted_a_minute_later(
    tls: Tls, authority: Path, clock: SettableClock
) -> None:
    await tls.context()
    OTHER.cert_pem.write_to_path(str(authority))

    clock.time += FILES_REST - 1
    assert trusts(await tls.context(), ONE)
    clock.time += 1
    assert trusts(await tls.context(), OTHER)
    assert not trusts(await tls.context(), ONE)


async def test_files_in_doubt_are_looked_at_at_once(tls: Tls, authority: Path) -> None:
    await tls.context()
    OTHER.cert_pem.write_to_path(str(authority))

    tls.doubt()

    assert trusts(await tls.context(), OTHER)


@pytest.mark.parametrize("content", ["", "no certificate", None])
async def test_files_that_are_no_use_leave_what_was_read_before(
    tls: Tls, authority: Path, content: str | None
) -> None:
    spoil(authority, content)
    tls.doubt()
    assert trusts(await tls.context(), ONE)

    OTHER.cert_pem.write_to_path(str(authority))
    tls.doubt()
    assert trusts(await tls.context(), OTHER)


async def test_client_certificate_that_was_replaced_is_presented(
    tmp_path: Path, clock: SettableClock
) -> None:
    tls = Tls(files=write_leaf(tmp_path), clock=clock)
    first = await tls.context()

    write_leaf(tmp_path, ONE.issue_cert("me@example.com"))
    tls.doubt()

    assert await tls.context() is not first


async def test_key_that_does_not_fit_yet_is_waited_for(
    tmp_path: Path, clock: SettableClock
) -> None:
    """Certificate and key are two files, and are seldom written at once."""
    files = write_leaf(tmp_path)
    tls = Tls(files=files, clock=clock)
    first = await tls.context()
    renewed = ONE.issue_cert("me@example.com")
    renewed.cert_chain_pems[0].write_to_path(str(files.certificate))
    tls.doubt()
    assert await tls.context() is first

    renewed.private_key_pem.write_to_path(str(files.key))
    tls.doubt()

    assert await tls.context() is not first


async def test_other_client_certificate_is_presented_from_then_on(
    tls: Tls, tmp_path: Path
) -> None:
    first = await tls.context()
    files = write_leaf(tmp_path)

    await tls.present(files.certificate, files.key)
    second = await tls.context()
    await tls.present(files.certificate, files.key)

    assert second is not first
    assert trusts(second, ONE)
    assert await tls.context() is second


async def test_other_client_certificate_that_is_none_is_told_and_left(
    tls: Tls, tmp_path: Path
) -> None:
    first = await tls.context()
    bad = tmp_path / "client.crt"
    bad.write_text("no certificate")

    with pytest.raises(BadConfiguration, match="client certificate"):
        await tls.present(bad, None)

    assert await tls.context() is first


def test_locked_key_is_told_and_nobody_is_asked_for_its_password(
    tmp_path: Path, clock: SettableClock
) -> None:
    files = write_leaf(tmp_path)
    assert files.key is not None
    key = load_pem_private_key(files.key.read_bytes(), password=None)
    locked = key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"canary")
    )
    files.key.write_bytes(locked)

    with pytest.raises(BadConfiguration, match="has a password"):
        Tls(files=files, clock=clock)


def test_files_that_are_not_there_are_told(
    tmp_path: Path, clock: SettableClock
) -> None:
    with pytest.raises(BadConfiguration, match=r"ca\.crt"):
        Tls(files=TlsFiles(authority=tmp_path / "ca.crt"), clock=clock)
