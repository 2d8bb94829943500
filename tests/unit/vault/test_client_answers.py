"""Which error an answer becomes, and what its message may show."""

from __future__ import annotations

import gzip
import json
import traceback
from dataclasses import replace

import pytest

from tests.fakes.vault_server import JSON, Says, ScriptedServer, says_json
from tests.unit.vault.asking import ISSUE, READ, TOKEN
from vso_controller.foundation.errors import OperationFailed
from vso_controller.foundation.secret import Secret
from vso_controller.vault.client import VaultClient
from vso_controller.vault.errors import (
    AnswerLost,
    IndexNotReady,
    InvalidRequest,
    LeaseNotFound,
    LeaseQuotaReached,
    NotVaultAnswer,
    PathNotFound,
    PermissionDenied,
    RateLimited,
    RouteNotFound,
    SecretVersionDeleted,
    ServerFailed,
    ServerNotInitialized,
    ServerSealed,
    StandbyAnswered,
)
from vso_controller.vault.requests import VaultRequest
from vso_controller.vault.wire import LONGEST_BODY

HTML = Says(
    status=200,
    body=b"<html>canary</html>",
    headers={"Content-Type": "text/html"},
)
KV2_HINT = {
    "request_id": "1",
    "data": None,
    "warnings": ["Invalid path for a versioned K/V secrets engine."],
}


def deleted(**metadata: object) -> Says:
    whole = {"data": None, "metadata": {"deletion_time": "", **metadata}}
    return says_json({"request_id": "1", "data": whole}, status=404)


def errors(status: int, *texts: str) -> Says:
    return says_json({"errors": texts}, status=status)


async def failure(
    server: ScriptedServer, client: VaultClient, answer: Says, ask: VaultRequest = READ
) -> OperationFailed:
    server.script = lambda _: answer
    with pytest.raises(OperationFailed) as failed:
        await client.request(ask)
    return failed.value


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        pytest.param(errors(403, "permission denied"), PermissionDenied, id="403"),
        pytest.param(errors(404), PathNotFound, id="404"),
        pytest.param(
            errors(404, 'no handler for route "a/b". route entry not found.'),
            RouteNotFound,
            id="404 mount",
        ),
        pytest.param(
            errors(404, "namespace not found"), RouteNotFound, id="404 namespace"
        ),
        pytest.param(says_json(KV2_HINT, status=404), InvalidRequest, id="404 kv2"),
        pytest.param(deleted(deletion_time="x"), SecretVersionDeleted, id="deleted"),
        pytest.param(deleted(destroyed=True), SecretVersionDeleted, id="destroyed"),
        pytest.param(errors(400, "no"), InvalidRequest, id="400"),
        pytest.param(errors(400, "lease not found"), LeaseNotFound, id="400 lease"),
        pytest.param(
            errors(400, "server is not yet initialized"),
            ServerNotInitialized,
            id="400 init",
        ),
        pytest.param(errors(405), InvalidRequest, id="405"),
        pytest.param(errors(412), IndexNotReady, id="412"),
        pytest.param(errors(429, "rate limit quota exceeded"), RateLimited, id="429"),
        pytest.param(
            errors(429, "request path: lease count quota exceeded"),
            LeaseQuotaReached,
            id="429 leases",
        ),
        pytest.param(replace(HTML, status=429), RateLimited, id="429 of a proxy"),
        pytest.param(errors(472), StandbyAnswered, id="472"),
        pytest.param(errors(473), StandbyAnswered, id="473"),
        pytest.param(errors(474), StandbyAnswered, id="474"),
        pytest.param(errors(530), StandbyAnswered, id="530"),
        pytest.param(
            errors(500, "local node not active but active cluster node not found"),
            StandbyAnswered,
            id="no active node",
        ),
        pytest.param(errors(500, "oops"), ServerFailed, id="500"),
        pytest.param(errors(501), ServerNotInitialized, id="501"),
        pytest.param(replace(HTML, status=502), ServerFailed, id="502"),
        pytest.param(errors(503, "Vault is sealed"), ServerSealed, id="sealed"),
        pytest.param(replace(HTML, status=503), ServerFailed, id="503 of a proxy"),
        pytest.param(HTML, NotVaultAnswer, id="page"),
        pytest.param(replace(HTML, status=403), NotVaultAnswer, id="403 of a proxy"),
        pytest.param(replace(HTML, status=404), NotVaultAnswer, id="404 of a proxy"),
        pytest.param(
            says_json({"message": "no route"}, status=404),
            NotVaultAnswer,
            id="404 of a gateway",
        ),
        pytest.param(Says(body=b'{"data":'), NotVaultAnswer, id="broken JSON"),
        pytest.param(Says(body=b'{"a":"\xff"}'), NotVaultAnswer, id="not UTF-8"),
        pytest.param(Says(body=b"[" * 100_000), NotVaultAnswer, id="deep JSON"),
        pytest.param(
            Says(body=b'{"a":' * 100_000 + b"0" + b"}" * 100_000),
            NotVaultAnswer,
            id="deep JSON, whole",
        ),
        pytest.param(
            Says(status=403, body=b'{"errors":' + b"[" * 100_000 + b"]" * 100_000),
            NotVaultAnswer,
            id="deep JSON, 403",
        ),
        pytest.param(
            Says(body=b'{"data":[0' + b",0" * 1_000_001 + b"]}"),
            NotVaultAnswer,
            id="too many values",
        ),
        pytest.param(Says(body=b'["a"]'), NotVaultAnswer, id="no object"),
        pytest.param(Says(body=b""), NotVaultAnswer, id="empty"),
        pytest.param(Says(headers={}), NotVaultAnswer, id="no content type"),
    ],
)
async def test_answer_becomes_the_error_that_names_it(
    server: ScriptedServer,
    client: VaultClient,
    answer: Says,
    kind: type[OperationFailed],
) -> None:
    error = await failure(server, client, answer)

    assert type(error) is kind
    assert str(error).startswith(f"read secret/data/app at {server.address}: ")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(replace(HTML, status=502), id="502"),
        pytest.param(errors(504), id="504"),
        pytest.param(HTML, id="page"),
        pytest.param(Says(body=b"{"), id="broken JSON"),
        pytest.param(Says(body=b"x" * (LONGEST_BODY + 1)), id="too long"),
    ],
)
async def test_unclear_answer_to_what_must_not_be_repeated_is_an_unknown_outcome(
    server: ScriptedServer, client: VaultClient, answer: Says
) -> None:
    assert type(await failure(server, client, answer, ISSUE)) is AnswerLost


async def test_deleted_version_says_when(
    server: ScriptedServer, client: VaultClient
) -> None:
    error = await failure(server, client, deleted(deletion_time="2026-01-02T03:04:05Z"))

    assert isinstance(error, SecretVersionDeleted)
    assert (error.deletion_time, error.destroyed) == ("2026-01-02T03:04:05Z", False)


@pytest.mark.parametrize(
    ("header", "rest"),
    [
        ("7", 7.0),
        ("0", 1.0),
        ("", 5.0),
        ("soon", 5.0),
        ("-1", 5.0),
        ("1e9", 5.0),
        ("Wed, 21 Oct 2026 07:28:00 GMT", 5.0),
        ("999999999999999999999999", 300.0),
        ("9" * 5000, 300.0),
    ],
)
async def test_rate_limit_says_how_long_to_rest(
    server: ScriptedServer, client: VaultClient, header: str, rest: float
) -> None:
    answer = replace(errors(429), headers=JSON | {"Retry-After": header})

    error = await failure(server, client, answer)

    assert isinstance(error, RateLimited)
    assert error.retry_after == rest


async def test_standbys_health_is_no_quota(
    server: ScriptedServer, client: VaultClient
) -> None:
    health = replace(READ, path=("sys", "health"))

    error = await failure(server, client, says_json({}, status=429), health)

    assert type(error) is StandbyAnswered


async def test_quota_of_leases_asks_for_a_long_rest(
    server: ScriptedServer, client: VaultClient
) -> None:
    error = await failure(server, client, errors(429, "lease count quota exceeded"))

    assert isinstance(error, LeaseQuotaReached)
    assert error.retry_after == 60


@pytest.mark.parametrize(
    ("header", "kept"),
    [
        ("djE6Mg==", "djE6Mg=="),
        ("v1:cluster:7:9:c2lnbmVk", "v1:cluster:7:9:c2lnbmVk"),
        ("a b", ""),
        ("\xe9", ""),
        ("a" * 4000, ""),
    ],
)
async def test_reply_names_its_state_if_it_can_be_sent_back(
    server: ScriptedServer, client: VaultClient, header: str, kept: str
) -> None:
    server.script = lambda _: Says(headers=JSON | {"X-Vault-Index": header})

    assert (await client.request(ISSUE)).index == kept


async def test_reply_names_its_entry_in_the_audit_log(
    server: ScriptedServer, client: VaultClient
) -> None:
    server.script = lambda _: says_json({"request_id": "08fc-\x1b15", "data": {}})

    assert (await client.request(READ)).request_id == "08fc- 15"


async def test_vaults_own_words_are_shown_bounded_and_on_one_line(
    server: ScriptedServer, client: VaultClient
) -> None:
    error = await failure(
        server, client, errors(500, "1 error:\n\t* bad\x1b[31m\u202e", "z" * 10_000)
    )

    assert "1 error: * bad [31m ; zzz" in str(error)
    assert str(error).isprintable()
    assert len(str(error)) < 400


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(HTML, id="page"),
        pytest.param(replace(HTML, status=500), id="failing proxy"),
        pytest.param(Says(body=b'{"data": {"a": "canary"'), id="broken JSON"),
        pytest.param(Says(body=b'{"data": "canary\xff"}'), id="not UTF-8"),
        pytest.param(says_json({"error": "canary"}, status=400), id="no Vault shape"),
        pytest.param(says_json({"errors": "canary"}, status=400), id="no list"),
        pytest.param(
            says_json({"errors": [], "data": {"a": "canary"}}, status=500), id="data"
        ),
        pytest.param(
            Says(status=307, headers={"Location": "http://canary/"}), id="redirect"
        ),
        pytest.param(Says(headers={"X-Canary": "canary\x00" * 5}), id="bad header"),
        pytest.param(Says(headers={"X": "canary" * 10_000}), id="long header"),
        pytest.param(Says(body=b"canary" * 2_000_000), id="long body"),
        pytest.param(Says(body=b'{"data": "canary', length=99), id="cut short"),
        pytest.param(errors(400, f"bad token {TOKEN}"), id="echo"),
    ],
)
@pytest.mark.parametrize("ask", [READ, ISSUE], ids=["repeatable", "not"])
async def test_nothing_secret_is_in_what_an_error_prints(
    server: ScriptedServer, client: VaultClient, answer: Says, ask: VaultRequest
) -> None:
    error = await failure(server, client, answer, ask)

    printed = "".join(traceback.format_exception(error))
    chain = f"{error!s} {error!r} {error.__cause__!r} {error.__context__!r} {printed}"
    assert "canary" not in chain


async def test_what_a_body_sent_is_hidden_where_a_server_repeats_it(
    server: ScriptedServer, client: VaultClient
) -> None:
    login = replace(ISSUE, body=Secret({"role": "reader", "jwt": "ey.canary.jwt"}))
    answer = errors(400, 'role "reader" does not take "ey.canary.jwt"')

    error = await failure(server, client, answer, login)

    assert 'role "reader" does not take "***"' in str(error)


async def test_body_up_to_the_limit_is_read(
    server: ScriptedServer, client: VaultClient
) -> None:
    body = json.dumps({"data": {"a": "x" * (LONGEST_BODY - 100)}}).encode()
    server.script = lambda _: Says(body=body)

    data = (await client.request(READ)).member("data")

    assert data is not None
    assert len(data.reveal()["a"]) == LONGEST_BODY - 100


async def test_compressed_answer_is_read(
    server: ScriptedServer, client: VaultClient
) -> None:
    server.script = lambda _: Says(
        body=gzip.compress(b'{"data":{"a":"b"}}'),
        headers=JSON | {"Content-Encoding": "gzip"},
    )

    assert (await client.request(READ)).member("data") == Secret({"a": "b"})


async def test_compressed_bomb_is_refused_and_its_connection_dropped(
    server: ScriptedServer, client: VaultClient
) -> None:
    bomb = gzip.compress(b" " * (4 * LONGEST_BODY))
    server.script = lambda _: Says(
        body=bomb, headers=JSON | {"Content-Encoding": "gzip"}
    )

    with pytest.raises(NotVaultAnswer, match="too long"):
        await client.request(READ)

    server.script = lambda _: Says()
    await client.request(READ)
    assert server.asked[-1].connection == 2
