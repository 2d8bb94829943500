from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from vso_controller.foundation.gojson import JSONValue
from vso_controller.foundation.secret import Secret
from vso_controller.vault.errors import NotVaultAnswer
from vso_controller.vault.requests import VaultReply, VaultRequest
from vso_controller.vault.transit import TransitKey


@dataclass
class Answering:
    """Answers every request with the same data."""

    data: JSONValue
    namespace: str = "team"
    requests: list[VaultRequest] = field(default_factory=list)

    async def send(self, request: VaultRequest) -> VaultReply:
        self.requests.append(request)
        return VaultReply(status=200, document=Secret({"data": self.data}))


async def test_plaintext_is_sent_to_the_key() -> None:
    vault = Answering({"ciphertext": "vault:v1:abc", "key_version": "1"})

    ciphertext = await key_of(vault).encrypt(Secret(b"canary"))

    (request,) = vault.requests
    assert ciphertext == "vault:v1:abc"
    assert request.path == ("a", "transit", "encrypt", "vso")
    assert request.namespace == "team"
    assert request.body == Secret({"name": "vso", "plaintext": "Y2FuYXJ5"})


async def test_plaintext_comes_back() -> None:
    vault = Answering({"plaintext": "Y2FuYXJ5"})

    plaintext = await key_of(vault).decrypt("vault:v1:abc")

    (request,) = vault.requests
    assert plaintext == Secret(b"canary")
    assert request.path == ("a", "transit", "decrypt", "vso")
    assert request.body == Secret({"name": "vso", "ciphertext": "vault:v1:abc"})


@pytest.mark.parametrize(
    "data", [None, {}, {"plaintext": 1}, {"plaintext": "canary!"}], ids=repr
)
async def test_answer_without_a_result_is_none(data: JSONValue) -> None:
    with pytest.raises(NotVaultAnswer) as decrypting:
        await key_of(Answering(data)).decrypt("vault:v1:abc")
    with pytest.raises(NotVaultAnswer):
        await key_of(Answering(data)).encrypt(Secret(b"canary"))

    assert "canary" not in str(decrypting.value)


def key_of(vault: Answering) -> TransitKey:
    return TransitKey(sender=vault, mount="a/transit/", name="vso")
