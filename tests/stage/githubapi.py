"""GitHub's API as far as Apps need it: a real HTTPS server with the documented statuses, bodies and errors.

Contract: it checks the JWT as GitHub does: signature, issuer, and that it is neither from the future, nor over,
nor longer than ten minutes. Every token that it gave can be asked for (`Tokens.allows` guards a Git server with
them) and revoked. ``answer`` plays another answer. All requests are noted, with their headers.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import ssl
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from bootstrap.local.httpbackend import Access

if TYPE_CHECKING:
    from types import TracebackType

    from bootstrap.local.authority import Pair

DOCS: Final = "https://docs.github.com/rest"
_ACCESS: Final = re.compile(r"/app/installations/(\d+)/access_tokens")
_LOOKUP: Final = re.compile(r"/repos/([\w.-]+)/([\w.-]+)/installation")


class Reply(NamedTuple):
    """An answer."""

    status: int
    body: Any
    headers: tuple[tuple[str, str], ...] = ()


class Asked(NamedTuple):
    """A request, as it came."""

    verb: str
    path: str
    headers: dict[str, str]
    body: bytes


class Tokens(Access):
    """Opens a Git server for ``x-access-token`` with a token that is in force."""

    __slots__ = ("_api",)

    def __init__(self, api: GitHubApi) -> None:
        super().__init__("x-access-token", "")
        object.__setattr__(self, "_api", api)

    def allows(self, header: str) -> bool:
        """Whether the header holds such a token."""
        kind, _, pair = header.partition(" ")
        if kind != "Basic":
            return False
        user, _, token = base64.b64decode(pair).decode().partition(":")
        api: GitHubApi = self._api
        api.shown.append(token)
        return user == self.user and token in api.valid


class GitHubApi:
    """An App (``app_id``, ``key``) with installations by number, each of which may read some repositories."""

    def __init__(self, pair: Pair, now: Callable[[], float]) -> None:
        self.now = now
        self.app_id = "7"
        self.private = rsa.generate_private_key(65537, 2048)
        self.installations: dict[str, set[str]] = {"42": {"acme/deploy"}}
        self.valid: set[str] = set()
        self.given: list[str] = []
        self.shown: list[str] = []  # to a Git server
        self.asked: list[Asked] = []
        self.answer: Callable[[str], Reply | None] = lambda _: None
        self.lasts = 3600.0
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(pair.certificate, pair.key)
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None
        self.port = 0

    @property
    def key(self) -> bytes:
        """The App's private key, in the form in which GitHub gives it out."""
        form = serialization.PrivateFormat.TraditionalOpenSSL
        return self.private.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())

    @property
    def url(self) -> str:
        """Where the API is."""
        return f"https://127.0.0.1:{self.port}/api/v3"

    def __enter__(self) -> Self:
        """Listen."""
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._serve()

            def do_POST(self) -> None:
                self._serve()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (http.server's name)
                pass

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                reply = api.reply(Asked(self.command, self.path, headers, body))
                content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
                self.send_response_only(reply.status)
                self.send_header("Date", formatdate(api.now(), usegmt=True))
                self.send_header("Content-Type", "application/json; charset=utf-8")
                self.send_header("Content-Length", str(len(content)))
                for name, value in reply.headers:
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        self._server.socket = self._tls.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign] # a client that left
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop; entered again, it listens on the same port."""
        assert self._server is not None
        assert self._thread is not None
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def paths(self) -> list[str]:
        """What was asked for, without the base."""
        return [f"{one.verb} {one.path.removeprefix('/api/v3')}" for one in self.asked]

    def reply(self, asked: Asked) -> Reply:
        """The answer to a request."""
        self.asked.append(asked)
        path = asked.path.removeprefix("/api/v3")
        played = self.answer(path)
        if played is not None:
            return played
        if not asked.headers.get("user-agent"):
            return _error(
                403,
                "Request forbidden by administrative rules. Please make sure your request has a "
                "User-Agent header",
            )
        fault = self._fault(asked.headers.get("authorization", ""))
        if fault is not None:
            return fault
        if (found := _ACCESS.fullmatch(path)) and asked.verb == "POST":
            return self._token(found[1], asked.body)
        if (found := _LOOKUP.fullmatch(path)) and asked.verb == "GET":
            return self._installation(f"{found[1]}/{found[2]}")
        return _error(404, "Not Found")

    def _fault(self, header: str) -> Reply | None:
        """What GitHub says to a JWT that is not right."""
        try:
            head, claims, signature = header.removeprefix("Bearer ").split(".")
            content = json.loads(_decoded(claims))
            if json.loads(_decoded(head)) != {"alg": "RS256", "typ": "JWT"}:
                return _error(401, "A JSON web token could not be decoded")
        except ValueError:
            return _error(401, "A JSON web token could not be decoded")
        if content.get("iss") != self.app_id:
            return _error(404, "Integration not found")
        signed = f"{head}.{claims}".encode()
        try:
            self.private.public_key().verify(_decoded(signature), signed, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return _error(401, "A JSON web token could not be decoded")
        now = self.now()
        if not isinstance(content["iat"], int) or content["iat"] > now:
            return _error(
                401,
                "'Issued at' claim ('iat') must be an Integer representing the time that the "
                "assertion was issued",
            )
        if not isinstance(content["exp"], int) or content["exp"] <= now:
            return _error(
                401,
                "'Expiration time' claim ('exp') must be a numeric value representing the future "
                "time at which the assertion expires",
            )
        if content["exp"] > now + 600:
            return _error(401, "'Expiration time' claim ('exp') is too far in the future")
        return None

    def _token(self, installation: str, body: bytes) -> Reply:
        if installation not in self.installations:
            return _error(404, "Not Found")
        wanted = json.loads(body or b"{}").get("permissions") or {}
        if wanted != {"contents": "read"}:
            return _error(422, "The permissions requested are not granted to this installation.")
        token = f"ghs_{secrets.token_hex(18)}"
        self.given.append(token)
        self.valid.add(token)
        ends = datetime.fromtimestamp(self.now() + self.lasts, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        granted = {"contents": "read", "metadata": "read"}
        return Reply(
            201,
            {"token": token, "expires_at": ends, "permissions": granted, "repository_selection": "selected"},
        )

    def _installation(self, repository: str) -> Reply:
        for number, repositories in self.installations.items():
            if repository in repositories:
                login = repository.partition("/")[0]
                account = {"login": login, "id": 1, "type": "Organization"}
                return Reply(
                    200,
                    {
                        "id": int(number),
                        "account": account,
                        "app_id": int(self.app_id),
                        "target_type": "Organization",
                        "repository_selection": "selected",
                        "suspended_at": None,
                    },
                )
        return _error(404, "Not Found")


def _error(status: int, message: str) -> Reply:
    return Reply(status, {"message": message, "documentation_url": DOCS, "status": str(status)})


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
