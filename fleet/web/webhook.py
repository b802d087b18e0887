"""``POST /webhook``: a forge says that something was pushed; the hub looks for itself.

Contract: the raw body is verified (`git.push`) before anything in it is believed; without a secret for the
repository nothing is accepted. A push only wakes the repositories that it names and proves: neither a commit nor a
URL of the payload is trusted with more. Answers: 202 with how many were woken, 401 for a signature that does
not fit or a repository without a secret, 413 over 1 MiB, 429 over `BURST`: a repository for what is proved, an address
for what is not. So nobody without a secret uses up what those have who hold one, behind whatever proxy.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from aiohttp import web

from fleet import urls
from fleet.errors import FleetError
from fleet.web import answers
from fleet.web.limit import Limit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fleet.clock import Clock
    from fleet.git.push import PushEvent

    Verify = Callable[[Mapping[str, str], bytes], PushEvent]
    Nudge = Callable[[PushEvent], int]

BURST: Final = 60
RATE: Final = 10.0


def routes(verify: Verify, nudge: Nudge, clock: Clock) -> list[web.RouteDef]:
    """Give the route. ``verify`` is `git.push.verify` with the hub's secrets; ``nudge`` wakes and counts."""
    pushes, strangers = (Limit(clock, burst=BURST, rate=RATE) for _ in range(2))
    turn = asyncio.Lock()

    async def handler(request: web.Request) -> web.Response:
        body = await request.read()
        try:
            async with turn:
                # One body a round of the loop: however many come, all else of the hub goes on between them.
                await asyncio.sleep(0)
                event = verify(request.headers, body)
        except FleetError as error:
            if strangers.allows(request.remote or ""):
                return answers.refusal(401, error.reason, error.text)
            return _too_many()
        places = {url: urls.canonical(url) for url in event.urls}
        allowed = {place for place in set(places.values()) if pushes.allows(place)}
        if not (allowed if places else strangers.allows(request.remote or "")):
            return _too_many()
        event = replace(event, urls=tuple(url for url, place in places.items() if place in allowed))
        return answers.answer({"woken": nudge(event)}, 202)

    return [web.post("/webhook", handler)]


def _too_many() -> web.Response:
    return answers.refusal(429, "TooManyRequests", "too many pushes; try again", Retry_After="5")
