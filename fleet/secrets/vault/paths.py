"""Mounts, paths, namespaces and addresses that may be asked for.

Contract: pure; called before anything is sent. HTTP clients fold ``a/../b`` into ``b`` on their way out, and a server
may decode what is encoded: so no path is let through that any of them could read as another one. Allow-lists are then
held against what is really asked for.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from fleet.secrets.vault.failure import VaultAddressRefused, VaultPathRefused

if TYPE_CHECKING:
    from fleet.secrets.vault.address import KvPath, Login

LONGEST: Final = 1024
_SHOWN: Final = 100
_REFUSED: Final = {
    "%": "'%', which a server could decode",
    "\\": "a backslash",
    "?": "'?'",
    "#": "'#'",
    "*": "'*', which is no name",
}
_PORTS: Final = range(1, 1 << 16)


def fault(path: str) -> str:
    """Why a path is refused, as the end of a sentence; empty where it may be asked for."""
    if not path:
        return "it is empty"
    if len(path.encode(errors="replace")) > LONGEST:
        return f"it is longer than {LONGEST} bytes"
    for segment in path.split("/"):
        if not segment:
            return "it has an empty segment"
        if segment in (".", ".."):
            return "it has a segment '.' or '..'"
        if segment != segment.strip():
            return "a segment begins or ends with a space"
    if not path.isprintable():
        return "it holds a character that cannot be printed"
    return next((f"it holds {what}" for each, what in _REFUSED.items() if each in path), "")


def check(login: Login, path: KvPath | None = None) -> None:
    """Raise VaultAddressRefused or VaultPathRefused for what must not be asked."""
    server(login.server)
    for what, text in (("namespace", login.namespace), ("auth mount", login.mount)):
        if text and (why := fault(text)):
            raise VaultPathRefused(f"the {what} of Vault {login.server} is refused: {why}")
    if not login.mount:
        raise VaultPathRefused(f"no auth mount is named for Vault {login.server}")
    if path is None:
        return
    if path.engine not in (1, 2):
        raise VaultPathRefused("the engine of a Vault path is 1 or 2")
    for what, text in (("mount", path.mount), ("path", path.path)):
        if why := fault(text):
            raise VaultPathRefused(f"the Vault {what} {text[:_SHOWN]!r} is refused: {why}")


def server(url: str) -> None:
    """Raise VaultAddressRefused for anything but ``https://host[:port]``; http is for this machine alone."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise VaultAddressRefused("the address of Vault does not read") from None
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url or "%" in url:
        raise VaultAddressRefused("the address of Vault holds a character that is not allowed")
    if parts.scheme not in ("https", "http") or not host:
        raise VaultAddressRefused("the address of Vault is such as https://vault.example.com:8200")
    if (
        "@" in parts.netloc
        or parts.path.strip("/")
        or parts.query
        or parts.fragment
        or "?" in url
        or "#" in url
    ):
        raise VaultAddressRefused("the address of Vault holds more than scheme, host and port")
    if port is not None and port not in _PORTS:
        raise VaultAddressRefused("the address of Vault has no port that can be")
    if parts.scheme == "http" and not _loopback(host):
        raise VaultAddressRefused(
            f"Vault {host} is reached by https alone: with http anybody on the way reads along"
        )


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
