"""One request to Git's own CGI program: `git http-backend`, bodies and answers streamed, nothing left over.

Contract: a request's backend, with all that it started, has ended when the request is over, also when the
client leaves in the middle. Bodies may be chunked, as Git sends large pushes, and gzipped, which the backend
inflates itself. Neither the user's nor the machine's Git settings matter.
"""

import base64
import hmac
import os
import signal
import socket
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedReader
from pathlib import Path
from typing import IO, cast
from urllib.parse import unquote

_BLOCK = 65536
_QUIET = 60.0  # seconds without a byte after which a connection is given up
_LEAVE = 5.0  # seconds for a request to end after its answer, or after its connection was cut
_ENVIRONMENT = {
    "GIT_HTTP_EXPORT_ALL": "1",
    # Neither the user's nor the machine's settings, and repositories of any owner.
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "safe.directory",
    "GIT_CONFIG_VALUE_0": "*",
}
# Not CONTENT_LENGTH: without it the backend reads to the end of its input, as for a chunked body. With it,
# Git 2.39 loops for ever when the input ends too early.
_PASSED = {
    "Content-Type": "CONTENT_TYPE",
    "Content-Encoding": "HTTP_CONTENT_ENCODING",
    "Git-Protocol": "GIT_PROTOCOL",
    "Accept": "HTTP_ACCEPT",
    "User-Agent": "HTTP_USER_AGENT",
}


@dataclass(frozen=True, slots=True)
class Access:
    """Who may read and write: one user, by HTTP basic authentication."""

    user: str
    password: str

    def allows(self, header: str) -> bool:
        """Whether an `Authorization` header is theirs. In bytes: `compare_digest` refuses non-ASCII text."""
        pair = base64.b64encode(f"{self.user}:{self.password}".encode())
        return hmac.compare_digest(header.encode(), b"Basic " + pair)


def without_settings() -> dict[str, str]:
    """Return this process's environment without Git's variables, which a hook would have, or settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | _ENVIRONMENT


class Server(ThreadingHTTPServer):
    """Listens on an address and serves each connection in a thread."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self, address: tuple[str, int], folder: Path, access: Access | None, tls: ssl.SSLContext | None
    ) -> None:
        self.folder = folder
        self.access = access
        self._tls = tls
        self._open: set[socket.socket] = set()
        self._changed = threading.Condition()
        super().__init__(address, Handler)

    def server_bind(self) -> None:
        """Bind without the look-up of a host name, which takes seconds where there is no name server."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", int(self.server_address[1])

    def finish_request(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        """Serve one connection, in its own thread: a client that never shakes hands holds up nobody."""
        request.settimeout(_QUIET)
        connection = request
        try:
            if self._tls:
                connection = self._tls.wrap_socket(request, server_side=True, do_handshake_on_connect=False)
            with self._changed:
                self._open.add(connection)
            if isinstance(connection, ssl.SSLSocket):
                connection.do_handshake()
            Handler(connection, client_address, self)
        except OSError:
            return  # the client went away, or did not like the certificate
        finally:
            with self._changed:
                self._open.discard(connection)
                self._changed.notify_all()
            with suppress(OSError):
                connection.close()

    def cut(self) -> None:
        """Close what is open, and wait until the requests have ended."""
        with self._changed:
            for connection in self._open:
                with suppress(OSError):
                    # Not an SSLSocket's own method, which takes its state away from the thread that reads.
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)
            self._changed.wait_for(lambda: not self._open, _LEAVE)


class Handler(BaseHTTPRequestHandler):
    """One connection and its requests."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def do_GET(self) -> None:
        """Answer the advertisement of references, or a file of the old protocol."""
        self._answer()

    def do_POST(self) -> None:
        """Answer a fetch or a push."""
        self._answer()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- http.server's name
        """Nothing: the requests of a test are nobody's news."""

    def _answer(self) -> None:
        access = self.server.access
        if access and not access.allows(self.headers.get("Authorization", "")):
            # The body is not read, so the connection can take no other request.
            self.close_connection = True
            self._refuse()
            return
        with subprocess.Popen(
            ["git", "http-backend"],
            env=self._environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as backend:
            # Both directions at once: the backend answers before it has read everything.
            body = cast("IO[bytes]", backend.stdin)
            feeder = threading.Thread(target=self._feed, args=(body,), daemon=True)
            feeder.start()
            try:
                self._relay(cast("BufferedReader", backend.stdout))
            except (OSError, ValueError):
                # The client left. The backend has helpers (upload-pack, index-pack), so the whole group.
                self.close_connection = True
                with suppress(ProcessLookupError):
                    os.killpg(backend.pid, signal.SIGKILL)
            finally:
                feeder.join(_LEAVE)
                if feeder.is_alive():  # a client that goes on sending what nobody reads
                    self.close_connection = True
                    socket.socket.shutdown(self.connection, socket.SHUT_RDWR)
                    feeder.join()

    def _refuse(self) -> None:
        self.send_response(HTTPStatus.UNAUTHORIZED)
        self.send_header("WWW-Authenticate", 'Basic realm="git"')
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()

    def _environment(self) -> dict[str, str]:
        path, _, query = self.path.partition("?")
        environment = without_settings()
        for name, variable in _PASSED.items():
            if value := self.headers.get(name):
                environment[variable] = value
        if self.server.access:
            environment["REMOTE_USER"] = self.server.access.user
        return environment | {
            "GIT_PROJECT_ROOT": str(self.server.folder),
            "PATH_INFO": unquote(path),
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "REMOTE_ADDR": self.client_address[0],
            "SERVER_PROTOCOL": self.request_version,
        }

    def _feed(self, into: IO[bytes]) -> None:
        """Give the request's body to the backend, freed of its chunks."""
        with suppress(OSError, ValueError), into:
            for block in self._body():
                into.write(block)
            return
        # The backend read no further, or the client sent nonsense: the rest would be taken for a request.
        self.close_connection = True

    def _body(self) -> Iterable[bytes]:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            while size := int(self.rfile.readline(_BLOCK).split(b";")[0], 16):
                yield from self._exactly(size)
                self.rfile.readline(_BLOCK)
            while self.rfile.readline(_BLOCK).strip():  # trailers
                pass
        else:
            yield from self._exactly(int(self.headers.get("Content-Length") or 0))

    def _exactly(self, size: int) -> Iterable[bytes]:
        while size:
            block = self.rfile.read(min(size, _BLOCK))
            if not block:
                msg = "the client left in the middle of the body"
                raise OSError(msg)
            size -= len(block)
            yield block

    def _relay(self, backend: BufferedReader) -> None:
        """Send the backend's CGI answer to the client, chunked, as it comes."""
        status = HTTPStatus.OK
        headers: list[tuple[str, str]] = []
        while line := backend.readline(_BLOCK).decode("latin-1").strip():
            name, _, value = line.partition(":")
            if name.lower() == "status":
                status = HTTPStatus(int(value.split()[0]))
            else:
                headers.append((name, value.strip()))
        if not headers:
            status = HTTPStatus.INTERNAL_SERVER_ERROR
        self.send_response(status)
        for name, value in headers:
            if name.lower() != "content-length":
                self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while block := backend.read1(_BLOCK):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(block), block))
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()
