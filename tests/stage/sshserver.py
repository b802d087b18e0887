"""A real SSH server (asyncssh) that serves the bare repositories of a folder, to fetch from only.

Contract: it runs a loop in a thread of its own. ``git-upload-pack '/path'`` is the one command; GIT_PROTOCOL
is passed on. Keys, both the host's and the client's, are made for the run.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shlex
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import asyncssh

if TYPE_CHECKING:
    from types import TracebackType


class _Guests(asyncssh.SSHServer):
    """Notes connections, so that they can be cut off at the end."""

    def __init__(self, connections: set[asyncssh.SSHServerConnection]) -> None:
        self._connections = connections

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connections.add(conn)


_COMMAND = re.compile(r"git[ -]upload-pack ")


class SshServer:
    """Serves ``folder`` on 127.0.0.1 for the owner of ``client_key``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        self.hangs = False  # a server that takes the command and never answers
        self.protocols: list[str] = []
        self._host = asyncssh.generate_private_key("ssh-ed25519")
        self._client = asyncssh.generate_private_key("ssh-ed25519")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="ssh-server", daemon=True)
        self._server: Any = None
        self._connections: set[asyncssh.SSHServerConnection] = set()

    @property
    def client_key(self) -> bytes:
        """The private key that it lets in, in OpenSSH's form."""
        return self._client.export_private_key()

    def known_hosts(self, host: str = "127.0.0.1") -> bytes:
        """The line of ``known_hosts`` for this server."""
        return f"[{host}]:{self.port} ".encode() + self._host.export_public_key()

    def url(self, name: str) -> str:
        """The URL of a repository in the folder."""
        return f"ssh://git@127.0.0.1:{self.port}/{name}"

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
        keys = asyncssh.import_authorized_keys(self._client.export_public_key().decode())
        self._server = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=lambda: _Guests(self._connections),
            server_host_keys=[self._host],
            authorized_client_keys=keys,
            process_factory=self._serve,
            encoding=None,
            allow_scp=False,
        )
        self.port = self._server.get_port()

    async def _close(self) -> None:
        self._server.close()
        await self._server.wait_closed()
        for connection in self._connections:
            connection.abort()
            await connection.wait_closed()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _serve(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        command = process.command or ""
        if not _COMMAND.match(command):
            process.stderr.write(b"only git-upload-pack is served\n")
            process.exit(1)
            return
        if self.hangs:
            await asyncio.Event().wait()
        path = self.folder / shlex.split(command)[-1].lstrip("/")
        protocol = str(process.env.get("GIT_PROTOCOL", ""))
        self.protocols.append(protocol)
        environment = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_PROTOCOL": protocol}
        child = await asyncio.create_subprocess_exec(
            "git",
            "upload-pack",
            "--strict",
            str(path),
            env=environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        fed = asyncio.create_task(_pump(process.stdin, child.stdin))
        try:
            await asyncio.gather(_pump(child.stdout, process.stdout), _pump(child.stderr, process.stderr))
            process.exit(await child.wait())
        finally:
            fed.cancel()
            if child.returncode is None:
                child.kill()
                await child.wait()


async def _pump(source: Any, target: Any) -> None:
    """Copy to the end of the input; a reader that went away ends it too."""
    with contextlib.suppress(OSError, asyncssh.Error):
        while block := await source.read(65536):
            target.write(block)
            await target.drain()
    if isinstance(target, asyncio.StreamWriter):
        target.close()
