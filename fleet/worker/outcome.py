"""How a target stands, folded from what a pass did and from what is remembered of its members.

Contract: reads memory, changes nothing, asks nobody.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from fleet.model import (
    Counts,
    Drift,
    Fault,
    Findings,
    Foreign,
    Health,
    Holding,
    ObjectRef,
    Option,
    Outcome,
    Sync,
    Work,
)
from fleet.sync.scope import Scoped
from fleet.sync.sets import set_id
from fleet.worker.applying import Progress
from fleet.worker.member import Member
from fleet.worker.plan import Plan, unbuilt
from fleet.worker.pruning import Pruned


def health(refs: Iterable[ObjectRef], member: Member) -> Health:
    """The worst health of some desired objects; Missing where one is not there."""
    worst = Health.HEALTHY
    for ref in refs:
        seen = member.sightings.get(ref)
        found = Health.MISSING if seen is None else seen.health
        worst = max(worst, found)
    return worst


def build(work: Work, plan: Plan, progress: Progress, pruned: Pruned, member: Member) -> Outcome:
    """The Outcome of a whole pass."""
    faults = _faults(plan, progress, pruned)
    holds = (*plan.holds, *progress.holds, *pruned.holds)
    copies = member.sightings.copies(plan.set_id)
    wanted = [item.ref for item in plan.items]
    left = [ref for ref in pruned.left if member.sightings.get(ref) is not None]
    synced = not faults and not left and not progress.drifts and not progress.failed and not plan.claimed
    return Outcome(
        target=work.target.key,
        revisions=work.revisions,
        sync=Sync.SYNCED if synced else Sync.OUT_OF_SYNC,
        health=health(wanted, member),
        counts=Counts(
            desired=len(plan.desired),
            members=len(member.sightings.members(plan.set_id)),
            created=progress.created,
            changed=progress.changed,
            unchanged=progress.unchanged,
            pruned=pruned.gone,
            stale=len(left),
        ),
        faults=faults,
        holds=holds,
        findings=Findings(
            tuple(progress.drifts),
            copies,
            plan.warnings + tuple(progress.warnings),
            foreign=additions(work, plan.set_id, member),
            removed=tuple(progress.removed),
            render=work.rendered.key,
        ),
        at=member.clock.now(),
    )


def additions(work: Work, set_id: str, member: Member) -> tuple[Foreign, ...]:
    """What people added to the target's objects; why some of it stays is of interest to `strict` alone."""
    found = member.sightings.additions(set_id)
    if Option.STRICT in work.target.policy.options:
        return found
    return tuple(replace(one, why="") for one in found)


def expected(work: Work, scoped: Scoped, member: Member) -> tuple[ObjectRef, ...]:
    """The objects whose health is the target's: all that it means to hold and that nobody else holds."""
    claims, key = member.claims, work.target.key
    holders = member.sightings.holders(p.ref for p in scoped.manifests)
    return tuple(
        placed.ref
        for placed in scoped.manifests
        if not unbuilt(placed.manifest)
        and claims.holder(placed.ref, holders.get(placed.ref, "")) in (None, key)
    )


def broken(work: Work, problem: Fault, before: Outcome | None, member: Member) -> Outcome:
    """The Outcome of a pass that did not come to its end: what was known, and what went wrong."""
    return Outcome(
        target=work.target.key,
        revisions=work.revisions,
        sync=Sync.UNKNOWN if before is None else Sync.OUT_OF_SYNC,
        health=Health.UNKNOWN if before is None else before.health,
        counts=Counts() if before is None else before.counts,
        faults=(problem,),
        holds=() if before is None else before.holds,
        at=member.clock.now(),
    )


def _faults(plan: Plan, progress: Progress, pruned: Pruned) -> tuple[Fault, ...]:
    return tuple(dict.fromkeys((*plan.faults, *progress.faults, *pruned.faults)))


def revised(
    before: Outcome,
    foreign: tuple[Foreign, ...],
    expected: Iterable[ObjectRef],
    drifts: Iterable[Drift],
    extra: tuple[Holding, ...],
    member: Member,
) -> Outcome:
    """The Outcome as watches have it since the last pass: health anew, drift that is not being healed."""
    own = set_id(before.target, member.identity.namespace)
    found = tuple(drifts)
    sync = before.sync
    if found and sync is Sync.SYNCED:
        sync = Sync.OUT_OF_SYNC
    return Outcome(
        before.target,
        before.revisions,
        sync,
        health(expected, member),
        # What was deleted counts until the watch has said that it is gone.
        replace(before.counts, members=len(member.sightings.members(own))),
        before.faults,
        (*before.holds, *extra),
        replace(
            before.findings,
            drifts=found or before.findings.drifts,
            answered=None,
            foreign=foreign,
            removed=(),
        ),
        before.at,
    )
