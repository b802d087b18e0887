"""What a Secret that is labelled as a sealing key may hold."""

from __future__ import annotations

import base64
import copy
import datetime as dt
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from fleet.secrets import keys
from fleet.secrets.keys import KeyUnusable

BEGIN, END = b"-----BEGIN CERTIFICATE-----\n", b"-----END CERTIFICATE-----\n"
ED25519 = bytes.fromhex("06032b6570")  # the OID, as DER has it


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    """A key's Secret, small, as the API server would name it."""
    secret = keys.make("prod", "fleethub", 1e9, 2048)
    secret["metadata"]["name"] = "sealed-secrets-key1"
    return secret


def with_certificate(secret: dict[str, Any], pem: bytes) -> dict[str, Any]:
    changed = copy.deepcopy(secret)
    changed["data"]["tls.crt"] = base64.b64encode(pem).decode()
    return changed


def pem(der: bytes) -> bytes:
    return BEGIN + base64.encodebytes(der) + END


def strange_key() -> bytes:
    """A certificate of a key of a kind that nobody knows."""
    key = ed25519.Ed25519PrivateKey.generate()
    begins = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(x509.Name([]))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begins)
        .not_valid_after(begins + dt.timedelta(days=1))
        .sign(key, None)
        .public_bytes(Encoding.DER)
    )
    return pem(made.replace(ED25519, ED25519[:-1] + b"\x7f"))


def strange_version(secret: dict[str, Any]) -> bytes:
    """A certificate of a version that there is not."""
    der = x509.load_pem_x509_certificate(base64.b64decode(secret["data"]["tls.crt"])).public_bytes(
        Encoding.DER
    )
    return pem(der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x44", 1))


def test_a_made_key_reads(made: dict[str, Any]) -> None:
    found = keys.read(made)
    assert (found.ring, found.secret, found.made, found.active) == ("prod", "sealed-secrets-key1", 1e9, True)


def test_a_damaged_certificate_makes_its_secret_unusable_and_nothing_else(made: dict[str, Any]) -> None:
    for certificate in (strange_key(), strange_version(made), b"x", pem(b"x")):
        with pytest.raises(KeyUnusable, match=r"sealed-secrets-key1: tls\.crt is no certificate in PEM"):
            keys.read(with_certificate(made, certificate))


def test_of_a_bundle_only_the_certificate_is_told(made: dict[str, Any]) -> None:
    own, private = (base64.b64decode(made["data"][name]) for name in ("tls.crt", "tls.key"))
    for bundle in (b"# schl\xfcssel\n" + own, own + private, private + own):
        assert keys.read(with_certificate(made, bundle)).certificate.encode() == own


def test_a_strange_certificate_seals_nothing(made: dict[str, Any]) -> None:
    for certificate in (strange_key(), strange_version(made), b"x"):
        with pytest.raises(KeyUnusable):
            keys.certified(certificate)


@pytest.mark.parametrize("name", ["n", "d", "p", "q", "dmp1", "dmq1", "iqmp"])
def test_a_private_key_with_a_wrong_number_is_damaged(made: dict[str, Any], name: str) -> None:
    key = load_pem_private_key(base64.b64decode(made["data"]["tls.key"]), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    numbers = key.private_numbers()
    own = {one: getattr(numbers, one) for one in ("p", "q", "d", "dmp1", "dmq1", "iqmp")}
    public = {"e": 65537, "n": numbers.public_numbers.n}
    (public if name == "n" else own)[name] += 2
    damaged = copy.deepcopy(made)
    damaged["data"]["tls.key"] = base64.b64encode(rsa_pem(**public, **own)).decode()
    with pytest.raises(KeyUnusable, match=r"sealed-secrets-key1: .*tls\.key"):
        keys.read(damaged)


def rsa_pem(n: int, e: int, p: int, q: int, d: int, dmp1: int, dmq1: int, iqmp: int) -> bytes:
    """An RSAPrivateKey of RFC 8017, appendix A.1.2, whatever its numbers are."""
    content = b"".join(integer(one) for one in (0, n, e, d, p, q, dmp1, dmq1, iqmp))
    der = b"\x30\x82" + len(content).to_bytes(2, "big") + content
    return b"-----BEGIN RSA PRIVATE KEY-----\n" + base64.encodebytes(der) + b"-----END RSA PRIVATE KEY-----\n"


def integer(number: int) -> bytes:
    body = number.to_bytes(number.bit_length() // 8 + 1, "big")
    size = bytes([len(body)]) if len(body) < 128 else b"\x82" + len(body).to_bytes(2, "big")
    return b"\x02" + size + body


def test_a_key_that_is_whole_is_read_whatever_wrote_it(made: dict[str, Any]) -> None:
    key = load_pem_private_key(base64.b64decode(made["data"]["tls.key"]), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    whole = copy.deepcopy(made)
    for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL):
        text = key.private_bytes(Encoding.PEM, form, NoEncryption())
        whole["data"]["tls.key"] = base64.b64encode(text).decode()
        assert keys.read(whole).private.private_numbers() == key.private_numbers()


def test_a_new_key_begins_after_its_rings_newest_whatever_the_clocks_say(made: dict[str, Any]) -> None:
    newest = keys.read(made)
    assert keys.after(None, 5.0) == 5.0
    assert keys.after(newest, newest.made + 7) == newest.made + 7
    for now in (newest.made, newest.made - 3600):
        assert keys.after(newest, now) > newest.made
