"""How to reach one API server: the value that every source of credentials ends in. No I/O."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from fleet.outward import Outward


@dataclass(frozen=True, slots=True, repr=False)
class Connection:
    """An API server and the credential for it.

    ``server`` is an https URL without a trailing slash; it may hold a path (``https://rancher/k8s/c-1``).
    PEM is bytes; ``ca_data`` None means the system's CAs and ``roots``. ``refresh`` yields the bearer token anew where it
    expires (a service account's file, an exec plugin). ``verify`` False only ever comes from the process's
    own kubeconfig. Two of the same content are equal; the repr holds no credential.
    """

    server: str
    ca_data: bytes | None = None
    tls_server_name: str | None = None
    proxy_url: str | None = None
    token: str | None = None
    client_cert: bytes | None = None
    client_key: bytes | None = None
    basic: tuple[str, str] | None = None
    namespace: str = "default"
    refresh: Callable[[], Awaitable[str]] | None = field(default=None, compare=False)
    verify: bool = True
    roots: bytes = b""

    def __repr__(self) -> str:
        forms = {
            "token": self.token or self.refresh,
            "certificate": self.client_cert,
            "password": self.basic,
        }
        shown = "+".join(name for name, value in forms.items() if value) or "anonymous"
        return f"Connection({self.server!r}, {shown})"


def by_way_of(connection: Connection, out: Outward) -> Connection:
    """The connection with the hub's CAs and proxy, where it has none of its own."""
    parts = urlsplit(connection.server)
    proxy = None if connection.proxy_url else out.proxy("https", parts.hostname or "", parts.port or 443)
    return replace(
        connection,
        roots=b"" if connection.ca_data is not None else out.roots,
        proxy_url=proxy.url if proxy is not None else connection.proxy_url,
    )
