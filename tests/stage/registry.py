"""A real OCI registry with TLS and passwords, a server of tokens for it, and a front that redirects."""

from __future__ import annotations

import base64
import contextlib
import http.client
import http.server
import json
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from bootstrap.local import binaries, ports
from bootstrap.local.authority import Authority
from tests.stage.chartrepository import PASSWORD, USER, run_helm

# What bcrypt makes of PASSWORD, the only form that the registry reads.
HASHED = "$2b$04$fD1br7qt1tyHTqVdRa/nS.9POvF9znf1G4UGCqEFIkn8Svrt97yhW"
AUTHORIZED = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
SIGNED = "sig=a%2Fb%3D%2B&name=x%20y"  # servers compare it as it is spelt
ISSUER, SERVICE = "tests", "charts"


class Registry:
    """One registry: with TLS by an authority, if given; ``tokens`` or else a password, if told."""

    def __init__(
        self,
        folder: Path,
        authority: Authority | None = None,
        *,
        password: bool = False,
        tokens: Tokens | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = ports.free(1)[0]
        self.host = f"127.0.0.1:{self.port}"
        self.authority = authority
        self.secret = password or tokens is not None
        listen: dict[str, Any] = {"addr": self.host}
        if authority is not None:
            pair = authority.server(folder.name)
            listen["tls"] = {"certificate": str(pair.certificate), "key": str(pair.key)}
        config: dict[str, Any] = {
            "version": 0.1,
            "log": {"level": "error"},
            "storage": {"filesystem": {"rootdirectory": str(folder / "data")}, "delete": {"enabled": True}},
            "http": listen,
        }
        if tokens is not None:
            config["auth"] = {"token": tokens.config}
        elif password:
            (folder / "users").write_text(f"{USER}:{HASHED}\n")
            config["auth"] = {"htpasswd": {"realm": "charts", "path": str(folder / "users")}}
        (folder / "config.yml").write_text(json.dumps(config))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        program = binaries.built() / "registry-v3.0.0"
        self._process = subprocess.Popen(
            [program, "serve", self.folder / "config.yml"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 20
        while not self._answers():
            assert self._process.poll() is None, "the registry has ended"
            assert time.monotonic() < deadline, "the registry does not answer"
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop it; what was pushed stays."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def push(self, archive: Path) -> None:
        """Push an archive, by the real helm."""
        options = ["--plain-http"]
        if self.authority is not None:
            options = ["--ca-file", str(self.authority.files.certificate)]
        if self.secret:
            options += ["--username", USER, "--password", PASSWORD]
        run_helm(self.folder, "push", str(archive), f"oci://{self.host}/charts", *options)

    def blob(self, digest: str) -> Path:
        """Where it keeps the content of a digest."""
        return self.folder / "data/docker/registry/v2/blobs/sha256" / digest[:2] / digest / "data"

    def _answers(self) -> bool:
        connection = self._connection()
        try:
            connection.request("GET", "/v2/")
            return connection.getresponse().status in (HTTPStatus.OK, HTTPStatus.UNAUTHORIZED)
        except OSError:
            return False
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        if self.authority is None:
            return http.client.HTTPConnection(self.host, timeout=1)
        context = ssl.create_default_context(cafile=str(self.authority.files.certificate))
        return http.client.HTTPSConnection(self.host, timeout=1, context=context)


@contextlib.contextmanager
def serving(registry: Registry) -> Iterator[Registry]:
    """A registry for as long as it is needed."""
    registry.start()
    try:
        yield registry
    finally:
        registry.stop()


class _Server:
    """Something small by HTTPS at a name that is not the registry's; ``asked`` has paths with their Authorization."""

    def __init__(self, name: str, authority: Authority) -> None:
        self.port = ports.free(1)[0]
        self.url = f"https://localhost:{self.port}"
        self.asked: list[tuple[str, str]] = []
        self.pair = authority.server(name)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pair.certificate, self.pair.key)
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version: ClassVar[str] = "HTTP/1.1"

            def do_GET(self) -> None:
                outer.asked.append((self.path, self.headers.get("Authorization", "")))
                status, headers, content = outer.answer(self.path, self.headers.get("Authorization", ""))
                self.send_response(status)
                for header, value in {**headers, "Content-Length": str(len(content))}.items():
                    self.send_header(header, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )

    def __enter__(self) -> Any:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str, given: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and content."""
        raise NotImplementedError


class Tokens(_Server):
    """Gives tokens for a registry to whoever has the password (its protocol: distribution's `auth: token`)."""

    def __init__(self, name: str, authority: Authority) -> None:
        super().__init__(name, authority)
        self.config = {
            "realm": f"{self.url}/token",
            "service": SERVICE,
            "issuer": ISSUER,
            "rootcertbundle": str(authority.files.certificate),
        }

    def answer(self, path: str, given: str) -> tuple[int, dict[str, str], bytes]:
        if given != AUTHORIZED:
            return HTTPStatus.UNAUTHORIZED, {}, b"{}"
        asked = parse_qs(urlsplit(path).query)
        access = []
        for scope in asked.get("scope", []):
            kind, name, actions = scope.split(":")
            access.append({"type": kind, "name": name, "actions": actions.split(",")})
        return HTTPStatus.OK, {}, json.dumps({"token": self._token(access)}).encode()

    def _token(self, access: list[dict[str, Any]]) -> str:
        certificate = x509.load_pem_x509_certificate(self.pair.certificate.read_bytes())
        der = certificate.public_bytes(serialization.Encoding.DER)
        now = int(time.time())
        head = {"typ": "JWT", "alg": "ES256", "x5c": [base64.b64encode(der).decode()]}
        claims = {"iss": ISSUER, "aud": SERVICE, "sub": USER, "nbf": now - 60, "iat": now, "exp": now + 300}
        text = ".".join(_coded(json.dumps(part).encode()) for part in (head, {**claims, "access": access}))
        key = serialization.load_pem_private_key(self.pair.key.read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        one, other = decode_dss_signature(key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{text}.{_coded(one.to_bytes(32, 'big') + other.to_bytes(32, 'big'))}"


class Front(_Server):
    """Stands before a registry with a password, and sends whoever wants a blob to ``storage``."""

    def __init__(self, name: str, authority: Authority, behind: Registry, storage: str) -> None:
        super().__init__(name, authority)
        self._behind = behind
        self._storage = storage

    def answer(self, path: str, given: str) -> tuple[int, dict[str, str], bytes]:
        if "/blobs/" in path and given:
            return HTTPStatus.TEMPORARY_REDIRECT, {"Location": f"{self._storage}{path}?{SIGNED}"}, b""
        connection = self._behind._connection()
        headers = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
        connection.request("GET", path, headers={**headers, "Authorization": given} if given else headers)
        found = connection.getresponse()
        content = found.read()
        kept = {name: value for name, value in found.getheaders() if name.lower() != "content-length"}
        connection.close()
        return found.status, kept, content


class Storage(_Server):
    """Has a registry's blobs for whoever has a signed URL; a password beside it is one too many, as with S3."""

    def __init__(self, name: str, authority: Authority, behind: Registry) -> None:
        super().__init__(name, authority)
        self._behind = behind

    def answer(self, path: str, given: str) -> tuple[int, dict[str, str], bytes]:
        if given or not path.endswith(f"?{SIGNED}"):
            return HTTPStatus.BAD_REQUEST, {}, b""
        digest = path.partition("sha256:")[2].partition("?")[0]
        return HTTPStatus.OK, {}, self._behind.blob(digest).read_bytes()


def _coded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
