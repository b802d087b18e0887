"""A chart repository over HTTPS with a password and a CA of its own, fed by the real helm."""

from __future__ import annotations

import base64
import functools
import http.server
import os
import ssl
import subprocess
import threading
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

from bootstrap.local import binaries, ports
from bootstrap.local.authority import Authority

USER, PASSWORD = "charts", "open-sesame"


def helm() -> Path:
    """The real helm."""
    return binaries.built() / "helm-v4.3.1"


def package(folder: Path, out: Path, files: Mapping[str, str]) -> Path:
    """A chart's archive, made by the real helm."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    out.mkdir(parents=True, exist_ok=True)
    said = run_helm(folder, "package", str(folder), "--destination", str(out))
    return Path(said.rpartition(": ")[2].strip())


def index(folder: Path) -> None:
    """Write the folder's index."""
    run_helm(folder, "repo", "index", str(folder))


def run_helm(home: Path, *arguments: str) -> str:
    """What the real helm says."""
    done = subprocess.run(
        [helm(), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={"HOME": str(home), "PATH": os.environ["PATH"]},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


class ChartRepository:
    """Serves a folder over HTTPS for one user; ``asked`` has each path with its Authorization header.

    ``unchanged`` counts the answers without content, ``encoded`` has archives called "encoded", as some servers do;
    who asks while ``open`` is not set waits until it is.
    """

    def __init__(self, folder: Path, authority: Authority) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = ports.free(1)[0]
        self.url = f"https://127.0.0.1:{self.port}"
        self.asked: list[tuple[str, str]] = []
        self.redirects: dict[str, str] = {}
        self.unchanged = 0
        self.encoded = False
        self.open = threading.Event()
        self.open.set()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        pair = authority.server(folder.name)
        context.load_cert_chain(pair.certificate, pair.key)
        self._context = context
        self._server: http.server.ThreadingHTTPServer | None = None

    def start(self) -> None:
        repository = self

        class Handler(http.server.SimpleHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                given = self.headers.get("Authorization", "")
                repository.asked.append((self.path, given))
                repository.open.wait(30)
                wanted = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
                if self.path in repository.redirects:
                    self.send_response(HTTPStatus.FOUND)
                    self.send_header("Location", repository.redirects[self.path])
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                if given != wanted:
                    self.send_error(HTTPStatus.UNAUTHORIZED)
                    return
                super().do_GET()

            def send_response(self, code: int, message: str | None = None) -> None:
                repository.unchanged += code == HTTPStatus.NOT_MODIFIED
                super().send_response(code, message)

            def end_headers(self) -> None:
                if repository.encoded and self.path.endswith(".tgz"):
                    self.send_header("Content-Encoding", "gzip")
                super().end_headers()

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        handler = functools.partial(Handler, directory=str(self.folder))
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        self._server.daemon_threads = True
        # A client that never shakes hands must not keep the thread that accepts.
        self._server.socket = self._context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
