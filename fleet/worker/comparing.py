"""A pass that only looks: for targets that nobody has asked to sync, and at what drifted and is only shown.

Contract: no write, dry runs at most. What memory proves (the manifest digest on the live object, our entry as
after our last apply) costs no request; a dry run settles the rest, and what it finds equal is remembered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from fleet.errors import FleetError, fault
from fleet.kube.request import Send
from fleet.model import Cause, Drift, Hold, Holding, ObjectRef, Option, Work
from fleet.sync import compare, existing, gate
from fleet.sync.shape import Shaped
from fleet.worker import heal
from fleet.worker.applying import Progress, settled
from fleet.worker.member import Member
from fleet.worker.plan import Plan
from fleet.worker.pruning import Pruned, facts, stale

HELD = "waits for a sync: automated sync is off (fleethub app sync NAME)"


async def run(work: Work, plan: Plan, member: Member) -> tuple[Progress, Pruned]:
    """Compare every desired object with what is live."""
    progress, pruned = Progress(), Pruned()
    send = member.door(work.target)
    await asyncio.gather(*(_one(item, plan.set_id, (member, send), progress) for item in plan.items))
    pruned.left.extend(stale(plan, work.target.key, member))
    progress.drifts.sort(key=lambda drift: drift.ref)
    if progress.drifts or pruned.left:
        pruned.holds.extend(_why(work, plan, progress, pruned, member))
    return progress, pruned


def _why(work: Work, plan: Plan, progress: Progress, pruned: Pruned, member: Member) -> tuple[Holding, ...]:
    """Why what differs is left as it is."""
    refs = tuple(drift.ref for drift in progress.drifts)
    if Option.AUTOMATED not in work.target.policy.options:
        return (Holding(Hold.MANUAL, HELD, refs),)
    found = gate.holds(facts(work, plan, tuple(pruned.left), progress, member, None)) if pruned.left else ()
    return found if found and not refs else (*found, Holding(Hold.SELF_HEAL_OFF, heal.SHOWN, refs))


async def shown(work: Work, plan: Plan, member: Member, drifts: Mapping[ObjectRef, Drift]) -> Progress:
    """Look at what a pass must not put back: what carries this very manifest and is not as it was sent, and ``drifts``.

    What is left as it is, is in ``left``; so is what could not be compared. What is missing and not among ``drifts`` was
    never there.
    """
    looked, send = Progress(), member.door(work.target)
    mine = []
    for item in plan.items:
        seen = member.sightings.get(item.ref)
        if seen is None and item.ref in drifts:
            looked.drifts.append(drifts[item.ref])
        elif seen is not None and (seen.set_id, seen.manifest, seen.deleting) == (
            plan.set_id,
            item.digest,
            False,
        ):
            mine.append(item)
    await asyncio.gather(*(_one(item, plan.set_id, (member, send), looked) for item in mine))
    looked.drifts.sort(key=lambda drift: drift.ref)
    refs = tuple(drift.ref for drift in looked.drifts)
    return Progress(
        faults=looked.faults,
        failed=looked.failed,
        holds=[Holding(Hold.SELF_HEAL_OFF, heal.SHOWN, refs)] if refs else [],
        drifts=looked.drifts,
        left={item.ref for item in mine}.union(refs),
    )


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
        if seen is None:
            progress.drifts.append(Drift(ref, Cause.MISSING))  # as far as the lists say
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
