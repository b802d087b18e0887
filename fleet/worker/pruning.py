"""Step 7 of a pass: remove members that Git no longer names, through the gate.

Contract: nothing is deleted while the gate or the guard holds anything; the guard sees the whole set, and what is
precious in it, before the first delete. Each object is read right before its delete: it must still be a member of
this very set, and the delete carries the uid and resourceVersion of that reading.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from fleet import names
from fleet.errors import Conflict, FleetError, NotFound, fault
from fleet.kube.request import Send
from fleet.model import (
    Fault,
    GroupKind,
    Hold,
    Holding,
    Meta,
    ObjectRef,
    Option,
    Resource,
    TargetKey,
    Work,
)
from fleet.ownership import membership
from fleet.projects import objects
from fleet.secrets.forms import sealed
from fleet.sync import delete, existing, gate, order, orphan
from fleet.worker import bounds, discovering, vacancy
from fleet.worker.applying import Progress
from fleet.worker.member import Member
from fleet.worker.plan import Plan
from fleet.worker.report import Unrendered

ATTEMPTS = 3  # readings of one object whose resourceVersion keeps moving

Precious = Mapping[ObjectRef, str]
"""Objects that need a person's word before they go, with the reason."""
Goes = Callable[[ObjectRef], bool]
"""Asked before each object, and once more as its delete leaves: whether it still may go."""
Guards = Callable[[Precious], Holding | None]
"""Asked when the whole set and what is precious in it are known: the reason why nothing of it may go."""


@dataclass(frozen=True, slots=True)
class Rights:
    """How one object may go: through which door, beside what of its set stays, and by whose word.

    ``Prune=false`` keeps an object from pruning, not from leaving with its Application (``withdrawing``). What
    has become precious since the guard looked stays, unless a person let it through (``released``).
    """

    send: Send
    desired: frozenset[ObjectRef] = frozenset()
    withdrawing: bool = False
    released: bool = False


@dataclass(slots=True)
class Pruned:
    """What pruning has come to."""

    gone: int = 0
    left: list[ObjectRef] = field(default_factory=list)
    holds: list[Holding] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def stale(plan: Plan, target: TargetKey, member: Member) -> tuple[ObjectRef, ...]:
    """Members of the set that are neither desired nor another target's to take."""
    return tuple(
        sorted(
            ref
            for ref in member.sightings.members(plan.set_id) - plan.desired
            if not member.claims.others(ref, target)
        )
    )


async def prune(
    work: Work,
    plan: Plan,
    progress: Progress,
    member: Member,
    superseded: asyncio.Event,
    unrendered: Unrendered | None,
    guards: Guards,
) -> Pruned:
    """Remove what is stale; ``unrendered`` is None where no change of the work is open.

    Nothing more goes once the work is superseded, or the cluster is paused; nor what another claims by then.
    """
    result = Pruned()
    result.holds.extend(bounds.holds(member.parents.get(work.target.key), member))
    found_stale = stale(plan, work.target.key, member)
    found_stale = await _handed_over(found_stale, plan, progress, (member, member.door(work.target)), result)
    candidates, walled = objects.fenced(found_stale, work.target.policy.walls)
    if walled is not None:
        result.holds.append(walled)
        result.left.extend(walled.refs)
    if not candidates:
        return result
    held = gate.holds(facts(work, plan, candidates, progress, member, unrendered))
    if held:
        result.holds.extend(held)
        result.left.extend(candidates)
        return result
    try:
        found = await precious(candidates, plan.set_id, member, plan.desired)
    except FleetError as error:
        result.faults.append(fault(error))
        result.left.extend(candidates)
        return result
    reason = guards(found)
    if reason is not None:
        result.holds.append(reason)
        result.left.extend(candidates)
        return result

    def goes(ref: ObjectRef) -> bool:
        off = superseded.is_set() or member.paused() or not member.stands(work.target)
        return not off and not member.claims.others(ref, work.target.key)

    for group in order.backwards((ref, 0) for ref in candidates):
        await asyncio.gather(*(_one(ref, work, plan, (member, goes), result, found) for ref in group))
    # What another claims by now is that one's to take.
    result.left = [ref for ref in result.left if not member.claims.others(ref, work.target.key)]
    return result


async def _handed_over(
    refs: tuple[ObjectRef, ...], plan: Plan, progress: Progress, place: tuple[Member, Send], result: Pruned
) -> tuple[ObjectRef, ...]:
    """Let go of the Secrets that the cluster's own controller makes from now on; what is left to prune.

    One whose SealedSecret could not be applied stays as it is.
    """
    member, send = place
    rest: list[ObjectRef] = []
    for ref in refs:
        twin = sealed.twin(ref)
        if twin is None or twin not in plan.desired:
            rest.append(ref)
            continue
        resource = served(ref, member)
        if twin not in progress.applied or resource is None:
            result.left.append(ref)
            continue
        try:
            async with member.ledger.write(ref):
                meta = await existing.read(member.client.send, resource, ref)
                if meta is not None and membership.member(meta, plan.set_id):
                    await orphan.release(send, resource, meta, sealed.MANAGED)
                member.sightings.drop(ref)
                member.ledger.known(ref)
        except FleetError as error:
            result.faults.append(fault(error, ref))
            result.left.append(ref)
    return tuple(rest)


async def precious(
    refs: Iterable[ObjectRef], set_id: str, member: Member, desired: frozenset[ObjectRef] = frozenset()
) -> dict[ObjectRef, str]:
    """Of the objects, those that need a person's word before they go, and why; reads, and raises what fails."""
    asked = [ref for ref in refs if GroupKind(ref.group, ref.kind) in gate.PRECIOUS]

    async def one(ref: ObjectRef) -> str:
        resource = served(ref, member)
        meta = await existing.read(member.client.send, resource, ref) if resource is not None else None
        if meta is None or meta.deleting or not membership.member(meta, set_id):
            return ""
        return gate.precious(meta, await vacancy.contents(meta, set_id, member, desired))

    told = await asyncio.gather(*(one(ref) for ref in asked))
    return {ref: why for ref, why in zip(asked, told, strict=True) if why}


def facts(
    work: Work,
    plan: Plan,
    candidates: tuple[ObjectRef, ...],
    progress: Progress,
    member: Member,
    unrendered: Unrendered | None,
) -> gate.PruneFacts:
    """Gather what the gate judges."""
    before = member.parents.get(work.target.key)
    kinds = before.kinds if before is not None else frozenset()
    options = work.target.policy.options
    unlisted = set(member.sightings.complete(kinds))
    if not member.parents_listed:
        unlisted.add(GroupKind("", "ConfigMap"))
    return gate.PruneFacts(
        stale=candidates,
        desired=len(plan.desired),
        prune=gate.Prune(
            enabled=Option.PRUNE in options and Option.AUTOMATED in options,
            asked=work.prune_asked,
            allow_empty=Option.ALLOW_EMPTY in options,
        ),
        faults=plan.faults + tuple(progress.faults),
        failed=tuple(progress.failed),
        unlisted=frozenset(unlisted),
        stale_groups=frozenset(kind.group for kind in kinds if kind.group in member.discovery.stale),
        change_open=unrendered is not None,
        unrendered=unrendered() if unrendered is not None else (),
    )


async def _one(
    ref: ObjectRef, work: Work, plan: Plan, place: tuple[Member, Goes], result: Pruned, released: Precious
) -> None:
    member, goes = place
    if not goes(ref):
        result.left.append(ref)
        return
    rights = Rights(member.door(work.target, lambda: goes(ref)), plan.desired, released=ref in released)
    try:
        hold = await remove(ref, plan.set_id, member, rights)
    except FleetError as error:
        result.left.append(ref)
        if goes(ref):  # else it was refused for that
            result.faults.append(fault(error, ref))
        return
    if hold is not None:
        result.holds.append(hold)
        result.left.append(ref)
    else:
        result.gone += 1


async def remove(
    ref: ObjectRef,
    set_id: str,
    member: Member,
    rights: Rights,
) -> Holding | None:
    """Delete one member of a set, or say why not; done where it is gone or no member any more."""
    resource = await sought(ref, member)
    if resource is None:
        # The kind is provably not served: its group answers and does not know it. So its objects are gone.
        member.sightings.drop(ref)
        return None
    for attempt in range(ATTEMPTS):
        async with member.ledger.write(ref):
            meta = await existing.read(member.client.send, resource, ref)
            if meta is None or not membership.member(meta, set_id):
                member.sightings.drop(ref)
                member.ledger.known(ref)
                return None
            if meta.deleting:
                return None
            if not rights.withdrawing and keeps(meta, "Prune=false"):
                return Holding(Hold.PRUNE_OFF, f"{meta.ref} says Prune=false and stays", (meta.ref,))
            if not rights.released and (why := await _precious(meta, set_id, member, rights.desired)):
                raise Conflict(f"{meta.ref} {why} since it was looked at", status=409, ref=meta.ref)
            try:
                # What the hub makes of a SealedSecret from now on must not go with it.
                alone = sealed.made(ref) in rights.desired
                await delete.delete(
                    rights.send, resource, meta, propagation="Orphan" if alone else "Background"
                )
            except NotFound:
                pass
            except Conflict:
                if attempt + 1 == ATTEMPTS:
                    raise
                continue
            member.ledger.known(ref)
            return None
    return None


async def _precious(meta: Meta, set_id: str, member: Member, desired: frozenset[ObjectRef]) -> str:
    if GroupKind(meta.ref.group, meta.ref.kind) not in gate.PRECIOUS:
        return ""
    return gate.precious(meta, await vacancy.contents(meta, set_id, member, desired))


def keeps(meta: Meta, option: str) -> bool:
    """Whether the live object carries a sync option."""
    for prefix in names.ANNOTATION_PREFIXES:
        text = meta.annotations.get(f"{prefix}/{names.SYNC_OPTIONS}", "")
        if option in (part.strip() for part in text.split(",")):
            return True
    return False


async def sought(ref: ObjectRef, member: Member) -> Resource | None:
    """How the kind is served; None where it is not, by a reading of now. Raises where that is not known."""
    resource = served(ref, member)
    if resource is None:
        await discovering.whole(member)
        resource = served(ref, member)
    return resource


def served(ref: ObjectRef, member: Member) -> Resource | None:
    """How the kind is served; None where it provably is not. Raises KindUnknown where that is not known."""
    return vacancy.served(ref, member.discovery)


def kinds_of(refs: Iterable[ObjectRef]) -> frozenset[GroupKind]:
    """The kinds of some refs."""
    return frozenset(GroupKind(ref.group, ref.kind) for ref in refs)
