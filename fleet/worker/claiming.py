"""Step 4 of a pass: what another's better claim means for an object.

Contract: pure. While a change is open the other may let go, so the object waits; after that it is refused by
the other's name. Where the live object is in a set whose Application has not said yet what it wants, it waits.
"""

from __future__ import annotations

from dataclasses import replace

from fleet.model import Fault, Hold, Holding, ObjectRef, TargetKey
from fleet.worker.member import Member
from fleet.worker.plan import Plan, Stage
from fleet.worker.report import Unrendered


def judged(plan: Plan, member: Member, unrendered: Unrendered | None) -> Plan:
    """The plan with its claims turned into faults and holds."""
    silent = _silent(plan, member)
    faults: list[Fault] = list(plan.faults)
    holds: list[Holding] = list(plan.holds)
    for ref, target in sorted({**plan.claimed, **silent}.items()):
        if unrendered is not None or ref in silent:
            text = f"{ref} waits for Application {target.application}, which holds it"
            holds.append(Holding(Hold.CLAIM, text, (ref,)))
        else:
            text = f"Application {target.application} holds this object on the cluster"
            faults.append(Fault(ref, "OwnedByOther", text))
    stages = tuple(
        Stage(stage.wave, items)
        for stage in plan.stages
        if (items := tuple(item for item in stage.items if item.ref not in silent))
    )
    claimed = {**plan.claimed, **silent}
    return replace(plan, stages=stages, claimed=claimed, faults=tuple(faults), holds=tuple(holds))


def _silent(plan: Plan, member: Member) -> dict[ObjectRef, TargetKey]:
    """Objects that live in the set of a target that exists and has not registered its claims since start."""
    found = {}
    for item in plan.items:
        seen = member.sightings.get(item.ref)
        if seen is not None and seen.set_id != plan.set_id:
            target = member.silent.get(seen.set_id)
            if target is not None:
                found[item.ref] = target
    return found
