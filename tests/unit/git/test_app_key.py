"""A GitHub App's signature: checked with its public key alone, as GitHub does."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from fleet.git.app_key import App

KEY = rsa.generate_private_key(65537, 2048)
FORMS = {
    "PKCS 1": serialization.PrivateFormat.TraditionalOpenSSL,
    "PKCS 8": serialization.PrivateFormat.PKCS8,
}


def pem(form: serialization.PrivateFormat) -> bytes:
    return KEY.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


@pytest.mark.parametrize("form", FORMS)
def test_a_jwt_is_signed_by_rs256_and_lasts_less_than_ten_minutes(form: str) -> None:
    head, claims, signature = App("7", "", pem(FORMS[form])).jwt(1_800_000_000.5).split(".")
    assert json.loads(decoded(head)) == {"alg": "RS256", "typ": "JWT"}
    assert json.loads(decoded(claims)) == {"iat": 1_799_999_940, "exp": 1_800_000_540, "iss": "7"}
    signed = f"{head}.{claims}".encode()
    KEY.public_key().verify(decoded(signature), signed, padding.PKCS1v15(), hashes.SHA256())
    with pytest.raises(InvalidSignature):
        KEY.public_key().verify(decoded(signature), signed + b"x", padding.PKCS1v15(), hashes.SHA256())
    assert "=" not in head + claims + signature


def test_another_key_is_another_identity_and_none_is_shown() -> None:
    key = pem(FORMS["PKCS 1"])
    app = App("7", "", key)
    assert app.digest == App("7", "", key).digest
    assert (
        len({app.digest, App("7", "1", key).digest, App("8", "", key).digest, App("7", "", b"x").digest}) == 4
    )
    assert key.splitlines()[1].decode() not in repr(app)
