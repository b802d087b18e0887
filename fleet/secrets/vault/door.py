"""The one door to Vault and OpenBao: who waits for whom, over which connections.

Contract: what a Login does not say, ``Outward`` says. Requests block, so they run in a pool of threads; that one
server has no more than its share of them is the gate's to see to. hvac comes with the first question: a hub
without Vault does without its 9 MB and half a second.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from fleet.outward import DIRECT, Way
from fleet.secrets.vault import answers, paths
from fleet.secrets.vault.failure import Refusal, VaultAddressRefused, VaultUnreachable

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping
    from urllib.parse import SplitResult

    from fleet.outward import Outward
    from fleet.secrets.vault.address import Login
    from fleet.secrets.vault.exchange import Session
    from fleet.secrets.vault.question import Question

THREADS: Final = 8
CONNECT_SECONDS: Final = 5.0
READ_SECONDS: Final = 10.0


class Door:
    """See the module; ``out`` is the hub's way out, as the process was told it."""

    def __init__(
        self, out: Outward = DIRECT, *, connect: float = CONNECT_SECONDS, read: float = READ_SECONDS
    ) -> None:
        self._out = out
        self._timeouts = (connect, read)
        self._pool = ThreadPoolExecutor(THREADS, "fleethub-vault")
        self._sessions: dict[tuple[str, str], Session] = {}
        self._lock = threading.Lock()  # of what its threads share
        self._closed = False

    async def ask(self, login: Login, token: str, question: Question) -> Mapping[str, Any]:
        """Put one question. Raises `failure.VaultError`; nothing is sent for a path or address that is refused."""
        paths.check(login, question.path)
        found = await asyncio.get_running_loop().run_in_executor(
            self._pool, self._put, login, token, question
        )
        if isinstance(found, Refusal):
            raise answers.error(login, question, found)
        return found

    async def close(self) -> None:
        """Let threads end, and drop connections."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            self._closed = True
            sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            session.close()

    def _put(self, login: Login, token: str, question: Question) -> Mapping[str, Any] | Refusal:
        """Runs in a thread."""
        from fleet.secrets.vault import exchange  # noqa: PLC0415 (see the module)

        with self._lock:
            session = self._sessions.get((login.server, login.ca))
            if self._closed:
                raise VaultUnreachable(f"the hub stops, and asks Vault {login.server} no more")
            if session is None:
                parts = urlsplit(login.server)
                session = exchange.session(
                    parts.scheme,
                    self._context(login),
                    self._proxy(parts),
                    connections=THREADS,
                    seconds=self._timeouts[1],
                )
                self._sessions[login.server, login.ca] = session
        return exchange.put(session, login, token, question, self._timeouts)

    def _context(self, login: Login) -> ssl.SSLContext:
        try:
            return self._out.context(Way(ca=login.ca.encode()))
        except ValueError as error:
            raise VaultAddressRefused(f"the CA of Vault {login.server}: {error}") from None

    def _proxy(self, parts: SplitResult) -> str:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        proxy = self._out.proxy(parts.scheme, parts.hostname or "", port)
        return proxy.url if proxy is not None else ""
