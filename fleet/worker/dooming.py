"""What of a target would go: for the guard, which counts over all clusters before anything is deleted.

Contract: reads the member's memory alone, never awaits. None where that is not known: a kind is not completely
listed, or the target has not said yet what it wants.
"""

from __future__ import annotations

from dataclasses import dataclass

from fleet.model import ObjectRef, TargetKey
from fleet.sync import parent
from fleet.sync.scope import Scoped
from fleet.worker.member import Member
from fleet.worker.plan import wanted


@dataclass(frozen=True, slots=True)
class Doomed:
    """Objects of a target that nobody wants any more, and how many objects it has or wants in all."""

    refs: frozenset[ObjectRef]
    total: int


def stale(target: TargetKey, scoped: Scoped, member: Member) -> Doomed | None:
    """What pruning would remove of a target."""
    return _doomed(target, wanted(scoped), member)


def leaving(target: TargetKey, member: Member) -> Doomed | None:
    """What the withdrawal of a target would remove."""
    return _doomed(target, frozenset(), member)


def _doomed(target: TargetKey, desired: frozenset[ObjectRef], member: Member) -> Doomed | None:
    record = member.parents.get(target)
    if record is not None and member.sightings.complete(record.kinds):
        return None
    members = frozenset(
        ref
        for ref in member.sightings.members(parent.set_id(target, member.identity.namespace))
        # What is being deleted was let through already, or was somebody's own word.
        if (seen := member.sightings.get(ref)) is not None and not seen.deleting
    )
    gone = frozenset(ref for ref in members - desired if not member.claims.others(ref, target))
    return Doomed(gone, len(members | desired))
