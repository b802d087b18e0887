"""The keys of a token issuer, from JWKS (RFC 7517) to PEM, in which Vault takes them. Pure."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

if TYPE_CHECKING:
    from collections.abc import Mapping

_CURVES: Final[dict[str, type[ec.EllipticCurve]]] = {
    "P-256": ec.SECP256R1,
    "P-384": ec.SECP384R1,
    "P-521": ec.SECP521R1,
}


def pems(keys: Mapping[str, Any]) -> tuple[str, ...]:
    """The public keys of a set that are RSA or on a curve; others are left out."""
    found = (_key(one) for one in keys.get("keys", ()))
    form = (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return tuple(key.public_bytes(*form).decode().strip() for key in found if key is not None)


def _key(one: Mapping[str, Any]) -> rsa.RSAPublicKey | ec.EllipticCurvePublicKey | None:
    try:
        if one.get("kty") == "RSA":
            return rsa.RSAPublicNumbers(_number(one["e"]), _number(one["n"])).public_key()
        if one.get("kty") == "EC":
            curve = _CURVES[one["crv"]]()
            return ec.EllipticCurvePublicNumbers(_number(one["x"]), _number(one["y"]), curve).public_key()
    except (KeyError, ValueError):
        pass
    return None


def _number(text: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
