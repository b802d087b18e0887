"""The identity of a GitHub App: read from a repository Secret, and the JWT that it signs with its key.

Contract: no I/O. Lifetime and claims are those that GitHub documents ("Generating a JSON Web Token (JWT) for a
GitHub App"): RS256, issued a minute ago against clocks that differ, at most ten minutes long. No
representation and no error holds the key.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from fleet import urls

PUBLIC: Final = "https://api.github.com"
PUBLIC_HOST: Final = "github.com"
_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")  # a number, or the client ID
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,19}")
_BEFORE: Final = 60
_AFTER: Final = 540
_SMALLEST: Final = 2048


@dataclass(frozen=True, slots=True)
class App:
    """A GitHub App. ``installation`` empty: it is looked up; ``base`` is the API's URL, without a slash."""

    id: str
    installation: str
    key: bytes = field(repr=False)
    base: str = PUBLIC

    @property
    def digest(self) -> str:
        """A word for this very identity: another key is another one."""
        return hashlib.sha256(repr((self.id, self.installation, self.base, self.key)).encode()).hexdigest()

    def jwt(self, now: float) -> str:
        """A token by which the App itself is known to the API, from ``now`` on for nine minutes."""
        claims: dict[str, str | int] = {"iat": int(now) - _BEFORE, "exp": int(now) + _AFTER, "iss": self.id}
        signed = f"{_part({'alg': 'RS256', 'typ': 'JWT'})}.{_part(claims)}"
        signature = _loaded(self.key).sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_base64(signature)}"


class AppInvalid(ValueError):
    """A key of the Secret cannot be used; ``key`` is its name."""

    def __init__(self, key: str, text: str) -> None:
        super().__init__(text)
        self.key = key


def read(values: dict[str, bytes], url: str) -> App | None:
    """The App that a repository Secret names, None where it names none; raises `AppInvalid`."""
    names = ("githubAppID", "githubAppInstallationID", "githubAppPrivateKey", "githubAppEnterpriseBaseUrl")
    found = {name: values.get(name, b"").strip() for name in names}
    if not any(found.values()):
        return None
    texts = {name: _text(name, found[name]) for name in names if name != "githubAppPrivateKey"}
    for name in ("githubAppID", "githubAppPrivateKey"):
        if not found[name]:
            raise AppInvalid(name, "a GitHub App needs it too")
    if not _ID.fullmatch(texts["githubAppID"]):
        raise AppInvalid("githubAppID", "it is neither the App's number nor its client ID")
    installation = texts["githubAppInstallationID"]
    if installation and not _NUMBER.fullmatch(installation):
        raise AppInvalid("githubAppInstallationID", "it is no number")
    parts = urls.parse(url)
    if parts.scheme == "ssh":
        raise AppInvalid("url", "the token of a GitHub App opens https URLs, not ssh")
    base = _base(texts["githubAppEnterpriseBaseUrl"], parts.host)
    key = found["githubAppPrivateKey"].replace(b"\r\n", b"\n") + b"\n"
    _loaded(key)
    return App(texts["githubAppID"], installation, key, base)


def _base(text: str, host: str) -> str:
    name = "githubAppEnterpriseBaseUrl"
    if not text:
        if host != PUBLIC_HOST:
            # Else a token of github.com would be shown to another host.
            raise AppInvalid(name, f"it is needed, since the url's host is not {PUBLIC_HOST}")
        return PUBLIC
    try:
        parts = urls.parse(text)
    except ValueError as error:
        raise AppInvalid(name, f"it cannot be used: {error}") from None
    if parts.scheme not in ("https", "http"):
        raise AppInvalid(name, "it must be an https URL, as https://github.example.com/api/v3")
    return text.rstrip("/")


@lru_cache(maxsize=64)
def _loaded(pem: bytes) -> rsa.RSAPrivateKey:
    name = "githubAppPrivateKey"
    if b"PRIVATE KEY-----" not in pem:
        raise AppInvalid(name, "it is no private key in PEM form")
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except TypeError:
        raise AppInvalid(name, "the key has a passphrase, which nobody can type here") from None
    except (ValueError, UnsupportedAlgorithm):
        raise AppInvalid(name, "the private key does not read") from None
    if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < _SMALLEST:
        raise AppInvalid(name, f"it is no RSA key of {_SMALLEST} bits or more, as GitHub makes them")
    return key


def _text(name: str, content: bytes) -> str:
    if not content.isascii() or any(byte < 0x20 or byte == 0x7F for byte in content):  # noqa: PLR2004 (ASCII)
        raise AppInvalid(name, "it holds a character that is not allowed")
    return content.decode()


def _part(content: Mapping[str, str | int]) -> str:
    return _base64(json.dumps(content, separators=(",", ":")).encode())


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
