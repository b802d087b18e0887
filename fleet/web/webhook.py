"""``POST /webhook``: a forge says that something was pushed; the hub looks for itself.

Contract: the raw body is verified (`git.push`) before anything in it is read; without a secret for the
repository nothing is accepted. A push only wakes the repositories that it names: neither a commit nor a URL
of the payload is trusted with more. Answers: 202 with how many were woken, 401 for a signature that does
not fit or a repository without a secret, 413 over 1 MiB, 429 over `BURST` a caller.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiohttp import web

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
    limit = Limit(clock, burst=BURST, rate=RATE)

    async def handler(request: web.Request) -> web.Response:
        if not limit.allows(request.remote or ""):
            return answers.refusal(429, "TooManyRequests", "too many pushes; try again", Retry_After="5")
        body = await request.read()
        try:
            event = verify(request.headers, body)
        except FleetError as error:
            return answers.refusal(401, error.reason, error.text)
        return answers.answer({"woken": nudge(event)}, 202)

    return [web.post("/webhook", handler)]
