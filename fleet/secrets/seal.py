"""Bitnami's sealing, to the byte.

Format (sealed-secrets v0.40.0, ``pkg/crypto``): ``uint16_be(len(k)) || k || c``, in base64, where ``k`` is a session
key of 32 bytes under RSA-OAEP (SHA-256, MGF1-SHA-256, the scope as its label) and ``c`` the value under AES-256-GCM
with a nonce of zeros and no further data. The session key is made anew for each value, so the nonce never repeats
under it.
"""

from __future__ import annotations

import base64
import binascii
import functools
import secrets
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from fleet.errors import FleetError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

PREFIX: Final = "sealedsecrets.bitnami.com"
NAMESPACE_WIDE: Final = f"{PREFIX}/namespace-wide"
CLUSTER_WIDE: Final = f"{PREFIX}/cluster-wide"
_SESSION_KEY: Final = 32
_NONCE: Final = bytes(12)
_TAG: Final = 16
_LENGTH: Final = 2


class Scope(StrEnum):
    """Where a sealed value opens: as this Secret alone, under any name in its namespace, anywhere."""

    STRICT = "strict"
    NAMESPACE = "namespace-wide"
    CLUSTER = "cluster-wide"


class SealBroken(FleetError):
    """What is given as sealed is none, or is cut or changed."""

    reason = "SealBroken"


def scope(annotations: Mapping[str, object]) -> Scope:
    """The scope that a SealedSecret's own annotations give it; the wider counts where both are set."""
    if annotations.get(CLUSTER_WIDE) == "true":
        return Scope.CLUSTER
    if annotations.get(NAMESPACE_WIDE) == "true":
        return Scope.NAMESPACE
    return Scope.STRICT


def label(scope: Scope, namespace: str, name: str) -> bytes:
    """What binds a value to its place."""
    if scope is Scope.CLUSTER:
        return b""
    return (namespace if scope is Scope.NAMESPACE else f"{namespace}/{name}").encode()


def parse(text: str) -> bytes:
    """The bytes of a sealed value. Raises SealBroken; line breaks in the base64 are let pass, as Go's decoder does."""
    try:
        blob = binascii.a2b_base64(text.replace("\n", "").replace("\r", ""), strict_mode=True)
    except ValueError:
        raise SealBroken("the sealed value is no base64") from None
    if len(blob) < _LENGTH or len(blob) < _LENGTH + int.from_bytes(blob[:_LENGTH]) + _TAG:
        raise SealBroken("the sealed value is too short: it is cut")
    return blob


def seal(key: RSAPublicKey, place: bytes, clear: bytes) -> str:
    """Seal a value for ``place``, a label."""
    session = secrets.token_bytes(_SESSION_KEY)
    wrapped = key.encrypt(session, _padding(place))
    content = AESGCM(session).encrypt(_NONCE, clear, None)
    return base64.b64encode(len(wrapped).to_bytes(_LENGTH) + wrapped + content).decode()


def unseal(key: RSAPrivateKey, place: bytes, blob: bytes) -> bytes | None:
    """The value in clear; None where this key does not open it at this place. Raises SealBroken.

    One RSA operation; it holds no lock of the interpreter.
    """
    length = int.from_bytes(blob[:_LENGTH])
    wrapped, content = blob[_LENGTH : _LENGTH + length], blob[_LENGTH + length :]
    if length != key.key_size // 8:
        return None
    try:
        session = key.decrypt(wrapped, _padding(place))
    except ValueError:
        return None
    try:
        return AESGCM(session).decrypt(_NONCE, content, None)
    except (InvalidTag, ValueError):
        raise SealBroken("the sealed value was changed after it was sealed") from None


@functools.lru_cache(maxsize=1024)
def _padding(place: bytes) -> padding.OAEP:
    return padding.OAEP(mgf=padding.MGF1(SHA256()), algorithm=SHA256(), label=place or None)
