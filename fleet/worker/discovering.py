"""What a cluster serves, read anew when something is missing: a CRD came, went, or a group answers again.

Contract: many targets may ask at once, one reading answers all of them; raises what the reading raises, and
then what was known stays.
"""

from __future__ import annotations

import contextlib
from typing import Final

from fleet.errors import Forbidden, NotFound
from fleet.kube.discovery import read
from fleet.kube.request import Request
from fleet.worker.member import Member

FRESH: Final = 1.0  # seconds for which a reading answers, from when it began
READY: Final = Request("GET", "/readyz")


async def again(member: Member, fresh: float = FRESH) -> bool:
    """Read discovery unless a reading answers that is so fresh; whether it is another since the caller looked."""
    before, asked = member.discovery, member.clock.boottime()
    async with member.discovering:
        if member.discovered < asked - fresh:
            begun = member.clock.boottime()
            member.discovery = await read(member.client.send)
            member.discovered = begun
    changed = member.discovery != before
    if changed:
        member.rediscovered()
    return changed


async def whole(member: Member) -> None:
    """Read discovery as it is now, so that what it lacks is not served; raises where that cannot be known.

    A server that has just begun lacks what CRDs define, and says that it is not ready.
    """
    with contextlib.suppress(Forbidden, NotFound):  # it keeps that to itself
        await member.client.send(READY)
    await again(member, fresh=0.0)
