"""A real Git server: `git http-backend`, which comes with Git, behind a small threaded HTTP server.

Contract: serves the bare repositories of one folder over smart HTTP, fetch and push, protocols 0 to 2, on
127.0.0.1; optionally over TLS and for one user with a password. Each request is one `git http-backend`,
which has ended when the request is over. In the process: `GitServer`. As a process of its own:

    python -m bootstrap.local.gitserver --folder F --port P [--user U] [--certificate C --key K]

with the password in `FLEETHUB_GIT_PASSWORD`, so that no process list shows it.
"""

import argparse
import os
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from bootstrap.local import ports
from bootstrap.local.httpbackend import Access, Server, without_settings

# Nothing tidies up in the background: it lives for a test or a demo.
_SERVED = """\
[http]
\treceivepack = true
[uploadpack]
\tallowFilter = true
\tallowAnySHA1InWant = true
[receive]
\tautogc = false
"""


class GitServer:
    """Serves a folder in threads of this process. `stop` and `start` keep the port."""

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        access: Access | None = None,
        certificate: Path | None = None,
        key: Path | None = None,
    ) -> None:
        """`certificate` and `key` are PEM files and switch TLS on."""
        self.folder = folder.absolute()
        self.port = port or ports.free(1)[0]
        self._access = access
        self._tls: ssl.SSLContext | None = None
        if certificate:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(certificate, key)
        self._server: Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The URL below which the repositories are."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Listen; returns when connections are taken. Raises OSError if the port is not free."""
        self._server = Server(("127.0.0.1", self.port), self.folder, self._access, self._tls)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="git-server")
        self._thread.daemon = True
        self._thread.start()

    def stop(self) -> None:
        """Stop listening and cut off the connections that are open. May be called twice."""
        if self._server and self._thread:
            self._server.shutdown()
            self._server.server_close()
            self._server.cut()
            self._thread.join()
        self._server = self._thread = None

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it."""
        self.stop()


def create_repository(folder: Path, name: str, default_branch: str = "main") -> Path:
    """Make the empty bare repository `<name>.git`, which takes pushes and partial clones; return its path."""
    path = folder / f"{name}.git"
    _git(["init", "--quiet", "--bare", f"--initial-branch={default_branch}", str(path)])
    with (path / "config").open("a") as config:
        config.write(_SERVED)
    return path


def _git(arguments: list[str]) -> None:
    subprocess.run(["git", *arguments], env=without_settings(), stdin=subprocess.DEVNULL, check=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or Ctrl-C; the first line of the output is the URL."""
    parser = argparse.ArgumentParser(prog="python -m bootstrap.local.gitserver", description="Serve Git.")
    parser.add_argument("--folder", type=Path, required=True, help="holds the bare repositories")
    parser.add_argument("--port", type=int, help="on 127.0.0.1; without it, a free one")
    parser.add_argument("--user", help="only this user; the password is in FLEETHUB_GIT_PASSWORD")
    parser.add_argument("--certificate", type=Path, help="PEM file: serve over TLS")
    parser.add_argument("--key", type=Path, help="its private key")
    options = parser.parse_args(arguments)
    # Taken out, so that the backend does not inherit it.
    password = os.environ.pop("FLEETHUB_GIT_PASSWORD", "")
    access = Access(options.user, password) if options.user else None
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    with GitServer(
        options.folder,
        port=options.port,
        access=access,
        certificate=options.certificate,
        key=options.key,
    ) as server:
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        over.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
