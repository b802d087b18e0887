"""Whether a cluster still answers, asked when nothing else tells.

Contract: one small read every quarter of a minute, and at once where a stream broke. Ends only by raising: after
two misses in a row, or when the credential is no longer accepted. A miss while our own loop lags counts for
nothing (H23).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from fleet.errors import FleetError, Forbidden
from fleet.kube.request import Request
from fleet.worker.member import Member

EVERY: Final = 15.0
AGAIN: Final = 1.0
TIMEOUT: Final = 5.0
UNAUTHORIZED: Final = 401


async def watch_over(member: Member, doubt: asyncio.Event, answered: Callable[[], Awaitable[None]]) -> None:
    """Probe for ever; ``doubt`` asks for a probe at once, ``answered`` is called after each that was."""
    misses = 0
    while True:
        doubt.clear()
        await _wait(member, doubt, AGAIN if misses else member.clock.jitter(EVERY))
        due = asyncio.get_running_loop().time() + TIMEOUT
        try:
            await member.client.send(Request("GET", "/version", timeout=TIMEOUT, apart=True))
            misses = 0
            await answered()
        except Forbidden as error:
            if error.status == UNAUTHORIZED:
                raise
            misses = 0
        except FleetError:
            if member.clock.lags(due):
                continue
            misses += 1
            if misses > 1:
                raise


async def _wait(member: Member, doubt: asyncio.Event, seconds: float) -> None:
    waiter = asyncio.ensure_future(doubt.wait())
    timer = asyncio.ensure_future(member.clock.sleep(seconds))
    try:
        await asyncio.wait({waiter, timer}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiter.cancel()
        timer.cancel()
