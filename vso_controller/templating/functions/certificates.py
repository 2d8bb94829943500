"""Certificates: only one that is there already can be used, with its key."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_der_private_key

from vso_controller.templating.errors import FunctionError
from vso_controller.templating.functions.bases import CorruptInput, decode_base64
from vso_controller.templating.functions.methods import method
from vso_controller.templating.functions.paying import reading
from vso_controller.templating.values import Object, raw, text

_WEIGHT = 16
_PEM = re.compile(
    rb"(?:^|\n)-----BEGIN (?P<label>[^\n]*?)-----[ \t\r]*\n(?P<body>.*?)"
    rb"(?:^|\n)-----END (?P=label)-----",
    re.DOTALL,
)
_HEADER = re.compile(rb"\A(?:[^\n:]+:[^\n]*\n)+\r?\n")
_KEY = re.compile(rb"(?:RSA |EC |DSA )?PRIVATE KEY")


@dataclass(frozen=True, slots=True)
class Certificate(Object):
    """A certificate and its key, in PEM."""

    certificate: str
    key: str

    TYPE = "sprig.certificate"

    def text(self) -> str:
        return f"{{{self.certificate} {self.key}}}"

    def plain(self) -> object:
        return {"Cert": self.certificate, "Key": self.key}

    def __repr__(self) -> str:
        return "Certificate(***)"


Certificate.METHODS = {
    "Cert": method()(lambda value: value.certificate),
    "Key": method()(lambda value: value.key),
}


@reading("buildCustomCert", "(string, string) sprig.certificate", weight=_WEIGHT)
def build_custom_cert(certificate: str, key: str) -> Certificate:
    """Return a certificate and its key, given in base64; `.Cert` and `.Key` are PEM."""
    certificate_pem = _decoded(certificate, "certificate")
    key_pem = _decoded(key, "private key")
    _check_certificate(certificate_pem)
    _check_key(key_pem)
    return Certificate(text(certificate_pem), text(key_pem))


def _decoded(encoded: str, what: str) -> bytes:
    try:
        return decode_base64(raw(encoded))
    except CorruptInput:
        raise FunctionError(f"the {what} is no base64") from None


def _block(pem: bytes, what: str) -> tuple[bytes, bytes]:
    """Return the label and the contents of the first block of a PEM text."""
    found = _PEM.search(pem)
    if found is None:
        raise FunctionError(f"the {what} is no PEM")
    try:
        return found["label"], decode_base64(
            _HEADER.sub(b"", found["body"]).translate(None, b" \t\r\n")
        )
    except CorruptInput:
        raise FunctionError(f"the {what} is no PEM") from None


def _check_certificate(pem: bytes) -> None:
    _, contents = _block(pem, "certificate")
    try:
        x509.load_der_x509_certificate(contents)
    except ValueError:
        raise FunctionError("the certificate cannot be read") from None


def _check_key(pem: bytes) -> None:
    label, contents = _block(pem, "private key")
    if not _KEY.fullmatch(label):
        raise FunctionError("the private key is of no known type")
    try:
        load_der_private_key(contents, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise FunctionError("the private key cannot be read") from None


FUNCTIONS = (build_custom_cert,)
