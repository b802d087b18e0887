"""A pass that only looks: for targets that nobody has asked to sync.

Contract: no write, dry runs at most. What memory proves (the manifest digest on the live object, our entry as
after our last apply) costs no request; a dry run settles the rest, and what it finds equal is remembered.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from fleet.errors import FleetError, fault
from fleet.kube.request import Send
from fleet.model import Cause, Drift, Hold, Holding, Work
from fleet.sync import compare, existing
from fleet.sync.shape import Shaped
from fleet.worker.applying import Progress, settled
from fleet.worker.member import Member
from fleet.worker.plan import Plan
from fleet.worker.pruning import Pruned, stale

HELD = "waits for a sync: automated sync is off (fleethub app sync NAME)"


async def run(work: Work, plan: Plan, member: Member) -> tuple[Progress, Pruned]:
    """Compare every desired object with what is live."""
    progress, pruned = Progress(), Pruned()
    send = member.door(work.target)
    await asyncio.gather(*(_one(item, plan.set_id, (member, send), progress) for item in plan.items))
    pruned.left.extend(stale(plan, work.target.key, member))
    if progress.drifts or pruned.left:
        pruned.holds.append(Holding(Hold.MANUAL, HELD, tuple(drift.ref for drift in progress.drifts)))
    progress.drifts.sort(key=lambda drift: drift.ref)
    return progress, pruned


async def _one(item: Shaped, set_id: str, place: tuple[Member, Send], progress: Progress) -> None:
    ref = item.ref
    member, send = place
    if settled(member, item):
        progress.unchanged += 1
        return
    seen = member.sightings.get(ref)
    try:
        if seen is None:
            found = await member.existence.look({item.resource: [ref]})
            cause = Cause.DIFFERS if ref in found else Cause.MISSING
            progress.drifts.append(Drift(ref, cause))
            return
        if seen.set_id != set_id or seen.manifest != item.digest or not item.body:
            progress.drifts.append(Drift(ref, Cause.DIFFERS))
            return
        async with member.ledger.write(ref):
            live = await existing.read(member.client.send, item.resource, ref)
            drift = await compare.compare(send, item, live)
        member.ledger.known(ref)
    except FleetError as error:
        progress.faults.append(fault(error, ref))
        progress.failed.append(ref)
        return
    if drift is not None:
        progress.drifts.append(drift)
        return
    progress.unchanged += 1
    latest = member.sightings.get(ref)
    if latest is not None and latest.uid == seen.uid and latest.entry == seen.entry:
        member.sightings.put(ref, replace(latest, sent=latest.entry))
