"""The second of the two stories: one target, from manifests to live objects.

A pass, each await a legal place to die: resolve secrets, split the claims, declare the parent, apply wave by wave,
prune through the gate, tell the Outcome. Every step does nothing where it is done; resuming is running again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

from fleet.errors import FleetError, fault
from fleet.model import Drift, Holding, Mode, ObjectRef, Outcome, Work
from fleet.sync import parent
from fleet.sync.scope import Scoped
from fleet.worker import applying, bounds, claiming, comparing, outcome, pruning, recover, resolving
from fleet.worker.member import Member
from fleet.worker.plan import plan
from fleet.worker.pruning import Precious, Pruned
from fleet.worker.report import Unrendered


async def run(
    work: Work,
    scoped: Scoped,
    member: Member,
    superseded: asyncio.Event,
    unrendered: Unrendered | None,
    detains: Callable[[Work], Holding | None],
    guards: Callable[[Work, Precious], Holding | None],
    spares: Mapping[ObjectRef, Drift] | None = None,
) -> Outcome:
    """Make the work true on the member, as far as it may; never raises FleetError for a single object.

    ``unrendered`` gives the Applications for which pruning waits, None where no change of this work is open;
    ``detains`` is asked right before pruning for a reason of the hub's own against it, ``guards`` once all that
    would go is known. ``spares`` has the drift that is known and only shown; None where all is put back.
    """
    resolved = await resolving.resolve(work, scoped, member)
    planned = resolving.judged(plan(work, scoped, member, resolved.clear), resolved)
    planned = claiming.judged(planned, member, unrendered)
    remade = recover.remade(work, member)
    if work.mode is Mode.COMPARE or remade is not None:
        progress, pruned = await comparing.run(work, planned, member)
        if remade is not None:
            pruned.holds.clear()
            progress.holds.append(replace(remade, refs=tuple(drift.ref for drift in progress.drifts)))
        return outcome.build(work, planned, progress, pruned, member)
    progress, pruned = applying.Progress(), Pruned()
    try:
        if work.only is None or work.target.key not in member.parents:
            render, inputs = recover.render_digest(work), recover.inputs_digest(work)
            await applying.declare(work, planned, member, render, inputs)
    except FleetError as error:
        # Without its parent nothing may be written: an object of a kind it does not name would be lost.
        progress.faults.append(fault(error))
        progress.failed.extend(item.ref for item in planned.items)
        return outcome.build(work, planned, progress, pruned, member)
    if spares is not None:
        progress = await comparing.shown(work, planned, member, spares)
    await applying.waves(work, planned, member, superseded, progress)
    if work.only is None and not superseded.is_set():
        reason = detains(work)
        if reason is None:
            pruned = await pruning.prune(
                work,
                planned,
                progress,
                member,
                superseded,
                unrendered,
                lambda precious: guards(work, precious),
            )
        elif pruning.stale(planned, work.target.key, member):
            pruned.holds.append(reason)
            pruned.left.extend(pruning.stale(planned, work.target.key, member))
    return outcome.build(work, planned, progress, pruned, member)


async def seal(work: Work, scoped: Scoped, member: Member) -> bool:
    """Record the digest of the members' entries, and drop kinds that no member has; True if a kind went."""
    key = work.target.key
    before = member.parents.get(key)
    if before is None or before.recorded.render != recover.render_digest(work):
        return False
    planned = plan(work, scoped, member)
    if planned.faults or not all(applying.settled(member, item) for item in planned.items):
        return False
    refs = member.sightings.members(planned.set_id) | planned.desired
    if member.sightings.complete(before.kinds):
        return False
    digest = recover.seal_of(planned.set_id, member)
    kinds, namespaces = pruning.kinds_of(refs), frozenset(ref.namespace for ref in refs if ref.namespace)
    unseen = bounds.unseen(before, member)
    if unseen is not None:
        # Whatever of these kinds there is beyond the registration would be lost for good.
        kinds, namespaces = kinds | before.kinds, namespaces | unseen.namespaces
    if before.recorded.seal == digest and before.kinds == kinds:
        return False
    member.parents[key] = await parent.seal(member.door(work.target), before, digest, kinds, namespaces)
    return not before.kinds <= kinds
