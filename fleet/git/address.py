"""Which places the hub opens a repository at: the form of its URL, and the addresses of its host.

Contract: https and ssh only; no loopback, link-local, metadata or otherwise special address ever; private
ones only where a repository Secret covers the URL. A prefix given by ``--allow-git`` lifts both for what it
covers. git is then held to the addresses that were checked: a second look-up could give another answer.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from typing import TYPE_CHECKING, Final

from fleet import urls
from fleet.errors import RepositoryRefused, RepositoryUnreachable
from fleet.git.access import Place

if TYPE_CHECKING:
    from collections.abc import Sequence

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_METADATA: Final = frozenset(
    map(ipaddress.ip_address, ("169.254.169.254", "fd00:ec2::254", "100.100.100.200"))
)
_SHARED: Final = ipaddress.ip_network("100.64.0.0/10")
_TRANSLATED: Final = ipaddress.ip_network("64:ff9b::/96")


def check(url: str, allow: Sequence[str] = ()) -> None:
    """Raise `RepositoryRefused` for a URL that is not opened, judged without asking the network."""
    try:
        parts = urls.parse(url)
    except ValueError as error:
        raise RepositoryRefused(f"the repository's URL cannot be used: {error}") from None
    if not parts.segments:
        raise RepositoryRefused("the repository's URL names no repository: its path is empty")
    if any(urls.covers(prefix, url) for prefix in allow):
        return
    if parts.scheme == "http":
        raise RepositoryRefused("repositories are read by https and ssh; http needs --allow-git with its URL")
    if parts.host == "localhost" or parts.host.endswith(".localhost"):
        raise RepositoryRefused(f"the host {parts.host} is the hub's own; it needs --allow-git with its URL")
    literal = _literal(parts.host)
    if literal is not None and _forbidden(literal):
        raise RepositoryRefused(f"the address {literal} is not opened; it needs --allow-git with its URL")


def place(url: str, allow: Sequence[str], *, named: bool) -> Place:
    """Where ``url`` may be reached; blocking (it asks DNS). ``named``: a repository Secret covers the URL."""
    check(url, allow)
    if any(urls.covers(prefix, url) for prefix in allow):
        return Place(url)
    parts = urls.parse(url)
    if parts.scheme == "https" and any(os.environ.get(name) for name in ("https_proxy", "HTTPS_PROXY")):
        return Place(url)  # the proxy looks the name up, and decides
    try:
        answers = socket.getaddrinfo(parts.host, parts.number, type=socket.SOCK_STREAM)
    except OSError:
        raise RepositoryUnreachable(f"the host {parts.host} was not found") from None
    found = list(dict.fromkeys(str(answer[4][0]).partition("%")[0] for answer in answers))
    for text in found:
        address = ipaddress.ip_address(text)
        if _forbidden(address):
            raise RepositoryRefused(
                f"the host {parts.host} is at {address}, which needs --allow-git with its URL"
            )
        if _private(address) and not named:
            raise RepositoryRefused(
                f"the host {parts.host} is at the private address {address}: name it by a repository Secret"
            )
    return Place(url, tuple(found))


def _literal(host: str) -> _Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _plain(address: _Address) -> _Address:
    """The IPv4 address that an IPv6 one stands for."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in _TRANSLATED:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return address.ipv4_mapped or address.sixtofour or address
    return address


def _forbidden(address: _Address) -> bool:
    plain = _plain(address)
    return (
        plain in _METADATA
        or plain.is_loopback
        or plain.is_link_local
        or plain.is_multicast
        or plain.is_unspecified
        or (plain.is_reserved and not plain.is_private)
    )


def _private(address: _Address) -> bool:
    plain = _plain(address)
    return plain.is_private or plain in _SHARED
