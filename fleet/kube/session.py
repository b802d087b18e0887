"""aiohttp, and all that is known of it: TLS, SNI, proxy, two pools, and what its errors mean.

Contract: the one module of this room that imports aiohttp. ``Sessions.writes`` is for requests (a bounded
pool), ``Sessions.watches`` for streams (no bound, H14). Neither follows redirects, keeps cookies or reads
the environment. A request leaves at most once: aiohttp's own second try of a PUT or DELETE is stopped.
"""

from __future__ import annotations

import asyncio
import asyncio.sslproto
import os
import ssl
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import aiohttp
from aiohttp.client_exceptions import ClientHttpProxyError
from yarl import URL

from fleet.errors import KubeconfigInvalid, NotPermitted, Unreachable
from fleet.kube import tls

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.connector import Connection as Wire

    from fleet.kube.connection import Connection

CONNECT_SECONDS: Final = 5.0
POOL: Final = 16
_OK: Final = 200
_UNAUTHORIZED: Final = 401
_KEEP_SECONDS: Final = 30.0  # below the 90 s of an API server, so that it is not the one that hangs up
_MOST_BYTES: Final = 512 << 20  # five times a list of 50,000 objects' metadata
_TLS_BUFFER: Final = 16 * 1024  # a TLS record; asyncio takes 256 KiB for each connection (H14)

# What may come out of a request; asyncio's TimeoutError is an OSError.
FAILED: Final = (aiohttp.ClientError, OSError)


class SentOnce(aiohttp.ClientError):
    """A write would have been sent a second time."""


class TooLong(aiohttp.ClientError):
    """An answer that no honest server gives: the hub's memory is shared by all clusters."""


async def whole(response: aiohttp.ClientResponse) -> bytes:
    """An answer's body. Raises TooLong, and then drops the connection."""
    length = response.content_length
    packed = "Content-Encoding" in response.headers  # a small answer may unpack to a large one
    if length is not None and length <= _MOST_BYTES and not packed:
        return await response.read()
    chunks, size = list[bytes](), 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > _MOST_BYTES:
            response.close()
            raise TooLong
        chunks.append(chunk)
    return b"".join(chunks)


class Attempt:
    """One request on its way: asked for the permit, and marked, right before the first byte leaves."""

    __slots__ = ("permit", "sent", "writes")

    def __init__(self, permit: Callable[[], bool] | None, *, writes: bool) -> None:
        self.permit = permit
        self.writes = writes
        self.sent = False

    def leave(self) -> None:
        """Raises NotPermitted, or SentOnce for a write that has left before."""
        if self.writes:
            if self.sent:
                raise SentOnce
            if self.permit is not None and not self.permit():
                raise NotPermitted("this process may not write to the cluster now")
        self.sent = True


# aiohttp offers no argument that travels with one request; a context variable does.
ATTEMPT: ContextVar[Attempt | None] = ContextVar("attempt", default=None)


class _Asking(aiohttp.ClientRequest):
    """Asks the attempt after the connection stands, which may have taken seconds."""

    async def send(self, conn: Wire) -> aiohttp.ClientResponse:
        attempt = ATTEMPT.get()
        if attempt is not None:
            attempt.leave()
        return await super().send(conn)


@dataclass(frozen=True, slots=True)
class Proof:
    """A read that every new connection answers before it is used; ``check`` raises what its answer is no proof of."""

    url: URL
    headers: Callable[[], Mapping[str, str]]
    check: Callable[[bytes], None]


class _Proving(aiohttp.TCPConnector):
    """Asks each connection that it makes for the proof: a name may lead elsewhere from one to the next."""

    proof: Proof | None = None
    ends: float = 0.0  # when the certificate of the server that was reached last does

    async def _create_connection(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Any],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 (as aiohttp calls it)
    ) -> ResponseHandler:
        protocol = await super()._create_connection(req, traces, timeout)
        shown = protocol.transport.get_extra_info("peercert") if protocol.transport is not None else None
        self.ends = ssl.cert_time_to_seconds(shown["notAfter"]) if shown else 0.0
        if self.proof is None:
            return protocol
        try:
            await self._prove(self.proof, req, protocol)
        except BaseException:
            protocol.close()
            raise
        return protocol

    async def _prove(self, proof: Proof, req: aiohttp.ClientRequest, protocol: ResponseHandler) -> None:
        status, body = await self._ask(proof, req, protocol)
        if status == _UNAUTHORIZED:
            # What was to be sent is refused alike; with another credential it is asked anew.
            protocol.force_close()
        elif status != _OK:
            raise Unreachable("the server does not say which cluster it is")
        else:
            proof.check(body)

    async def _ask(
        self, proof: Proof, req: aiohttp.ClientRequest, protocol: ResponseHandler
    ) -> tuple[int, bytes]:
        loop = asyncio.get_running_loop()
        asking = aiohttp.ClientRequest(
            "GET",
            proof.url,
            headers=proof.headers(),
            loop=loop,
            session=req._session,  # noqa: SLF001 (of the same library; there is no other way in before the first use)
            ssl=req.ssl,
            server_hostname=req.server_hostname,
        )
        protocol.set_response_params()
        wire = aiohttp.connector.Connection(_Lent(), req.connection_key, protocol, loop)  # type: ignore[arg-type]
        try:
            answer = await asking.send(wire)
            await answer.start(wire)
            return answer.status, await answer.read()
        finally:
            wire.release()


class _Lent:
    """In place of the pool for a connection that is not its yet: nothing is kept, nothing closed."""

    force_close = False

    def _release(self, *_: object, **__: object) -> None:
        return


@dataclass(frozen=True, slots=True)
class Sessions:
    """The two pools of one connection. ``hostname`` goes with each request: SNI and the name in the cert."""

    writes: aiohttp.ClientSession
    watches: aiohttp.ClientSession
    hostname: str | None

    def prove(self, proof: Proof) -> None:
        """Have every connection that is made from now on proved; those that stand are taken for proved."""
        for session in (self.writes, self.watches):
            if isinstance(session.connector, _Proving):
                session.connector.proof = proof

    @property
    def certificate_ends(self) -> float:
        """When the server's certificate ends, in seconds since the epoch; 0 where none was verified."""
        connector = self.writes.connector
        return connector.ends if isinstance(connector, _Proving) else 0.0

    async def close(self) -> None:
        """Drop all connections at once."""
        await self.writes.close()
        await self.watches.close()


def open(connection: Connection) -> Sessions:  # noqa: A001 (the verb of this module)
    """Pools for a connection, without connecting; needs a running loop. Raises KubeconfigInvalid."""
    # Private, but there is no other way; a test proves that it takes effect.
    asyncio.sslproto.SSLProtocol.max_size = _TLS_BUFFER
    context = tls.context(connection)

    def session(limit: int) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=_Proving(ssl=context, limit=limit, keepalive_timeout=_KEEP_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            request_class=_Asking,
            proxy=proxy(connection.proxy_url),
        )

    return Sessions(session(POOL), session(0), connection.tls_server_name)


@lru_cache(maxsize=64)
def timeout(seconds: float | None) -> aiohttp.ClientTimeout:
    """All of one request in ``seconds`` (None: no end), a connection in 5."""
    return aiohttp.ClientTimeout(total=seconds, connect=CONNECT_SECONDS, sock_connect=CONNECT_SECONDS)


def proxy(url: str | None) -> URL | None:
    """The proxy as aiohttp takes it. Raises KubeconfigInvalid."""
    if not url:
        return None
    try:
        parsed = URL(url)
    except ValueError:
        raise KubeconfigInvalid("the proxy's URL does not read", field="proxy-url") from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise KubeconfigInvalid("a proxy is reached by http or https", field="proxy-url")
    return parsed


_PHRASES: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (aiohttp.ConnectionTimeoutError, f"no connection within {CONNECT_SECONDS:.0f} s"),
    (aiohttp.ClientConnectorCertificateError, "the server's certificate is not trusted"),
    (aiohttp.ClientConnectorSSLError, "the TLS handshake failed"),
    (aiohttp.ClientConnectorDNSError, "the server's name does not resolve"),
    (aiohttp.ClientProxyConnectionError, "the proxy does not answer"),
    (ClientHttpProxyError, "the proxy refuses the connection"),
    (TooLong, f"its answer is longer than {_MOST_BYTES >> 20} MiB"),
)


# OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID, _CERT_HAS_EXPIRED and _HOSTNAME_MISMATCH.
_CERTIFICATES: Final = {
    9: "the server's certificate is not valid yet",
    10: "the server's certificate has ended",
    62: "the server's certificate is not trusted: it is for another name",
}


def words(error: BaseException) -> str:
    """Why there is no answer, in our own words; a library's text may quote what was sent."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        code = getattr(error.certificate_error, "verify_code", 0)
        if code in _CERTIFICATES:
            return _CERTIFICATES[code]
    for kind, phrase in _PHRASES:
        if isinstance(error, kind):
            return phrase
    if isinstance(error, aiohttp.ClientConnectorError):
        code = error.os_error.errno
        # Negative codes are getaddrinfo's; asyncio merges several refusals into one error without a code.
        return os.strerror(code).lower() if code and code > 0 else "the connection is refused"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return "the connection broke before the answer was read"
