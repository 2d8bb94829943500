"""Where the confidential part of a login comes from, and who provides it."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from tests.fakes.kubernetes import FakeKubernetes
from tests.fakes.tokens import FakeTokens, service_account_token
from vso_controller.credentials.files import RootedFiles
from vso_controller.credentials.sources import (
    FileSource,
    SecretSource,
    ServiceAccountSource,
    account_uid,
)
from vso_controller.domain.destination import OPAQUE
from vso_controller.domain.login import FileContent, SecretEntry, ServiceAccountToken
from vso_controller.domain.reasons import Reason, Refusal
from vso_controller.foundation.errors import OperationFailed, Transient
from vso_controller.foundation.objects import ObjectKey, ObjectVersion, ObservedSecret
from vso_controller.foundation.secret import Secret
from vso_controller.kube.errors import Forbidden, ServerFailed
from vso_controller.reconcilers.unlabelled import version_of

KEY = ObjectKey("apps", "app-jwt")
SECRET = ObservedSecret(KEY, "uid-of-app-jwt", "1", OPAQUE, b"")
NOT_A_JWT = Secret("canary")


def source_in(kubernetes: FakeKubernetes) -> SecretSource:
    return SecretSource(
        secrets=kubernetes, namespace="apps", entry=SecretEntry("app-jwt", "jwt")
    )


def file_source(root: Path, name: str = "id") -> FileSource:
    files = RootedFiles(roots=(root,), flag="--credential-path-roots")
    return FileSource(files=files, file=FileContent(f"{root}/{name}"))


def jwt_with(claims: bytes) -> Secret[str]:
    part = base64.urlsafe_b64encode(claims).decode().rstrip("=")
    return Secret(f"canary.{part}.canary")


async def test_account_is_known_by_the_uid_in_its_token() -> None:
    source = ServiceAccountSource(
        tokens=FakeTokens(),
        namespace="apps",
        token=ServiceAccountToken("app-sa", ("vault",), 600),
    )
    assert source.provider_uid == ""

    await source.fetch()

    assert source.provider_uid == "uid-of-app-sa"
    assert source.secret is None


@pytest.mark.parametrize(
    "token",
    [
        NOT_A_JWT,
        Secret("a.%%%.c"),
        Secret("a.äö.c"),
        jwt_with(b"no json"),
        jwt_with(b"[]"),
        jwt_with(b'{"kubernetes.io": 1}'),
        jwt_with(b'{"kubernetes.io": {"serviceaccount": {"uid": 1}}}'),
        jwt_with(b"\xff"),
    ],
    ids=["one part", "no base64", "no ASCII", "no JSON", "list", "word", "number", "?"],
)
def test_token_that_tells_of_no_account_is_no_error(token: Secret[str]) -> None:
    assert account_uid(token) == ""
    assert account_uid(service_account_token("u")) == "u"


async def test_value_of_a_secret_is_not_trimmed() -> None:
    kubernetes = FakeKubernetes()
    kubernetes.put(SECRET, {"jwt": b" canary\n"})
    source = source_in(kubernetes)

    assert (await source.fetch()).reveal() == " canary\n"
    assert (source.provider_uid, source.secret) == (SECRET.uid, KEY)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "Secret apps/app-jwt has no key 'jwt'"),
        ({"jwt": b""}, "Secret apps/app-jwt has no key 'jwt'"),
        ({"jwt": b"canary\xff"}, "key 'jwt' of Secret apps/app-jwt is no text"),
        (None, "Secret apps/app-jwt does not exist"),
    ],
    ids=["no key", "empty", "no text", "no Secret"],
)
async def test_secret_of_no_use_is_told(
    data: dict[str, bytes] | None, message: str
) -> None:
    kubernetes = FakeKubernetes()
    if data is not None:
        kubernetes.put(SECRET, data)

    with pytest.raises(Refusal) as refused:
        await source_in(kubernetes).fetch()

    assert refused.value.failure.reason is Reason.CREDENTIALS_UNAVAILABLE
    assert str(refused.value) == message
    assert "canary" not in f"{refused.value.__cause__}{refused.value.__context__}"


@pytest.mark.parametrize(
    ("failure", "kind"),
    [(Forbidden("no right"), Refusal), (ServerFailed("500"), Transient)],
    ids=["forbidden", "away"],
)
async def test_secret_that_cannot_be_read_is_told(
    failure: OperationFailed, kind: type[OperationFailed]
) -> None:
    kubernetes = FakeKubernetes()
    kubernetes.failures["read_data"] = failure

    with pytest.raises(kind, match=str(failure)):
        await source_in(kubernetes).fetch()


async def test_version_that_was_fetched_or_an_older_one_is_no_news() -> None:
    kubernetes = FakeKubernetes()
    kubernetes.put(SECRET, {"jwt": b"canary"})
    source = source_in(kubernetes)
    first = version_of(kubernetes.secrets[KEY])
    assert not source.has_seen(first)

    kubernetes.edit(KEY, jwt=b"canary-2")
    await source.fetch()

    second = version_of(kubernetes.secrets[KEY])
    assert source.has_seen(first)
    assert source.has_seen(second)
    assert not source.has_seen(replace(second, uid="uid-of-the-next"))
    assert not source.has_seen(ObjectVersion(KEY, SECRET.uid, "1000"))
    assert not source.has_seen(ObjectVersion(KEY, SECRET.uid, "opaque"))


async def test_content_of_a_file_is_trimmed(tmp_path: Path) -> None:
    (tmp_path / "id").write_bytes(b" canary \r\n")

    assert (await file_source(tmp_path).fetch()).reveal() == "canary"


def test_file_has_one_uid_for_ever(tmp_path: Path) -> None:
    one, again = file_source(tmp_path), file_source(tmp_path)
    other = file_source(tmp_path, "other")

    assert one.provider_uid == again.provider_uid != other.provider_uid
    assert str(UUID(one.provider_uid)) == one.provider_uid


@pytest.mark.parametrize(
    ("content", "message"),
    [(b" \n", "is empty"), (b"canary\xff", "is no text"), (None, "No such file")],
    ids=["empty", "no text", "missing"],
)
async def test_file_of_no_use_is_told(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / "id").write_bytes(content)

    with pytest.raises(Refusal, match=message) as refused:
        await file_source(tmp_path).fetch()

    assert refused.value.failure.reason is Reason.CREDENTIALS_UNAVAILABLE


async def test_file_that_changed_is_noticed_after_it_was_fetched(
    tmp_path: Path,
) -> None:
    file = tmp_path / "id"
    file.write_bytes(b"canary")
    source = file_source(tmp_path)
    assert not await source.has_changed(), "nobody has used it yet"
    await source.fetch()
    assert not await source.has_changed()

    (tmp_path / "next").write_bytes(b"canary-2")
    (tmp_path / "next").rename(file)

    assert await source.has_changed()
