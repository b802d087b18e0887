"""One request over HTTP to a place that was checked: a forge's API, or where a repository has gone.

Contract: the one module of this room that imports aiohttp. The request goes to the addresses that were checked,
or through the place's proxy, by the place's CAs; no redirect is followed, no cookie kept, no environment read,
and an answer is read to a megabyte at most. Failures are `RepositoryUnreachable` in own words, which quote
neither what was sent nor what came.
"""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_exceptions import ClientHttpProxyError

from fleet import urls
from fleet.errors import RepositoryUnreachable
from fleet.git.access import Place
from fleet.outward import DIRECT, Way

_SECONDS: Final = 30.0
_MOST: Final = 1 << 20
_AGENT: Final = "fleethub"


@dataclass(frozen=True, slots=True)
class Said:
    """An answer: its status, the headers in lower case, its JSON where it is an object, the objects of a list."""

    status: int
    headers: Mapping[str, str]
    content: Mapping[str, Any] = field(repr=False)
    items: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)


class _Pinned(AbstractResolver):
    """The addresses that were checked, for the host that they were checked for."""

    def __init__(self, host: str, addresses: tuple[str, ...]) -> None:
        self._host = host
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        if host != self._host:
            raise OSError
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=family or (socket.AF_INET6 if ":" in address else socket.AF_INET),
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self._addresses
        ]

    async def close(self) -> None:
        """Nothing is held."""


async def ask(
    verb: str,
    place: Place,
    *,
    headers: Mapping[str, str] | None = None,
    body: Mapping[str, Any] | None = None,
    query: str = "",
) -> Said:
    """Send one request; whatever its status, the answer is returned. Raises `RepositoryUnreachable`."""
    data = None if body is None else json.dumps(body).encode()
    sent = {"User-Agent": _AGENT, **(headers or {})}
    if data is not None:
        sent["Content-Type"] = "application/json"
    try:
        async with (
            session(place) as connected,
            connected.request(
                verb, place.url + query, data=data, headers=sent, allow_redirects=False
            ) as response,
        ):
            text = await response.content.read(_MOST)
            found = {name.lower(): value for name, value in response.headers.items()}
            return Said(response.status, found, *_json(text))
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise RepositoryUnreachable(words(error, place)) from None


def session(place: Place, seconds: float = _SECONDS) -> aiohttp.ClientSession:
    """A session for requests to a place alone: its addresses, proxy and CAs. Raises RepositoryUnreachable."""
    resolver: AbstractResolver | None = None
    if place.proxy is None and place.addresses:
        resolver = _Pinned(_host(place.url), place.addresses)
    try:
        context = DIRECT.context(Way(place.bundle))
        connector = aiohttp.TCPConnector(ssl=context, resolver=resolver, limit=1, force_close=True)
    except ValueError:
        raise RepositoryUnreachable("the CAs on the way hold no PEM certificate that reads") from None
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=seconds, connect=_SECONDS / 2),
        proxy=place.proxy.url if place.proxy is not None else None,
    )


def _host(url: str) -> str:
    return urls.parse(url.partition("?")[0]).host


def _json(text: bytes) -> tuple[Mapping[str, Any], tuple[Mapping[str, Any], ...]]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}, ()
    if isinstance(found, list):
        return {}, tuple(one for one in found if isinstance(one, dict))
    return (found, ()) if isinstance(found, dict) else ({}, ())


def words(error: Exception, place: Place) -> str:
    """What went wrong on the way to a place, for a person; nothing of what was sent or came."""
    host = _host(place.url)
    through = f" through the proxy {place.proxy}" if place.proxy is not None else ""
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return f"the proxy {place.proxy} does not answer"
    if isinstance(error, ClientHttpProxyError):
        return f"the proxy {place.proxy} refused the way to {host} with status {error.status}"
    if isinstance(error, (aiohttp.ClientConnectorCertificateError, ssl.SSLCertVerificationError)):
        return f"the certificate of {host} is of an unknown CA, or for another host: give its CA as caData"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"the host {host} was not found"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"{host} could not be reached{through}"
    if isinstance(error, TimeoutError):
        return f"{host} did not answer in time{through}"
    return f"the connection to {host} broke{through}"
