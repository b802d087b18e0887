"""Sealing keys: in Bitnami's form of a Secret, and made anew.

Form (sealed-secrets v0.40.0, ``pkg/controller/keys.go``): type ``kubernetes.io/tls``, the private key under ``tls.key``,
the certificate under ``tls.crt``, label ``sealedsecrets.bitnami.com/sealed-secrets-key``: ``active``, or any other word
for a key that opens and seals no more. A key belongs to the ring that its label ``fleethub.dev/ring`` names.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from fleet import names
from fleet.errors import FleetError
from fleet.secrets.seal import PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping

PublicKey = rsa.RSAPublicKey
LABEL: Final = f"{PREFIX}/sealed-secrets-key"
ACTIVE: Final = "active"
SIZE: Final = 4096
LIFETIME: Final = dt.timedelta(days=3650)
_LEAST: Final = 2048
# What the library says of a key or certificate that is damaged, or of a kind that it does not know.
_UNREADABLE: Final = (ValueError, UnsupportedAlgorithm, x509.InvalidVersion)


class KeyUnusable(FleetError):
    """A Secret that is labelled as a sealing key and is none that opens anything."""

    reason = "SealingKeyUnusable"


@dataclass(frozen=True, slots=True)
class SealingKey:
    """One key of a ring. ``secret`` is its Secret's name, ``made`` when its certificate begins (seconds).

    ``fingerprint`` is OpenSSH's, as sealed-secrets prints it. An ``active`` one seals, where it is its ring's newest.
    """

    ring: str
    secret: str
    fingerprint: str
    made: float
    active: bool
    certificate: str
    private: rsa.RSAPrivateKey = field(repr=False, compare=False)


def read(secret: Mapping[str, Any]) -> SealingKey:
    """The key of a Secret. Raises KeyUnusable, in words without content."""
    metadata = secret["metadata"]
    name, labels = str(metadata["name"]), metadata.get("labels") or {}
    ring = str(labels.get(names.RING, ""))
    if not ring:
        raise KeyUnusable(
            f"Secret {name} is a sealing key of no ring, so it opens nothing: "
            f"'fleethub seal-key assign {name} --ring NAME' puts it on one"
        )
    private = _private(secret, name)
    certificate = _data(secret, "tls.crt", name)
    try:
        found = x509.load_pem_x509_certificate(certificate)
        theirs, begins = found.public_key(), found.not_valid_before_utc
        # Written anew, for it is published: a bundle may hold more beside it, a private key too.
        text = found.public_bytes(Encoding.PEM).decode()
    except _UNREADABLE:
        raise KeyUnusable(f"Secret {name}: tls.crt is no certificate in PEM") from None
    if _public(theirs) != _public(private.public_key()):
        raise KeyUnusable(f"Secret {name}: tls.crt is not the certificate of tls.key")
    return SealingKey(
        ring,
        name,
        fingerprint(private.public_key()),
        begins.timestamp(),
        labels.get(LABEL) == ACTIVE,
        text,
        private,
    )


def after(newest: SealingKey | None, now: float) -> float:
    """When a key is to begin so that its ring seals with it: now, or after a newest one that another clock put later."""
    return now if newest is None else max(now, newest.made + 1)


def make(ring: str, namespace: str, now: float, size: int = SIZE) -> dict[str, Any]:
    """A Secret with a key that is made here and now, for the API server to name."""
    private = rsa.generate_private_key(65537, size)
    begins = dt.datetime.fromtimestamp(now, dt.UTC)
    name = x509.Name([])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + LIFETIME)
        .sign(private, SHA256())
    )
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "generateName": "sealed-secrets-key",
            "namespace": namespace,
            "labels": {LABEL: ACTIVE, names.RING: ring},
        },
        "type": "kubernetes.io/tls",
        "data": {
            "tls.key": base64.b64encode(pem).decode(),
            "tls.crt": base64.b64encode(certificate.public_bytes(Encoding.PEM)).decode(),
        },
    }


def fingerprint(key: rsa.RSAPublicKey) -> str:
    """OpenSSH's SHA-256 fingerprint of a public key."""
    blob = base64.b64decode(key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split()[1])
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def certified(pem: bytes) -> rsa.RSAPublicKey:
    """The public key of a certificate in PEM, to seal with. Raises KeyUnusable."""
    try:
        key = x509.load_pem_x509_certificate(pem).public_key()
    except _UNREADABLE:
        raise KeyUnusable("this is no certificate in PEM") from None
    if not isinstance(key, rsa.RSAPublicKey):
        raise KeyUnusable("this is not the certificate of an RSA key")
    return key


def _private(secret: Mapping[str, Any], name: str) -> rsa.RSAPrivateKey:
    try:
        # The library's validation looks for the primes' factors, a third of a second a key: too long for some
        # hundred keys at each start. What a damaged key gets wrong is found by arithmetic.
        key = load_pem_private_key(_data(secret, "tls.key", name), None, unsafe_skip_rsa_key_validation=True)
    except (*_UNREADABLE, TypeError):
        raise KeyUnusable(f"Secret {name}: tls.key is no private key in PEM, without a password") from None
    if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < _LEAST:
        raise KeyUnusable(f"Secret {name}: tls.key is no RSA key of {_LEAST} bits or more")
    if not _consistent(key.private_numbers()):
        raise KeyUnusable(f"Secret {name}: the numbers of tls.key do not belong together: the key is damaged")
    return key


def _consistent(key: rsa.RSAPrivateNumbers) -> bool:
    """Whether a key opens what its public half seals (RFC 8017, section 3.2), taking its primes for prime."""
    p, q, public = key.p, key.q, key.public_numbers
    return (
        min(p, q) > 1
        and p != q
        and p * q == public.n
        and public.e % 2 == 1
        and public.e > 1
        and all(public.e * key.d % (prime - 1) == 1 for prime in (p, q))
        and key.dmp1 == key.d % (p - 1)
        and key.dmq1 == key.d % (q - 1)
        and key.iqmp * q % p == 1
    )


def _data(secret: Mapping[str, Any], key: str, name: str) -> bytes:
    value = (secret.get("data") or {}).get(key)
    try:
        found = base64.b64decode(value or "", validate=True)
    except (ValueError, TypeError):
        found = b""
    if not found:
        raise KeyUnusable(f"Secret {name} has no {key}")
    return found


def _public(key: Any) -> bytes:
    return bytes(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
