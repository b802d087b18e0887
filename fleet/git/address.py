"""Which places the hub opens a repository at: the form of its URL, and the addresses of its host.

Contract: https and ssh only; no loopback, link-local, metadata or otherwise special address ever; private
ones only where a repository Secret covers the URL. A prefix given by ``--allow-git`` lifts both for what it
covers. git is then held to the addresses that were checked: a second look-up could give another answer. Behind
a proxy it is the proxy that connects: what the hub itself finds for the name is judged all the same, and where
it finds nothing in a moment, the proxy's own rules are what is left.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import threading
from typing import TYPE_CHECKING, Final

from fleet import outward, urls
from fleet.errors import RepositoryRefused, RepositoryUnreachable
from fleet.git.access import Place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fleet.outward import Outward, Way
    from fleet.urls import Url

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _networks(*texts: str) -> tuple[_Network, ...]:
    return tuple(map(ipaddress.ip_network, texts))


# Written out: what the library calls private or reserved differs between Python's versions.
_NEVER: Final = _networks(
    "0.0.0.0/8",
    "127.0.0.0/8",
    "169.254.0.0/16",  # link-local; the metadata of most clouds
    "224.0.0.0/4",
    "240.0.0.0/4",
    "100.100.100.200/32",  # metadata: Alibaba
    "168.63.129.16/32",  # Azure
    "192.0.0.192/32",  # Oracle
    "::/127",
    "fe80::/10",
    "ff00::/8",
    "fd00:ec2::/32",  # metadata: AWS
    "fd20:ce::254/128",  # Google
)
_PRIVATE: Final = _networks(
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",  # carriers' NAT
    "192.0.0.0/24",
    "192.0.2.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "fc00::/7",
    "fec0::/10",
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/23",
    "2001:db8::/32",
)
# IPv6 addresses that stand for an IPv4 one, and how far right in them it stands.
_EMBEDDING: Final = tuple(
    (ipaddress.IPv6Network(text), shift)
    for text, shift in (
        ("::ffff:0:0/96", 0),  # mapped
        ("::ffff:0:0:0/96", 0),  # translated
        ("::/96", 0),  # compatible
        ("64:ff9b::/96", 0),  # NAT64
        ("64:ff9b:1::/48", 0),  # a site's own NAT64
        ("2002::/16", 80),  # 6to4
    )
)
_TEREDO: Final = ipaddress.IPv6Network("2001::/32")
# What resolvers read as an address though it is not written as one: 2130706433, 0x7f.1, 0177.0.0.1, 127.1
_NUMERIC: Final = re.compile(r"(.*\.)?(\d+|0[xX][0-9A-Fa-f]*)")
_MOMENT: Final = 2.0


def check(url: str, allow: Sequence[str] = ()) -> None:
    """Raise `RepositoryRefused` for a URL that is not opened, judged without asking the network."""
    try:
        parts = urls.parse(url)
    except ValueError as error:
        raise RepositoryRefused(f"the repository's URL cannot be used: {error}") from None
    if parts.scheme == "oci":
        raise RepositoryRefused("a registry holds charts, no repository of Git: give source.chart")
    if not parts.segments:
        raise RepositoryRefused("the repository's URL names no repository: its path is empty")
    if any(urls.covers(prefix, url) for prefix in allow):
        return
    if parts.scheme == "http":
        raise RepositoryRefused("repositories are read by https and ssh; http needs --allow-git with its URL")
    if parts.host == "localhost" or parts.host.endswith(".localhost"):
        raise RepositoryRefused(f"the host {parts.host} is the hub's own; it needs --allow-git with its URL")
    literal = _literal(parts.host)
    if literal is None and _NUMERIC.fullmatch(parts.host):
        raise RepositoryRefused(f"the host {parts.host} is neither a name nor an address as they are written")
    if literal is not None and _forbidden(literal):
        raise RepositoryRefused(f"the address {literal} is not opened; it needs --allow-git with its URL")


def place(
    url: str,
    allow: Sequence[str],
    *,
    named: bool,
    out: Outward = outward.DIRECT,
    way: Way | None = None,
) -> Place:
    """Where ``url`` may be reached, and how; blocking (it asks DNS).

    ``named``: a repository Secret covers the URL; ``way`` is what that Secret says.
    """
    check(url, allow)
    parts = urls.parse(url)
    proxy = None
    bundle = b""
    if parts.scheme != "ssh":
        proxy = out.proxy(parts.scheme, parts.host, parts.number, way)
        bundle = out.bundle(way)
    if any(urls.covers(prefix, url) for prefix in allow):
        return Place(url, (), proxy, bundle)
    found = _found(parts, _MOMENT if proxy is not None else None)
    if found is None and proxy is None:
        raise RepositoryUnreachable(f"the host {parts.host} was not found")
    for text in found or ():
        address = ipaddress.ip_address(text)
        if _forbidden(address):
            raise RepositoryRefused(
                f"the host {parts.host} is at {address}, which needs --allow-git with its URL"
            )
        if _private(address) and not named:
            raise RepositoryRefused(
                f"the host {parts.host} is at the private address {address}: name it by a repository Secret"
            )
    # The proxy is given the name: it has its own names, and its own rules.
    return Place(url, found or () if proxy is None else (), proxy, bundle)


def _found(parts: Url, seconds: float | None) -> tuple[str, ...] | None:
    """The addresses of the host; None where there are none, or not within ``seconds``."""
    answers: list[tuple[str, ...] | None] = []

    def look() -> None:
        try:
            found = socket.getaddrinfo(parts.host, parts.number, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            answers.append(None)
            return
        answers.append(tuple(dict.fromkeys(str(one[4][0]).partition("%")[0] for one in found)))

    if seconds is None:
        look()
    else:
        # Where only the proxy knows names, a resolver may take long to say so; nobody waits for that thread.
        looking = threading.Thread(target=look, name="git-names", daemon=True)
        looking.start()
        looking.join(seconds)
    return answers[0] if answers else None


def _literal(host: str) -> _Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _meant(address: _Address) -> tuple[_Address, ...]:
    """The address, and the IPv4 ones that it stands for."""
    if isinstance(address, ipaddress.IPv4Address):
        return (address,)
    number = int(address)
    found = [number >> shift & 0xFFFFFFFF for network, shift in _EMBEDDING if address in network]
    if address in _TEREDO:
        found.append(~number & 0xFFFFFFFF)
    return (address, *map(ipaddress.IPv4Address, found))


def _forbidden(address: _Address) -> bool:
    return any(each in network for each in _meant(address) for network in _NEVER)


def _private(address: _Address) -> bool:
    return any(each in network for each in _meant(address) for network in _PRIVATE)
