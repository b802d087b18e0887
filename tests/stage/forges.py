"""Pull requests of GitHub and merge requests of GitLab: an HTTP server with their documented answers.

Contract: tokens are checked as each forge does, lists are filtered by the documented parameters, and a second open request
for the same branches is refused as each of them refuses it.
"""

from __future__ import annotations

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    from types import TracebackType

TOKEN: Final = "a-token-of-a-forge"
_PULLS: Final = re.compile(r"/api/v3/repos/([\w.-]+)/([\w.-]+)/pulls(?:/(\d+))?")
_MERGES: Final = re.compile(r"/api/v4/projects/([^/]+)/merge_requests(?:/(\d+))?")

Answer = tuple[int, Any]


class Forges:
    """Both APIs on one port. ``pulls`` and ``merges`` are what was made, ``asked`` every request."""

    def __init__(self) -> None:
        self.pulls: list[dict[str, Any]] = []
        self.merges: list[dict[str, Any]] = []
        self.asked: list[str] = []
        forges = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
                forges.asked.append(f"{self.command} {self.path}")
                status, content = forges.answer(self.command, self.path, dict(self.headers), body)
                data = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json; charset=utf-8")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PATCH = do_PUT = _serve  # noqa: N815 (http.server's names)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (http.server's name)
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        """Listen."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, verb: str, url: str, headers: dict[str, str], body: dict[str, Any]) -> Answer:
        """The answer to a request."""
        parts = urlsplit(url)
        query = {key: value[0] for key, value in parse_qs(parts.query).items()}
        if found := _PULLS.fullmatch(parts.path):
            if headers.get("Authorization") != f"Bearer {TOKEN}":
                return 401, {
                    "message": "Bad credentials",
                    "documentation_url": "https://docs.github.com/rest",
                }
            if not headers.get("User-Agent"):
                return 403, {"message": "Request forbidden by administrative rules."}
            return self._github(verb, f"{found[1]}/{found[2]}", found[3], query, body)
        if found := _MERGES.fullmatch(parts.path):
            if headers.get("Private-Token", headers.get("PRIVATE-TOKEN")) != TOKEN:
                return 401, {"message": "401 Unauthorized"}
            return self._gitlab(verb, unquote(found[1]), found[2], query, body)
        return 404, {"message": "Not Found"}

    def _github(
        self, verb: str, path: str, number: str | None, query: dict[str, str], body: dict[str, Any]
    ) -> Answer:
        owner = path.partition("/")[0]
        if verb == "GET":
            return 200, [
                one
                for one in self.pulls
                if one["state"] == query.get("state", "open")
                and query.get("head", one["head"]["label"]) == one["head"]["label"]
                and query.get("base", one["base"]["ref"]) == one["base"]["ref"]
            ]
        if verb == "PATCH" and number:
            self.pulls[int(number) - 1].update(body)
            return 200, self.pulls[int(number) - 1]
        label = f"{owner}:{body['head']}"
        if any(one["state"] == "open" and one["head"]["label"] == label for one in self.pulls):
            told = f"A pull request already exists for {label}."
            error = {"resource": "PullRequest", "code": "custom", "message": told}
            return 422, {"message": "Validation Failed", "errors": [error], "status": "422"}
        count = len(self.pulls) + 1
        self.pulls.append(
            {
                "id": 1000 + count,
                "number": count,
                "state": "open",
                "title": body["title"],
                "body": body["body"],
                "html_url": f"https://github.example/{path}/pull/{count}",
                "head": {"label": label, "ref": body["head"]},
                "base": {"label": f"{owner}:{body['base']}", "ref": body["base"]},
            }
        )
        return 201, self.pulls[-1]

    def _gitlab(
        self, verb: str, path: str, number: str | None, query: dict[str, str], body: dict[str, Any]
    ) -> Answer:
        if verb == "GET":
            wanted = {key: query[key] for key in ("state", "source_branch", "target_branch") if key in query}
            return 200, [one for one in self.merges if wanted.items() <= one.items()]
        if verb == "PUT" and number:
            self.merges[int(number) - 1].update(body)
            return 200, self.merges[int(number) - 1]
        if any(
            one["state"] == "opened" and one["source_branch"] == body["source_branch"] for one in self.merges
        ):
            return 409, {"message": ["Another open merge request already exists for this source branch: !1"]}
        count = len(self.merges) + 1
        self.merges.append(
            {
                "id": 2000 + count,
                "iid": count,
                "state": "opened",
                "web_url": f"https://gitlab.example/{path}/-/merge_requests/{count}",
                **body,
            }
        )
        return 201, self.merges[-1]
