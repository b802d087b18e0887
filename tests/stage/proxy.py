"""A TCP proxy in front of an API server that can fall silent, as a network does that loses its state."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from bootstrap.local.plane import Plane


class Proxy:
    """Forwards bytes; what falls silent stays open and brings nothing any more, in neither direction."""

    def __init__(self, plane: Plane) -> None:
        self._plane = plane
        self._server: asyncio.Server | None = None
        self._links: set[asyncio.Task[None]] = set()
        self._heard = asyncio.Event()
        self._heard.set()
        self._deaf = False
        self._refusing = False
        self.refused = 0  # connections that were made in vain
        self.port = 0

    async def start(self) -> None:
        """Listen on a port of its own, the same again after `close`."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """End everything."""
        if self._server is not None:
            self._server.close()
        await self._cut()

    def kubeconfig(self, folder: Path) -> Path:
        """The plane's kubeconfig with this proxy as its server."""
        file = folder / f"through-{self.port}.kubeconfig"
        content = self._plane.kubeconfig.read_text()
        assert f":{self._plane.port}" in content
        file.write_text(content.replace(f":{self._plane.port}", f":{self.port}"))
        return file

    def lead_to(self, plane: Plane) -> None:
        """Have new connections reach another server, as a name does that moved; those that stand stay."""
        self._plane = plane

    def half_open(self) -> None:
        """Let every connection that stands fall silent; new ones work."""
        heard, self._heard = self._heard, asyncio.Event()
        self._heard.set()
        heard.clear()

    def silence(self) -> None:
        """Let every connection fall silent, new ones too."""
        self.half_open()
        self._deaf = True

    async def refuse(self) -> None:
        """Reset every connection, new ones too, as where no server runs."""
        self._refusing = True
        await self._cut()

    async def speak(self) -> None:
        """Let new connections work again; the silent ones are reset."""
        self._deaf = self._refusing = False
        await self._cut()

    async def _cut(self) -> None:
        links = list(self._links)
        for link in links:
            link.cancel()
        await asyncio.gather(*links, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._links.add(task)
        try:
            if self._refusing:
                self.refused += 1
                return
            if self._deaf:
                await asyncio.get_running_loop().create_future()
            await self._link(reader, writer, self._heard)
        except (OSError, asyncio.CancelledError):
            return
        finally:
            self._links.discard(task)
            writer.transport.abort()

    async def _link(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, heard: asyncio.Event
    ) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._plane.port)
        pumps = [
            asyncio.ensure_future(_pump(reader, back, heard)),
            asyncio.ensure_future(_pump(there, writer, heard)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            back.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, heard: asyncio.Event) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            await heard.wait()
            writer.write(data)
            await writer.drain()
    await heard.wait()
