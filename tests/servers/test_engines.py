"""The helpers for OpenBao's engines and methods: does OpenBao do what they say?"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import jwt
import pytest
import pytest_asyncio
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.openbao import OpenBao, Storage
from tests.support.openbao_api import BaoApi, Refused, Token
from tests.support.openbao_audit import AuditLog, Request
from tests.support.openbao_kv import KeyValue
from tests.support.openbao_leases import Leases
from tests.support.openbao_methods import (
    AppRoleAuth,
    CertAuth,
    JwtAuth,
    UserpassAuth,
)
from tests.support.openbao_pki import PkiEngine
from tests.support.openbao_quotas import RateLimits
from tests.support.openbao_transit import TransitEngine
from tests.support.tls import CertificateFiles

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bao() -> AsyncIterator[OpenBao]:
    async with OpenBao.start(tls=True) as server:
        await server.root.put_policy("app", 'path "app/*" { capabilities = ["read"] }')
        yield server


async def policies_of(bao: OpenBao, token: Token) -> set[str]:
    reply = await bao.root.as_token(token.value).read("auth/token/lookup-self")
    return set(reply["data"]["policies"])


async def test_a_certificate_is_for_its_name_and_signed_by_the_root(
    bao: OpenBao,
) -> None:
    pki = await PkiEngine.enable(bao.root)
    await pki.put_role("web", domains=["example.test"], ttl="2m")

    issued = await pki.issue("web", "www.example.test")

    certificate = x509.load_pem_x509_certificate(issued.certificate.encode())
    certificate.verify_directly_issued_by(
        x509.load_pem_x509_certificate(pki.ca_pem.encode())
    )
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.value.get_values_for_type(x509.DNSName) == ["www.example.test"]
    assert certificate.not_valid_after_utc.timestamp() == issued.expiration
    assert 0 < issued.expiration - time.time() <= 121
    with pytest.raises(Refused, match="400"):
        await pki.issue("web", "www.example.invalid")


async def test_a_revoked_certificate_is_marked_as_such(bao: OpenBao) -> None:
    pki = await PkiEngine.enable(bao.root, mount="pki-revoking")
    await pki.put_role("web", domains=["example.test"], no_store=False)
    revoked, kept = [await pki.issue("web", "example.test") for _ in range(2)]

    await pki.revoke(revoked.serial_number)

    assert await pki.is_revoked(revoked.serial_number)
    assert not await pki.is_revoked(kept.serial_number)
    stored = await pki.serial_numbers()
    assert {revoked.serial_number, kept.serial_number} < stored


async def test_transit_decrypts_what_it_encrypted_until_it_must_forget(
    bao: OpenBao,
) -> None:
    transit = await TransitEngine.enable(bao.root)
    await transit.create_key("cache")
    old = await transit.encrypt("cache", b"client cache")
    await transit.rotate_key("cache")
    new = await transit.encrypt("cache", b"client cache")
    assert old.startswith("vault:v1:")
    assert new.startswith("vault:v2:")
    assert await transit.decrypt("cache", old) == b"client cache"

    await transit.forget_versions("cache", before=2)

    assert await transit.decrypt("cache", new) == b"client cache"
    with pytest.raises(Refused, match="400"):
        await transit.decrypt("cache", old)


async def test_an_application_logs_in_until_its_secret_id_is_destroyed(
    bao: OpenBao,
) -> None:
    auth = await AppRoleAuth.enable(bao.root)
    await auth.put_role("app", policies=["app"])
    credentials = await auth.credentials("app")
    assert credentials.secret_id not in repr(credentials)

    token = await auth.login(credentials)
    assert await policies_of(bao, token) == {"app", "default"}

    await auth.destroy_secret_id("app", credentials.secret_id)
    with pytest.raises(Refused, match="400"):
        await auth.login(credentials)


async def test_a_signed_token_logs_in_and_a_foreign_one_does_not(bao: OpenBao) -> None:
    key, stranger = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    auth = await JwtAuth.enable(bao.root, public_keys=[public_pem(key)])
    await auth.put_role("app", audiences=["vault"], policies=["app"], subject="me")
    claims = {"sub": "me", "aud": "vault", "exp": int(time.time()) + 60}

    token = await auth.login("app", jwt.encode(claims, key, algorithm="ES256"))

    assert await policies_of(bao, token) == {"app", "default"}
    with pytest.raises(Refused, match="400"):
        await auth.login("app", jwt.encode(claims, stranger, algorithm="ES256"))


async def test_a_client_certificate_logs_in(bao: OpenBao, tmp_path: Path) -> None:
    authority = trustme.CA()
    files = write_client_certificate(authority, tmp_path)
    auth = await CertAuth.enable(bao.root)
    ca_pem = authority.cert_pem.bytes().decode()
    await auth.put_role("app", ca_pem=ca_pem, policies=["app"])

    async with BaoApi.connect(
        bao.address, ca_pem=bao.ca_pem, client_certificate=files
    ) as client:
        token = await auth.login(client, role="app")

    assert await policies_of(bao, token) == {"app", "default"}
    with pytest.raises(Refused):
        await auth.login(bao.root)


async def test_a_password_logs_in(bao: OpenBao) -> None:
    auth = await UserpassAuth.enable(bao.root)
    await auth.put_user("ann", password="of green gables", policies=["app"])

    token = await auth.login("ann", "of green gables")

    assert await policies_of(bao, token) == {"app", "default"}
    with pytest.raises(Refused, match="400"):
        await auth.login("ann", "of the thousand days")


async def test_a_rate_limit_answers_429_until_it_is_removed(bao: OpenBao) -> None:
    kv = await KeyValue.enable(bao.root, "limited")
    await kv.put("app", {"password": "one"})
    limits = RateLimits(api=bao.root)
    await limits.put("narrow", rate=1, path="limited", interval="60s")

    assert await kv.get("app") == {"password": "one"}
    with pytest.raises(Refused) as refusal:
        await kv.get("app")
    assert refusal.value.status == 429

    await limits.remove("narrow")
    assert await kv.get("app") == {"password": "one"}


async def test_the_audit_log_tells_what_was_asked(bao: OpenBao) -> None:
    log = await AuditLog.enable(bao)
    team = await bao.root.create_namespace("audited")
    kv = await KeyValue.enable(team, "kv")
    await kv.put("app", {"password": "canary-value"})
    mark = log.mark()

    await kv.get("app")
    with pytest.raises(Refused):
        await team.as_token("nobody").read("kv/data/app")

    granted, refused = log.since(mark)
    assert granted == Request(
        operation="read", path="kv/data/app", namespace="audited", error=""
    )
    assert "permission denied" in refused.error
    assert log.count("kv/data/", operation="read") == 2
    assert log.count("kv/data/") == 3
    assert log.count("kv/data/", since=mark) == 2


async def test_leases_are_found_looked_up_and_revoked(bao: OpenBao) -> None:
    pki = await PkiEngine.enable(bao.root, mount="pki-leasing")
    await pki.put_role("web", domains=["example.test"], generate_lease=True)
    leases = Leases(api=bao.root)
    assert await leases.below("pki-leasing") == set()
    await pki.issue("web", "example.test")

    (lease_id,) = await leases.below("pki-leasing")
    lease = await leases.lookup(lease_id)
    assert lease is not None
    assert 0 < lease.ttl <= 3600
    assert not lease.renewable

    await leases.revoke(lease_id)
    assert await leases.lookup(lease_id) is None
    assert await leases.below("pki-leasing") == set()


async def test_what_was_set_up_outlives_a_restart() -> None:
    async with OpenBao.start(storage=Storage.DISK) as bao:
        auth = await AppRoleAuth.enable(bao.root)
        await auth.put_role("app", policies=["app"])
        log = await AuditLog.enable(bao)
        credentials = await auth.credentials("app")

        await bao.restart()

        await auth.login(credentials)
        assert log.count("auth/approle/login") == 1


def public_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return (
        key.public_key()
        .public_bytes(
            serialization.Encoding.PEM,
            serialization.PublicFormat.SubjectPublicKeyInfo,
        )
        .decode()
    )


def write_client_certificate(authority: trustme.CA, folder: Path) -> CertificateFiles:
    leaf = authority.issue_cert("client.test", common_name="client.test")
    files = CertificateFiles(folder / "client.crt", folder / "client.key")
    leaf.cert_chain_pems[0].write_to_path(files.certificate)
    leaf.private_key_pem.write_to_path(files.private_key)
    return files
