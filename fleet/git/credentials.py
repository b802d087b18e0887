"""Credentials of repositories: read from labelled Secrets, found by URL prefix; pure.

Contract: the keys are Argo CD's ``url username password sshPrivateKey githubApp... proxy noProxy``, besides
``token knownHosts caData webhookSecret``. What would widen a credential, or be believed to work and does not, is
refused by name, never ignored. A Secret that cannot be used still answers for its URLs, by its error: nothing
is opened with another's credential, or without one, since a key of it is wrong. No representation and no error
holds a value. Argo CD's keys: docs/operator-manual/declarative-setup.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from fleet import outward, urls
from fleet.errors import RegistrationError, RepositoryRefused
from fleet.git import app_key
from fleet.git.app_key import App, AppInvalid
from fleet.outward import Way

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_LONGEST: Final = 32 << 10  # a pipe takes it whole
_REFUSED: Final = {
    "gcpServiceAccountKey": "Google service account keys are not read: use token",
    "bearerToken": "bearer tokens are not read: use token",
    "tlsClientCertData": "client certificates are not read",
    "tlsClientCertKey": "client certificates are not read",
    "project": "credentials of one project are not built: remove the key to let every project use it",
}
_SWITCHES: Final = {
    "insecure": "verification is never skipped: give the server's CA as caData",
    "insecureIgnoreHostKey": "verification is never skipped: give the server's key as knownHosts",
    "enableLfs": "Git LFS is not read",
}


@dataclass(frozen=True, slots=True)
class Credential:
    """What opens the repositories under ``url_prefix``; only the prefix and the user are shown."""

    url_prefix: str
    username: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    ssh_key: bytes = field(default=b"", repr=False)
    known_hosts: bytes = field(default=b"", repr=False)
    webhook_secret: bytes = field(default=b"", repr=False)
    way: Way = field(default_factory=Way)
    app: App | None = None

    @property
    def basic(self) -> tuple[str, str] | None:
        """User and password for HTTP; a token goes as the password, with the user that forges document."""
        if self.token:
            bitbucket = urls.parse(self.url_prefix).host == "bitbucket.org"
            return self.username or ("x-token-auth" if bitbucket else "x-access-token"), self.token
        return (self.username, self.password) if self.username or self.password else None


@dataclass(frozen=True, slots=True)
class Unusable:
    """A Secret that names repositories under ``url_prefix`` and cannot be used; ``text`` says why."""

    url_prefix: str
    text: str


def read(secret: Mapping[str, Any]) -> Credential:
    """The credential in a Secret's body (``data``, or ``stringData``); raises `RegistrationError`."""
    values = _values(secret)
    for key, text in _REFUSED.items():
        if values.get(key):
            raise RegistrationError(text, field=f"data.{key}")
    for key, text in _SWITCHES.items():
        if values.get(key, b"").strip().lower() not in (b"", b"false"):
            raise RegistrationError(text, field=f"data.{key}")
    if values.get("type", b"git").strip() not in (b"", b"git", b"helm", b"oci"):
        raise RegistrationError("repositories are of type git, helm or oci", field="data.type")
    url = _url(values)
    credential = Credential(
        url_prefix=url,
        username=_line(values, "username"),
        password=_line(values, "password"),
        token=_line(values, "token"),
        ssh_key=_ssh_key(values),
        known_hosts=_lines(values, "knownHosts"),
        webhook_secret=values.get("webhookSecret", b"").strip(b"\r\n"),
        way=_way(values, ssh=urls.parse(url).scheme == "ssh"),
        app=_app(values, url),
    )
    if credential.password and credential.token:
        raise RegistrationError("it has both a password and a token: one is needed", field="data.token")
    if credential.app is not None:
        for key in ("username", "password", "token"):
            if values.get(key):
                text = "a GitHub App signs in by its own token: remove this key, or those of the App"
                raise RegistrationError(text, field=f"data.{key}")
    return credential


def unusable(secret: Mapping[str, Any], error: RegistrationError, name: str) -> Unusable | None:
    """What stands in the place of a Secret that `read` refused; None where its URL does not read either."""
    try:
        return Unusable(_url(_values(secret)), told(error, name))
    except RegistrationError:
        return None


def told(error: RegistrationError, name: str) -> str:
    """The error with the Secret and the key that it is about."""
    return f"Secret {name}, {error.field}: {error.text}" if error.field else f"Secret {name}: {error.text}"


def match(url: str, credentials: Iterable[Credential | Unusable]) -> Credential | None:
    """The credential with the longest prefix that covers ``url``, the first of equals, or None.

    Raises `RepositoryRefused` where that is one that cannot be used.
    """
    fitting = [credential for credential in credentials if urls.covers(credential.url_prefix, url)]
    best = max(fitting, key=lambda one: len(urls.parse(one.url_prefix).segments), default=None)
    if isinstance(best, Unusable):
        raise RepositoryRefused(best.text)
    return best


def signing(url: str, credentials: Iterable[Credential], otherwise: bytes) -> tuple[bytes, ...]:
    """The webhook secrets that count for ``url``: of all that cover it, whatever the scheme; ``otherwise`` where none has one.

    Raises `ValueError` for what is no repository URL.
    """
    place = urls.canonical(url)
    found = tuple(
        one.webhook_secret
        for one in credentials
        if one.webhook_secret and f"{place}/".startswith(f"{_place(one.url_prefix)}/")
    )
    return found or ((otherwise,) if otherwise else ())


@lru_cache(maxsize=10_000)
def _place(prefix: str) -> str:
    # A push asks for the prefixes of all credentials, also one that nobody has proved.
    return urls.canonical(prefix)


def _values(secret: Mapping[str, Any]) -> dict[str, bytes]:
    values: dict[str, bytes] = {}
    for key, value in (secret.get("data") or {}).items():
        try:
            values[key] = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError, TypeError):
            raise RegistrationError("it is no base64", field=f"data.{key}") from None
    for key, value in (secret.get("stringData") or {}).items():
        values[key] = str(value).encode()
    return values


def _url(values: Mapping[str, bytes]) -> str:
    url = _line(values, "url")
    charts = values.get("type", b"").strip() in (b"helm", b"oci")
    if url and charts and "://" not in url:
        url = f"oci://{url}"  # as Argo CD writes a registry
    try:
        urls.parse(url)
    except ValueError as error:
        raise RegistrationError(f"the URL cannot be used: {error}", field="data.url") from None
    return url


def _line(values: Mapping[str, bytes], key: str) -> str:
    """One line of text; a line end at its end is dropped, as `echo` leaves one."""
    content = values.get(key, b"").strip(b"\r\n")
    if len(content) > _LONGEST or any(byte < 0x20 or byte == 0x7F for byte in content):  # noqa: PLR2004 (ASCII)
        raise RegistrationError("it is too long, or holds control characters", field=f"data.{key}")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise RegistrationError("it is no UTF-8", field=f"data.{key}") from None


def _lines(values: Mapping[str, bytes], key: str) -> bytes:
    content = values.get(key, b"").replace(b"\r\n", b"\n").strip()
    return content + b"\n" if content else b""


def _way(values: Mapping[str, bytes], *, ssh: bool) -> Way:
    proxy, exempt = _line(values, "proxy"), _line(values, "noProxy")
    if ssh and proxy:
        text = "ssh goes through no HTTP proxy: use the https URL, or remove the key"
        raise RegistrationError(text, field="data.proxy")
    try:
        found = outward.parse(proxy) if proxy else None
    except ValueError as error:
        raise RegistrationError(str(error), field="data.proxy") from None
    return Way(_ca(values), found, outward.listed(exempt))


def _app(values: dict[str, bytes], url: str) -> App | None:
    try:
        return app_key.read(values, url)
    except AppInvalid as error:
        raise RegistrationError(str(error), field=f"data.{error.key}") from None


def _ca(values: Mapping[str, bytes]) -> bytes:
    content = _lines(values, "caData")
    if content and b"-----BEGIN " not in content:
        try:
            content = base64.b64decode(b"".join(content.split()), validate=True).strip() + b"\n"
        except (binascii.Error, ValueError):
            content = b"nonsense"
    if content:
        try:
            outward.DIRECT.context(Way(content))
        except ValueError:
            raise RegistrationError("it holds no PEM certificate that reads", field="data.caData") from None
    return content


def _ssh_key(values: Mapping[str, bytes]) -> bytes:
    """The key with the final line end that ssh insists on; raises for one that needs a passphrase."""
    content = _lines(values, "sshPrivateKey")
    if not content:
        return b""
    if b"PRIVATE KEY-----" not in content:
        raise RegistrationError("it is no private key in PEM or OpenSSH form", field="data.sshPrivateKey")
    if _locked(content):
        text = "the key has a passphrase, which nobody can type here"
        raise RegistrationError(text, field="data.sshPrivateKey")
    return content


def _locked(key: bytes) -> bool:
    if b"ENCRYPTED" in key:
        return True
    if b"BEGIN OPENSSH PRIVATE KEY" not in key:
        return False
    body = b"".join(line for line in key.split(b"\n") if not line.startswith(b"-----"))
    try:
        raw = base64.b64decode(body)
    except (binascii.Error, ValueError):
        return False
    # "openssh-key-v1" NUL, then the cipher's name as a length and bytes (PROTOCOL.key of OpenSSH).
    head = b"openssh-key-v1\0"
    return raw.startswith(head) and not raw[len(head) + 4 :].startswith(b"none")
