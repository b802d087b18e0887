"""``/metrics``: exposed in a thread, since ten thousand series take 100 ms and the loop must not stand."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Callable

    # Gives the body and its content type.
    Expose = Callable[[], tuple[bytes, str]]


def routes(expose: Expose) -> list[web.RouteDef]:
    """Give the route; scrapes that overlap share one exposition after the other, never two at once."""
    turn = asyncio.Lock()

    async def handler(_: web.Request) -> web.Response:
        async with turn:
            body, content_type = await asyncio.to_thread(expose)
        return web.Response(body=body, headers={"Content-Type": content_type})

    return [web.get("/metrics", handler)]
