"""Answers in JSON, errors too: ``{"error": "words", "reason": "Word"}``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aiohttp import web

from fleet.errors import FleetError

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp.typedefs import Handler

    Report = Callable[[BaseException], None]

# The cache of a browser or proxy must not keep what a token opened.
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def encode(body: Any) -> bytes:
    """Give JSON bytes; safe in a thread for frozen values."""
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def answer(body: Any, status: int = 200) -> web.Response:
    """Answer with a small body, encoded here."""
    return ready(encode(body), status)


def ready(body: bytes, status: int = 200) -> web.Response:
    """Answer with JSON that has been encoded already."""
    return web.Response(body=body, status=status, content_type="application/json", headers=_HEADERS)


def refusal(status: int, reason: str, text: str, **headers: str) -> web.Response:
    """Answer with an error."""
    response = answer({"error": text, "reason": reason}, status)
    response.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return response


def errors(report: Report) -> Callable[..., Any]:
    """Make the middleware that turns whatever a handler raises into an answer without its text.

    ``report`` is told of what nobody foresaw.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException as error:
            return refusal(error.status, type(error).__name__.removeprefix("HTTP"), error.reason)
        except FleetError as error:
            return refusal(503 if error.transient else 500, error.reason, error.text)
        except Exception as error:  # noqa: BLE001 (the end of the line: a request must be answered)
            report(error)
            return refusal(500, "Internal", "the hub failed to answer; its log says why")

    return middleware
