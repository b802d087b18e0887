"""The way out of this process: whose CAs count besides the system's, and through which proxy; standard library.

Contract: `Way` is what one object says (a repository, a Cluster), `Outward` what holds for the hub as a whole;
the object's own word wins. ``HTTPS_PROXY``, ``HTTP_PROXY`` and ``NO_PROXY`` are read here, once, and by nothing
else: what git, the cluster clients and a forge's API do is then the same. The rules of ``NO_PROXY`` are those of
Go's ``httpproxy``, which kubectl has. No representation and no error holds a proxy's password.
"""

from __future__ import annotations

import ipaddress
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote, urlsplit

_PORTS: Final = {"http": 80, "https": 443}
_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_PEM: Final = re.compile(rb"-----BEGIN CERTIFICATE-----\r?\n.+?-----END CERTIFICATE-----", re.DOTALL)
# Where systems keep their CAs as one file, for the programs that take a file instead of adding to it.
_BUNDLES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy. ``str`` and ``repr`` leave user and password out."""

    scheme: str
    host: str
    port: int
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.place}"

    @property
    def place(self) -> str:
        """Host and port, as they stand in a URL."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The URL with user and password: for a client's memory alone."""
        if not self.user and not self.password:
            return str(self)
        return f"{self.scheme}://{quote(self.user, safe='')}:{quote(self.password, safe='')}@{self.place}"

    @property
    def named(self) -> str:
        """The URL with the user, whose password is asked for."""
        return f"{self.scheme}://{quote(self.user, safe='')}@{self.place}" if self.user else str(self)


@dataclass(frozen=True, slots=True)
class Way:
    """What one object says about how it is reached; empty: as the hub is told."""

    ca: bytes = field(default=b"", repr=False)
    proxy: Proxy | None = None
    exempt: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outward:
    """What holds for the hub as a whole. ``roots`` are CAs added to the system's, in PEM."""

    roots: bytes = field(default=b"", repr=False)
    https: Proxy | None = None
    http: Proxy | None = None
    exempt: tuple[str, ...] = ()

    def proxy(self, scheme: str, host: str, port: int, way: Way | None = None) -> Proxy | None:
        """The proxy on the way to a place; None: straight."""
        way = way or Way()
        if exempted(way.exempt, host, port):
            return None
        if way.proxy is not None:
            return way.proxy
        found = {"https": self.https, "http": self.http}.get(scheme)
        return None if found is None or _local(host) or exempted(self.exempt, host, port) else found

    def bundle(self, way: Way | None = None) -> bytes:
        """The CAs for a program that takes one file; empty: those that it knows by itself."""
        if way is not None and way.ca:
            return way.ca
        return _joined(self.roots) if self.roots else b""

    def context(self, way: Way | None = None) -> ssl.SSLContext:
        """TLS as a client that always verifies. Raises `ValueError` for PEM that does not read."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        own = way.ca if way is not None else b""
        if not own:
            context.load_default_certs()
        for pem in (own, b"" if own else self.roots):
            if pem:
                try:
                    context.load_verify_locations(cadata=pem.decode("ascii"))
                except (ssl.SSLError, UnicodeDecodeError):
                    raise ValueError("it holds no PEM certificate that reads") from None
        return context


DIRECT: Final = Outward()


def of(environment: Mapping[str, str], ca_file: str = "") -> Outward:
    """The hub's way, by its environment and ``--ca-file``; raises `ValueError` in words for a person."""
    proxies: dict[str, Proxy | None] = {}
    for name in ("HTTPS_PROXY", "HTTP_PROXY"):
        text = environment.get(name) or environment.get(name.lower()) or ""
        try:
            proxies[name] = parse(text if "://" in text else f"http://{text}") if text else None
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    # The hub's own API server is next door: a client in a Pod that forgets to exempt it finds nothing.
    near = environment.get("KUBERNETES_SERVICE_HOST", "")
    exempt = environment.get("NO_PROXY") or environment.get("no_proxy") or ""
    return Outward(
        roots=roots(Path(ca_file)) if ca_file else b"",
        https=proxies["HTTPS_PROXY"],
        http=proxies["HTTP_PROXY"],
        exempt=(*listed(exempt), *([near] if near else [])),
    )


def parse(text: str) -> Proxy:
    """A proxy by its URL; raises `ValueError`, whose text never repeats it."""
    try:
        parts = urlsplit(text)
        port = parts.port
        host = (parts.hostname or "").lower()
    except ValueError:
        raise ValueError("the proxy's URL does not read") from None
    if parts.scheme not in _PORTS:
        raise ValueError("a proxy is reached by http:// or https://")
    if any(ord(each) <= 0x20 or ord(each) >= 0x7F for each in text):  # noqa: PLR2004 (ASCII)
        raise ValueError("the proxy's URL holds a character that is not allowed")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("the proxy's URL must be scheme, host and port alone")
    if not (_HOST.fullmatch(host) or _literal(host)) or port == 0:
        raise ValueError("the proxy's URL names no host")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if any(ord(each) < 0x20 or ord(each) == 0x7F for each in user + password):  # noqa: PLR2004 (ASCII)
        raise ValueError("the proxy's user or password holds a control character")
    if password and not user:
        raise ValueError("the proxy's URL has a password and no user")
    return Proxy(parts.scheme, host, port or _PORTS[parts.scheme], user, password)


def listed(text: str) -> tuple[str, ...]:
    """The parts of a ``NO_PROXY``."""
    return tuple(part for part in re.split(r"[,\s]+", text.lower()) if part)


def exempted(exempt: tuple[str, ...], host: str, port: int) -> bool:
    """Whether a place is reached without a proxy: ``*``, addresses, networks, domains; a port narrows."""
    host = host.lower().strip("[]").rstrip(".")
    address = _literal(host)
    for part in exempt:
        if part == "*":
            return True
        if address is not None and "/" in part:
            try:
                if address in ipaddress.ip_network(part, strict=False):
                    return True
            except ValueError:
                pass
            continue
        name, number = _split(part)
        if number and number != str(port):
            continue
        if address is not None:
            if _literal(name) == address:
                return True
            continue
        name = name.removeprefix("*")
        if name.startswith("."):
            if host.endswith(name):
                return True
        elif host == name or host.endswith(f".{name}"):
            return True
    return False


def roots(path: Path) -> bytes:
    """The certificates of a PEM file; raises `ValueError` in words for a person."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {(error.strerror or 'it failed').lower()}") from None
    found = b"\n".join(_PEM.findall(content))
    try:
        # Nothing does not load either.
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=found.decode("ascii"))
    except (ssl.SSLError, ValueError):
        raise ValueError(f"{path} holds no PEM certificate that reads") from None
    return found + b"\n"


@lru_cache(maxsize=4)
def _joined(added: bytes) -> bytes:
    """The system's CAs and these, as one file."""
    paths = ssl.get_default_verify_paths()
    for place in (paths.cafile, *_BUNDLES):
        try:
            if place and (content := Path(place).read_bytes()):
                return content.rstrip() + b"\n" + added
        except OSError:
            continue
    context = ssl.create_default_context()
    known = [ssl.DER_cert_to_PEM_cert(each) for each in context.get_ca_certs(binary_form=True)]
    return "".join(known).encode() + added


def _split(part: str) -> tuple[str, str]:
    """Host and port of a part; the port is empty where there is none."""
    if part.startswith("["):
        host, _, rest = part[1:].partition("]")
        return host, rest.removeprefix(":")
    if part.count(":") > 1:
        return part, ""
    host, _, port = part.partition(":")
    return host, port


def _local(host: str) -> bool:
    """What no proxy of the network can mean: this machine."""
    address = _literal(host)
    return host == "localhost" or host.endswith(".localhost") or (address is not None and address.is_loopback)


def _literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
