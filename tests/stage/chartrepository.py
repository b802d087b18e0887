"""A chart repository over HTTPS with a password and a CA of its own, and a registry: both real, fed by the real helm."""

from __future__ import annotations

import base64
import contextlib
import functools
import http.server
import os
import ssl
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
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
    said = _helm(folder, "package", str(folder), "--destination", str(out))
    return Path(said.rpartition(": ")[2].strip())


def index(folder: Path) -> None:
    """Write the folder's index."""
    _helm(folder, "repo", "index", str(folder))


def push(archive: Path, host: str, home: Path) -> None:
    """Push an archive to a registry without TLS."""
    _helm(home, "push", str(archive), f"oci://{host}/charts", "--plain-http")


def _helm(home: Path, *arguments: str) -> str:
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
    """Serves a folder over HTTPS for one user; ``asked`` has each path with its Authorization header."""

    def __init__(self, folder: Path, authority: Authority) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = ports.free(1)[0]
        self.url = f"https://127.0.0.1:{self.port}"
        self.asked: list[tuple[str, str]] = []
        self.redirects: dict[str, str] = {}
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

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        handler = functools.partial(Handler, directory=str(self.folder))
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        self._server.daemon_threads = True
        self._server.socket = self._context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


@contextlib.contextmanager
def registry(folder: Path) -> Iterator[str]:
    """A real registry without TLS; its host and port."""
    port = ports.free(1)[0]
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "config.yml"
    config.write_text(
        f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {folder}/data}}}}\nhttp: {{addr: 127.0.0.1:{port}}}\n"
    )
    program = binaries.built() / "registry-v3.0.0"
    with subprocess.Popen(
        [program, "serve", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            deadline = time.monotonic() + 20
            while True:
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/", timeout=1).close()
                    break
                except OSError:
                    assert time.monotonic() < deadline, "the registry does not answer"
                    time.sleep(0.05)
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)
