"""``/healthz`` and ``/readyz``: 200 while all is well, 503 with what is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from fleet.web import answers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiohttp.typedefs import Handler

    # Empty: well. Else the words that say what is not.
    Check = Callable[[], str]
    Says = Callable[[], Mapping[str, str]]


def _ok() -> Mapping[str, str]:
    return {"status": "ok"}


def routes(alive: Check, ready: Check, says: Says = _ok) -> list[web.RouteDef]:
    """Give both probes; the checks are asked on the loop and must not wait. ``says``: what one that is ready answers."""
    return [web.get("/healthz", _probe(alive, _ok)), web.get("/readyz", _probe(ready, says))]


def _probe(check: Check, says: Says) -> Handler:
    async def handler(_: web.Request) -> web.Response:
        trouble = check()
        if trouble:
            return answers.refusal(503, "NotWell", trouble)
        return answers.answer(dict(says()))

    return handler
