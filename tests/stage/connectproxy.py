"""A real HTTP proxy: CONNECT, and a name service of its own, as proxies have it; on demand with a password.

Contract: ``asked`` holds the head of every request as it came. ``names`` says which port of 127.0.0.1 a host is
at; what is not there is reached as it is asked for. It runs a loop in a thread of its own, so that it serves
git and clients of any loop alike.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

    from bootstrap.local.authority import Pair


class ConnectProxy:
    """See the module. With ``pair`` it is reached by https."""

    def __init__(self, *, access: tuple[str, str] | None = None, pair: Pair | None = None) -> None:
        self.access = access
        self.names: dict[str, int] = {}
        self.asked: list[str] = []
        self.port = 0
        self._tls: ssl.SSLContext | None = None
        if pair is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(pair.certificate, pair.key)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._server: asyncio.Server | None = None
        self._open: list[asyncio.StreamWriter] = []

    @property
    def url(self) -> str:
        """Where it is, without the password."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def places(self) -> list[str]:
        """Host and port of every CONNECT that it let through."""
        return [head.split(" ")[1] for head in self.asked]

    def __enter__(self) -> Self:
        """Listen."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, cutting connections off."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        for writer in self._open:
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.append(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.asked.append(head)
            if self.access is not None:
                pair = base64.b64encode(":".join(self.access).encode()).decode()
                if f"Proxy-Authorization: Basic {pair}\r\n" not in head:
                    writer.write(
                        b"HTTP/1.1 407 Proxy Authentication Required\r\n"
                        b'Proxy-Authenticate: Basic realm="proxy"\r\nContent-Length: 0\r\n\r\n'
                    )
                    await writer.drain()
                    return
            await self._connect(head, reader, writer)
        writer.transport.abort()

    async def _connect(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        verb, place, _ = head.split(" ", 2)
        host, _, port = place.rpartition(":")
        if verb != "CONNECT":
            writer.write(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            return
        mapped = self.names.get(host)
        try:
            back = await asyncio.open_connection("127.0.0.1" if mapped else host, mapped or int(port))
        except OSError:
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            return
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        self._open.append(back[1])
        pumps = [asyncio.ensure_future(_pump(reader, back[1])), asyncio.ensure_future(_pump(back[0], writer))]
        try:
            await asyncio.wait(pumps)
        finally:
            for pump in pumps:
                pump.cancel()
            back[1].transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        if writer.can_write_eof():
            writer.write_eof()
        else:
            writer.close()
