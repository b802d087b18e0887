"""Step 3 of a pass: what stands for a Secret is resolved, in memory, as far as it is about to be sent.

Contract: what is known to be live as it would be sent is not opened, so a steady state costs nothing. The clear text
lives as long as the pass. One that cannot be resolved is a Fault of its object alone: that stays desired, and what is
live of it stays as it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from fleet.errors import FleetError, fault
from fleet.model import Fault, Manifest, Mode, ObjectRef, Work
from fleet.projects import objects
from fleet.sync import shape
from fleet.sync.scope import Scoped
from fleet.sync.sets import set_id
from fleet.sync.shape import Marks
from fleet.worker.applying import settled
from fleet.worker.member import Member
from fleet.worker.plan import Plan, Stage, unbuilt
from fleet.worker.resolver import Asked


@dataclass(frozen=True, slots=True)
class Resolved:
    """What of a pass is in clear, and what could not be."""

    clear: Mapping[ObjectRef, bytes] = field(default_factory=dict, repr=False)
    faults: Mapping[ObjectRef, Fault] = field(default_factory=dict)


async def resolve(work: Work, scoped: Scoped, member: Member) -> Resolved:
    """Open what the pass may send."""
    marks = Marks(set_id(work.target.key, member.identity.namespace), member.identity.digest_key)
    always = work.mode is Mode.AUDIT or work.asked_by is not None
    due = [
        placed
        for placed in scoped.manifests
        if placed.manifest.form
        and (work.only is None or placed.ref in work.only)
        and not unbuilt(placed.manifest)
        and (always or not settled(member, shape.body(placed, marks)))
    ]
    clear: dict[ObjectRef, bytes] = {}
    faults: dict[ObjectRef, Fault] = {}

    async def one(manifest: Manifest) -> None:
        asked = Asked(manifest, work.target.key.application, work.target.key.cluster)
        try:
            found = await member.resolver.clear(asked)
        except FleetError as error:
            faults[manifest.ref] = fault(error, manifest.ref)
            return
        # Its labels may make it another kind of thing than its form says.
        breach = objects.breach(manifest.ref, work.target.policy.walls, namespaced=True, body=found)
        if breach is not None:
            faults[manifest.ref] = breach
        else:
            clear[manifest.ref] = found

    await asyncio.gather(*(one(placed.manifest) for placed in due))
    return Resolved(clear, faults)


def judged(plan: Plan, resolved: Resolved) -> Plan:
    """The plan without what could not be resolved: that is a fault, and a later sync wave waits for it."""
    if not resolved.faults:
        return plan
    stages = tuple(
        Stage(stage.wave, items)
        for stage in plan.stages
        if (items := tuple(item for item in stage.items if item.ref not in resolved.faults))
    )
    waves = {item.ref: item.wave for item in plan.items if item.ref in resolved.faults}
    return replace(
        plan,
        stages=stages,
        faults=(*plan.faults, *resolved.faults.values()),
        unresolved={**plan.unresolved, **waves},
    )
