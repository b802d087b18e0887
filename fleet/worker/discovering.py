"""What a cluster serves, read anew when something is missing: a CRD came, went, or a group answers again.

Contract: many targets may ask at once, one reading answers all of them; raises what the reading raises, and
then what was known stays.
"""

from __future__ import annotations

from fleet.kube.discovery import read
from fleet.worker.member import Member

FRESH = 1.0  # seconds for which a reading answers


async def again(member: Member) -> bool:
    """Read discovery unless that was done just now; whether it is another since the caller looked."""
    before = member.discovery
    async with member.discovering:
        if member.clock.boottime() - member.discovered >= FRESH:
            member.discovery = await read(member.client.send)
            member.discovered = member.clock.boottime()
    changed = member.discovery != before
    if changed:
        member.rediscovered()
    return changed
