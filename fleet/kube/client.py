"""The one door to one API server.

Contract: see the package. A Client belongs to one loop and is opened by its first request. ``permit`` is
asked right before a write leaves, after slot and connection were had; ``observe`` is told the verb, the
status (0: none came) and the seconds of each request.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import nullcontext
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Protocol
from urllib.parse import quote

from yarl import URL

from fleet.clock import Clock
from fleet.errors import FleetError, KubeconfigInvalid, Unanswered, Unreachable
from fleet.kube import failure, session
from fleet.kube.acting import IMPERSONATE, Acting, both
from fleet.kube.budget import Budget
from fleet.kube.connection import Connection
from fleet.kube.request import Answer, Request

_GOOD = 300
_UNAUTHORIZED = 401
_REFRESH_SECONDS = 60.0
_CALM_SECONDS = 1.0  # a burst of 401 asks once
_MOST_LINE = 64 << 20
_AGENT = "fleethub"
_LEASES = "/apis/coordination.k8s.io/"

Observe = Callable[[str, int, float], None]


class Door(Protocol):
    """What the rooms above need of a Client, and what a wrapper offers."""

    def send(self, request: Request) -> Awaitable[Answer]:
        """One request."""

    def stream(self, request: Request) -> AsyncIterator[bytes]:
        """The lines of an answer without end."""


class Client:
    """See the module. ``close`` drops what is in flight."""

    def __init__(
        self,
        connection: Connection,
        *,
        cluster: str,
        budget: Budget,
        permit: Callable[[], bool] | None = None,
        observe: Observe | None = None,
        clock: Clock,
    ) -> None:
        self.cluster = cluster
        self._connection = connection
        self._budget = budget
        self._permit = permit
        self._observe = observe
        self._clock = clock
        self._sessions: session.Sessions | None = None
        self._closed = False
        self._closing: asyncio.Task[None] | None = None
        self._headers: dict[tuple[str, str | None, str], dict[str, str]] = {}
        self._token = connection.token
        self._token_due = 0.0
        self._refreshing = asyncio.Lock()
        self._date = ""

    @property
    def date(self) -> float:
        """The server's clock at its last answer, in seconds since the epoch; 0 where it told none."""
        try:
            return parsedate_to_datetime(self._date).timestamp()
        except (TypeError, ValueError):
            return 0.0

    @property
    def certificate_ends(self) -> float:
        """When the certificate of the server that was reached last ends; 0 where none was seen."""
        return self._sessions.certificate_ends if self._sessions is not None else 0.0

    async def send(self, request: Request) -> Answer:
        """Send one request and read all of its answer; what it raises is said in the package."""
        if self._connection.refresh is not None:
            await self._renew()
        async with nullcontext() if request.apart else self._budget.slot(self.cluster, request.lane):
            token = self._token
            status, headers, body = await self._exchange(request)
            if status == _UNAUTHORIZED and await self._renewed(token):
                status, headers, body = await self._exchange(request)
        if status < _GOOD:
            return Answer(status, body)
        if request.writes and failure.unknown(status, body):
            raise Unanswered(failure.UNKNOWN, ref=request.ref)
        raise failure.from_answer(status, body, headers, request.ref)

    async def stream(self, request: Request) -> AsyncGenerator[bytes, None]:
        """Yield the answer's lines as they come. Its end is an ordinary one; a broken one raises Unreachable.

        ``request.timeout`` bounds the time until the answer begins; how long it may be silent is for the
        caller to say. Closing the iterator closes the connection.
        """
        if self._connection.refresh is not None:
            await self._renew()
        begun = self._clock.boottime()
        status = 0
        response = None
        try:
            async with asyncio.timeout(request.timeout):
                response = await self._open().watches.request(
                    request.verb,
                    self._url(request),
                    headers=self._header(request),
                    timeout=session.timeout(None),
                    allow_redirects=False,
                    server_hostname=self._connection.tls_server_name,
                )
                status = response.status
                if status >= _GOOD:
                    body = await response.read()
                    raise failure.from_answer(status, body, response.headers, request.ref)
            self._told(request, "WATCH", status, begun)
            rest = b""
            async for chunk in response.content.iter_any():
                first, *lines = chunk.split(b"\n")
                if not lines:
                    rest += first
                    if len(rest) > _MOST_LINE:
                        raise Unreachable(f"the stream holds a line of more than {_MOST_LINE >> 20} MiB")
                    continue
                yield rest + first
                rest = lines.pop()
                for line in lines:
                    yield line
            if rest:
                raise Unreachable("the stream ended within a line")
        except session.FAILED as error:
            if status == 0:
                self._told(request, "WATCH", 0, begun)
            raise Unreachable(session.words(error)) from None
        finally:
            if response is not None:
                response.close()

    def prove(self, request: Request, check: Callable[[bytes], None]) -> None:
        """Have every connection made from now on answer this read first; ``check`` raises where it leads elsewhere.

        Then nothing else is sent over it, and the client is given up: all later requests raise Unreachable.
        """

        def checked(body: bytes) -> None:
            try:
                check(body)
            except FleetError:
                self._closed = True
                raise

        self._open().prove(session.Proof(self._url(request), lambda: self._header(request), checked))

    async def close(self, *, for_good: bool = False) -> None:
        """Drop all connections: requests in flight fail, later ones raise Unreachable. Safe to repeat.

        How the cluster answered last is remembered for the next client, unless there is to be none (``for_good``).
        """
        self._closed = True
        if for_good:
            self._budget.suspect(self.cluster, failed=False)
        if self._sessions is not None:
            if self._closing is None:
                self._closing = asyncio.ensure_future(self._sessions.close())
            # Whoever is cancelled while waiting for it must not leave half of it open.
            await asyncio.shield(self._closing)

    async def _exchange(self, request: Request) -> tuple[int, failure.Headers, bytes]:
        writes = request.writes
        asked = both(self._permit, request.permit) if isinstance(request, Acting) else self._permit
        attempt = session.Attempt(asked if writes else None, writes=writes)
        begun = self._clock.boottime()
        due = asyncio.get_running_loop().time() + request.timeout
        mark = session.ATTEMPT.set(attempt)
        try:
            sessions = self._open()
            response = await sessions.writes.request(
                request.verb,
                self._url(request),
                data=request.body,
                headers=self._header(request),
                timeout=session.timeout(request.timeout),
                allow_redirects=False,
                server_hostname=sessions.hostname,
            )
            body = await session.whole(response)
        except session.FAILED as error:
            self._told(request, request.verb, 0, begun)
            late = isinstance(error, TimeoutError) and self._clock.lags(due)
            raise self._failed(request, attempt, error, late=late) from None
        finally:
            session.ATTEMPT.reset(mark)
        self._told(request, request.verb, response.status, begun)
        self._date = response.headers.get("Date", "")
        self._budget.suspect(self.cluster, failed=False)
        return response.status, response.headers, body

    def _failed(
        self, request: Request, attempt: session.Attempt, error: BaseException, *, late: bool
    ) -> FleetError:
        # A timeout of a loop that lags says nothing of the cluster (H23).
        if not self._closed and not late:
            self._budget.suspect(self.cluster, failed=True)
        kind = Unanswered if attempt.sent and attempt.writes else Unreachable
        return kind(session.words(error), ref=request.ref)

    def _open(self) -> session.Sessions:
        if self._closed:
            raise Unreachable("the connection was given up")
        if self._sessions is None:
            self._sessions = session.open(self._connection)
        return self._sessions

    def _url(self, request: Request) -> URL:
        query = _query(request.query)
        return URL(f"{self._connection.server}{request.path}{query}", encoded=True)

    def _header(self, request: Request) -> dict[str, str]:
        user = request.user if isinstance(request, Acting) else ""
        key = (request.accept, None if request.body is None else request.content_type, user)
        known = self._headers.get(key)
        if known is None:
            known = self._headers[key] = self._build(*key)
        return known

    def _build(self, accept: str, content_type: str | None, user: str) -> dict[str, str]:
        headers = {"Accept": accept, "User-Agent": _AGENT}
        if user:
            headers[IMPERSONATE] = user
        if content_type is not None:
            headers["Content-Type"] = content_type
        if self._token:
            if not self._token.isascii() or not self._token.isprintable():
                raise KubeconfigInvalid("the token holds characters that no token has", field="token")
            headers["Authorization"] = f"Bearer {self._token}"
        elif self._connection.basic is not None:
            pair = ":".join(self._connection.basic).encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode('ascii')}"
        return headers

    async def _renewed(self, used: str | None) -> bool:
        """Whether there is another token to try after a 401, which says that nothing was done."""
        if self._connection.refresh is None:
            return False
        if (
            self._token == used
            and self._clock.boottime() >= self._token_due - _REFRESH_SECONDS + _CALM_SECONDS
        ):
            self._token_due = 0.0
            await self._renew()
        return self._token != used

    async def _renew(self) -> None:
        refresh = self._connection.refresh
        if refresh is None or self._clock.boottime() < self._token_due:
            return
        async with self._refreshing:
            if self._clock.boottime() < self._token_due:
                return
            token = await refresh()
            self._token_due = self._clock.boottime() + _REFRESH_SECONDS
            if token != self._token:
                self._token = token
                self._headers.clear()

    def _told(self, request: Request, verb: str, status: int, begun: float) -> None:
        if self._observe is not None:
            # Leases beat at a rate of their own: told apart, so that all else shows what a change costs.
            told = "LEASE" if request.path.startswith(_LEASES) else verb
            self._observe(told, status, self._clock.boottime() - begun)


@lru_cache(maxsize=256)
def _query(pairs: tuple[tuple[str, str], ...]) -> str:
    if not pairs:
        return ""
    return "?" + "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)
