"""The Secret in which the token of a session waits for the next process.

The form is upstream's, so that either operator goes on with what the other has stored:
one immutable Secret for each session, named by its cache key, with the answer to the
login (or what the transit engine made of it) and a MAC over both. Labels say whose it
is; they are under no MAC, but the cache key is a digest of what they say.

What is ours is one annotation, a keyed digest of the login by which the token came: who
logs in with something else by now does not go on with it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from hmac import compare_digest
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vso_controller.domain.login import Login
from vso_controller.foundation import gojson
from vso_controller.foundation.gojson import JSONValue
from vso_controller.foundation.objects import NewSecret, ObjectKey, OpenSecret
from vso_controller.foundation.secret import Secret

LABELS: Mapping[str, str] = {
    "app.kubernetes.io/component": "client-cache-storage",
    "app.kubernetes.io/managed-by": "vso",
    "app.kubernetes.io/name": "vault-secrets-operator",
}
"""What all entries have in common, and nothing else has."""
SELECTOR = ",".join(f"{name}={value}" for name, value in sorted(LABELS.items()))
CACHE_KEY_LABEL = "cacheKey"
AUTH_UID_LABEL = "auth/UID"
AUTH_GENERATION_LABEL = "auth/generation"
CONNECTION_UID_LABEL = "connection/UID"
CONNECTION_GENERATION_LABEL = "connection/generation"
ENCRYPTED_LABEL = "encrypted"
TRANSIT_LABEL = "vaultTransitRef"
ENCRYPTION_LABEL = "cacheStorageEncryption"
"""On the VaultAuth whose `storageEncryption` encrypts entries: `"true"`."""
LOGIN_ANNOTATION = "vso-controller.dev/login-digest"
LONGEST_LABEL = 63  # characters that a value of a label may have

_PREFIX = "vso-cc-"
_PAYLOAD = "secret"
_MAC = "messageMAC"
_TYPE = "Opaque"
_TRUE = "true"

_Model = TypeVar("_Model", bound=BaseModel)

Sign = Callable[[bytes], bytes]
"""Returns HMAC-SHA256 of a message, with the operator's key."""


class PersistenceModel(StrEnum):
    """Whether the tokens of sessions outlive the process, and how."""

    NONE = "none"
    UNENCRYPTED = "direct-unencrypted"
    ENCRYPTED = "direct-encrypted"


@dataclass(frozen=True, slots=True)
class Part:
    """One of the objects that an identity is made of."""

    namespace: str
    uid: str
    generation: int


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose token it is."""

    cache_key: str
    auth: Part
    connection: Part
    provider_namespace: str
    provider_uid: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What is stored of one session."""

    origin: Origin
    payload: Secret[bytes]
    login_digest: str
    sealed_by: str = ""  # the VaultAuth that encrypted the payload; "": it is plain


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an entry must be, to be used."""

    origin: Origin
    login_digest: str
    encrypted: bool
    needs_digest: bool = False
    """Whether the uids and generations in the labels do not tell how it logs in."""


class Flaw(StrEnum):
    """Why a stored entry is not used."""

    FORGED = "forged"
    """Its MAC is not that of its content."""
    MISLABELLED = "mislabelled"
    """Its labels name other objects than those that its name stands for."""
    OTHER_FORM = "other_form"
    """It is plain where it should be encrypted, or the other way round."""
    OTHER_LOGIN = "other_login"
    """The identity logs in with something else by now."""


def entry_key(namespace: str, cache_key: str) -> ObjectKey:
    """Return the name of the entry of a session."""
    return ObjectKey(namespace, f"{_PREFIX}{cache_key}")


def to_secret(entry: Entry, *, namespace: str, sign: Sign) -> NewSecret:
    """Return the Secret that holds `entry`."""
    key = entry_key(namespace, entry.origin.cache_key)
    payload = entry.payload.reveal()
    mac = sign(_message(key.name, entry.origin.cache_key, payload))
    return NewSecret(
        key=key,
        type=_TYPE,
        data=Secret({_PAYLOAD: payload, _MAC: mac}),
        labels=_labels(entry.origin) | _labels_of_form(entry.sealed_by),
        annotations={LOGIN_ANNOTATION: entry.login_digest},
        immutable=True,
    )


def payload_of(found: OpenSecret) -> Secret[bytes]:
    """Return the content of an entry, b"" if it has none."""
    return Secret(found.data.reveal().get(_PAYLOAD, b""))


def flaw_of(found: OpenSecret, wanted: Wanted, *, sign: Sign) -> Flaw | None:
    """Return what is wrong with the entry that was `found`, None if nothing is."""
    return next(
        (flaw for flaw, applies in _RULES if applies(found, wanted, sign)), None
    )


def sealed_by(found: OpenSecret) -> str:
    """Return the name of the VaultAuth that encrypted the entry, "" for none."""
    return found.labels.get(TRANSIT_LABEL, "")


def login_digest(
    sign: Sign, cache_key: str, login: Login, shown: Mapping[str, JSONValue] | None
) -> str:
    """Return a digest of how the session `cache_key` logs in.

    `shown` are the credentials, where they are the same at each login (else None).
    """
    parts = [cache_key, asdict(login), None if shown is None else dict(shown)]
    return sign(b"login " + gojson.dumps(parts)).hex()


def encode_login(document: Secret[dict[str, JSONValue]]) -> Secret[bytes]:
    """Return the answer to a login as an entry holds it."""
    return Secret(gojson.dumps(document.reveal()))


def decode_login(payload: Secret[bytes]) -> Secret[str] | None:
    """Return the token in the answer to a login, None if it holds none."""
    stored = _parse(_Login, payload)
    return None if stored is None else Secret(stored.auth.client_token)


def encode_ciphertext(ciphertext: str) -> Secret[bytes]:
    """Return what the transit engine answered as an entry holds it."""
    return Secret(gojson.dumps({"ciphertext": ciphertext}))


def decode_ciphertext(payload: Secret[bytes]) -> str | None:
    """Return the ciphertext for the transit engine, None if there is none."""
    stored = _parse(_Encrypted, payload)
    return None if stored is None else stored.ciphertext


def is_orphan(
    labels: Mapping[str, str],
    *,
    auths: Mapping[str, int],
    connections: Mapping[str, int],
) -> bool:
    """Whether the VaultAuth or VaultConnection of an entry is gone or was edited.

    They are given as the generation of each uid that there is.
    """
    return not (
        _is_there(labels, AUTH_UID_LABEL, AUTH_GENERATION_LABEL, auths)
        and _is_there(
            labels, CONNECTION_UID_LABEL, CONNECTION_GENERATION_LABEL, connections
        )
    )


class _Auth(BaseModel):
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    client_token: str = Field(pattern=r"^[!-~]+$", repr=False)


class _Login(BaseModel):
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    auth: _Auth


class _Encrypted(BaseModel):
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    ciphertext: str = Field(pattern=r"^[!-~]+$")


def _is_forged(found: OpenSecret, wanted: Wanted, sign: Sign) -> bool:
    data = found.data.reveal()
    content = _message(found.key.name, wanted.origin.cache_key, data.get(_PAYLOAD, b""))
    return not compare_digest(data.get(_MAC, b""), sign(content))


def _is_mislabelled(found: OpenSecret, wanted: Wanted, _: Sign) -> bool:
    labels = _labels(wanted.origin)
    return any(found.labels.get(name) != value for name, value in labels.items())


def _is_of_other_form(found: OpenSecret, wanted: Wanted, _: Sign) -> bool:
    return (found.labels.get(ENCRYPTED_LABEL) == _TRUE) != wanted.encrypted


def _is_of_other_login(found: OpenSecret, wanted: Wanted, _: Sign) -> bool:
    digest = found.annotations.get(LOGIN_ANNOTATION)
    if digest is None:  # it is one of upstream's
        return wanted.needs_digest
    return not compare_digest(digest.encode(), wanted.login_digest.encode())


_RULES: tuple[tuple[Flaw, Callable[[OpenSecret, Wanted, Sign], bool]], ...] = (
    (Flaw.FORGED, _is_forged),
    (Flaw.MISLABELLED, _is_mislabelled),
    (Flaw.OTHER_FORM, _is_of_other_form),
    (Flaw.OTHER_LOGIN, _is_of_other_login),
)


def _message(name: str, cache_key: str, payload: bytes) -> bytes:
    return name.encode() + cache_key.encode() + payload


def _labels(origin: Origin) -> dict[str, str]:
    return {
        **LABELS,
        CACHE_KEY_LABEL: origin.cache_key,
        "auth/namespace": origin.auth.namespace,
        AUTH_UID_LABEL: origin.auth.uid,
        AUTH_GENERATION_LABEL: str(origin.auth.generation),
        "connection/namespace": origin.connection.namespace,
        CONNECTION_UID_LABEL: origin.connection.uid,
        CONNECTION_GENERATION_LABEL: str(origin.connection.generation),
        "provider/namespace": origin.provider_namespace,
        "provider/UID": origin.provider_uid,
    }


def _labels_of_form(sealed_by: str) -> dict[str, str]:
    if not sealed_by:
        return {}
    return {ENCRYPTED_LABEL: _TRUE, TRANSIT_LABEL: sealed_by}


def _is_there(
    labels: Mapping[str, str], uid: str, generation: str, there: Mapping[str, int]
) -> bool:
    found = there.get(labels.get(uid, ""))
    return found is not None and labels.get(generation) == str(found)


def _parse(model: type[_Model], payload: Secret[bytes]) -> _Model | None:
    try:
        return model.model_validate(json.loads(payload.reveal()))
    except (ValidationError, ValueError, RecursionError):
        return None
