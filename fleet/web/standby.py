"""What comes to a process that waits for its turn is handed to the one that is active.

Contract: probes and metrics are each process's own; all else is answered by the active one, with the caller's headers and
body, once: what was handed on already is not handed on again. Where it serves, its Lease says; what the caller
says is a path there and nothing else, so that nobody has another server asked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import aiohttp
from aiohttp import web
from yarl import URL

from fleet.web import answers

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

Elsewhere = Callable[[], str | None]
"""Where the active process serves, empty where that is not known; None: this one is it."""

OWN: Final = frozenset({"/healthz", "/readyz", "/metrics"})
MARK: Final = "X-Fleethub-Forwarded"
SECONDS: Final = 10.0
# Of a connection, not of a message; the client makes its own.
_HOP: Final = frozenset(
    {
        "connection",
        "content-encoding",  # the body was decoded as it was read
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_BACK: Final = ("Content-Type", "Cache-Control", "Retry-After", "X-Content-Type-Options")


def forwarding(elsewhere: Elsewhere) -> Callable[..., Any]:
    """Make the middleware that asks the active process."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        active = elsewhere() if request.path not in OWN else None
        if active is None:
            return await handler(request)
        if not request.raw_path.startswith("/"):
            # CONNECT and its like: behind the address it would be read as a part of the host.
            return answers.refusal(400, "BadRequest", "a request to the hub names a path")
        if not active.startswith(("http://", "https://")) or MARK in request.headers:
            return _nobody()
        return await _ask(active, request)

    return middleware


async def _ask(active: str, request: web.Request) -> web.Response:
    headers = [(name, value) for name, value in request.headers.items() if name.lower() not in _HOP]
    body = await request.read()
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SECONDS)) as session,
            session.request(
                request.method,
                URL(active.rstrip("/") + request.raw_path, encoded=True),
                data=body or None,
                headers=[*headers, (MARK, "1")],
                allow_redirects=False,
            ) as answer,
        ):
            back = {name: answer.headers[name] for name in _BACK if name in answer.headers}
            return web.Response(status=answer.status, body=await answer.read(), headers=back)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        return _nobody()


def _nobody() -> web.Response:
    text = "another process of the hub is active, or is about to be, and does not answer"
    return answers.refusal(503, "NotActive", text, Retry_After="2")
