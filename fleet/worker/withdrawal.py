"""A target leaves a cluster: its objects backwards, then its parent.

Contract: an object that another target claims is that target's to take, never deleted. The parent goes last,
when no member is left; so a withdrawal that is cut off anywhere is taken up again from the parent alone.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from fleet.errors import Conflict, FleetError, NotFound, NotPermitted, fault
from fleet.kube.acting import acting
from fleet.kube.request import Send
from fleet.model import (
    Counts,
    Fault,
    Findings,
    Gone,
    Health,
    Hold,
    Holding,
    ObjectRef,
    Outcome,
    Sync,
    TargetKey,
    Withdrawal,
)
from fleet.ownership import membership
from fleet.sync import existing, order, orphan, parent
from fleet.worker import bounds, pruning, rebuild
from fleet.worker.member import Member
from fleet.worker.plan import listing
from fleet.worker.work import Leave

CalledOff = Callable[[], bool]
PAUSED: Final = Holding(
    Hold.PAUSED,
    "the cluster is paused: what is there stays until it is resumed (fleethub cluster resume)",
)


async def run(
    errand: Leave,
    member: Member,
    called_off: CalledOff,
    spares: Callable[[TargetKey, pruning.Precious], Holding | None],
    *,
    placed: bool,
) -> tuple[Gone, Outcome]:
    """Remove or release the target's objects; DONE once its parent is gone.

    ``called_off`` is asked before each write: another errand took this one's place, or the cluster is paused;
    ``spares`` for a reason why what is precious must stay: the rest goes all the same. ``placed``: the target may have
    something here, whether it has a parent or not.
    """
    target, mode = errand.target, errand.mode
    send = acting(member.client.send, errand.account, lambda: not called_off())
    own = parent.set_id(target, member.identity.namespace)
    faults: list[Fault] = []
    holds: list[Holding] = []
    record = member.parents.get(target)
    if record is None:
        return await _unknown(errand, member, send, placed=placed)
    unlisted = member.sightings.complete(record.kinds)
    if unlisted:
        kinds = ", ".join(str(kind) for kind in unlisted)
        text = f"cannot be removed yet: not completely listed: {kinds}"
        faults.append(Fault(None, "ListIncomplete", text, transient=True))
        return Gone.WAITING, _outcome(errand, member, faults, holds, left=0)
    try:
        found = await _found(target, own, mode, member)
    except FleetError as error:
        return Gone.WAITING, _outcome(errand, member, [fault(error)], holds, left=0)
    reason = spares(target, found)
    if reason is not None:
        holds.append(reason)
    spared = frozenset(found) if reason is not None else frozenset()
    for group in order.backwards((ref, 0) for ref in member.sightings.members(own) - spared):
        if called_off():
            return Gone.WAITING, _outcome(errand, member, faults, holds, left=0)
        results = await asyncio.gather(
            *(_one(ref, own, errand, (member, called_off), found) for ref in group)
        )
        for result in results:
            if isinstance(result, Fault):
                faults.append(result)
            elif isinstance(result, Holding):
                holds.append(result)
    left = [ref for ref in member.sightings.members(own) if not member.claims.others(ref, target)]
    handed = [ref for ref in member.sightings.members(own) if member.claims.others(ref, target)]
    if handed:
        holds.append(_handed(handed, target, member))
    holds.extend(bounds.holds(record, member))
    if left or handed or faults or holds or called_off():
        return Gone.WAITING, _outcome(errand, member, faults, holds, left=len(left))
    try:
        await parent.remove(send, record)
    except (Conflict, NotPermitted):
        # Somebody wrote the parent since, or called this off: it runs again.
        return Gone.WAITING, _outcome(errand, member, faults, holds, left=0)
    member.parents.pop(target, None)
    return Gone.DONE, _outcome(errand, member, faults, holds, left=0)


async def _unknown(errand: Leave, member: Member, send: Send, *, placed: bool) -> tuple[Gone, Outcome]:
    """Nothing is remembered of the target; that nothing is there, the cluster itself has to say.

    Objects without a parent have lost it: it is made again, and leads to them (H15).
    """
    target, place = errand.target, member.identity.namespace
    own = parent.set_id(target, place)
    state = Gone.WAITING
    try:
        if not await parent.stands(member.client.send, target, place):
            asked = placed or member.sightings.members(own)
            kinds = await rebuild.kinds(own, member) if asked else frozenset()
            if kinds:
                intent = parent.Intent(target, (), "", "", kinds, frozenset())
                member.parents[target] = await parent.declare(send, None, intent, namespace=place)
            else:
                state = Gone.DONE
    except FleetError as error:
        return Gone.WAITING, _outcome(errand, member, [fault(error)], [], left=0)
    return state, _outcome(errand, member, [], [], left=0)


def _handed(refs: list[ObjectRef], target: TargetKey, member: Member) -> Holding:
    """Why the target is still there: what others are to take over."""
    found = [heir for ref in refs if (heir := member.claims.holder(ref, "")) not in (None, target)]
    heirs = sorted({str(heir.application) for heir in found if heir is not None})
    until = f"Application {', '.join(heirs)} has taken it" if heirs else "it is known who takes it"
    text = f"{listing(tuple(sorted(refs)))} is here until {until}"
    return Holding(Hold.DELETION, text, tuple(sorted(refs)))


async def _found(target: TargetKey, own: str, mode: Withdrawal, member: Member) -> dict[ObjectRef, str]:
    """What is precious among the objects that would be deleted."""
    if mode is Withdrawal.ORPHAN:
        return {}
    members = member.sightings.members(own)
    return await pruning.precious(
        (ref for ref in members if not member.claims.others(ref, target)), own, member
    )


async def _one(
    ref: ObjectRef, own: str, errand: Leave, place: tuple[Member, CalledOff], released: pruning.Precious
) -> Fault | Holding | None:
    member, called_off = place

    def goes() -> bool:
        return not called_off() and not member.claims.others(ref, errand.target)

    if not goes():
        return None
    send = acting(member.client.send, errand.account, goes)
    try:
        if errand.mode is Withdrawal.ORPHAN or await _stays(ref, own, member):
            await _release(ref, own, member, send)
            return None
        rights = pruning.Rights(send, withdrawing=True, released=ref in released)
        return await pruning.remove(ref, own, member, rights)
    except FleetError as error:
        return fault(error, ref) if goes() else None


async def _stays(ref: ObjectRef, own: str, member: Member) -> bool:
    """Whether the live object says that it outlives its Application (Argo CD's ``Delete=false``)."""
    resource = await pruning.sought(ref, member)
    meta = await existing.read(member.client.send, resource, ref) if resource is not None else None
    return meta is not None and membership.member(meta, own) and pruning.keeps(meta, "Delete=false")


async def _release(ref: ObjectRef, own: str, member: Member, send: Send) -> None:
    resource = await pruning.sought(ref, member)
    if resource is None:
        member.sightings.drop(ref)
        return
    async with member.ledger.write(ref):
        meta = await existing.read(member.client.send, resource, ref)
        if meta is not None and membership.member(meta, own):
            with contextlib.suppress(NotFound):
                await orphan.release(send, resource, meta)
        member.sightings.drop(ref)
        member.ledger.known(ref)


def _outcome(errand: Leave, member: Member, faults: list[Fault], holds: list[Holding], left: int) -> Outcome:
    return Outcome(
        target=errand.target,
        revisions=(),
        sync=Sync.OUT_OF_SYNC if left or faults or holds else Sync.SYNCED,
        health=Health.PROGRESSING if left else Health.HEALTHY,
        counts=Counts(members=left, stale=left),
        faults=tuple(faults),
        holds=tuple(holds),
        findings=Findings(answered=errand.asked),
        at=member.clock.now(),
    )


def held(errand: Leave, reason: Holding, member: Member) -> Outcome:
    """The Outcome of a withdrawal that waits, and of which nothing is written."""
    return _outcome(errand, member, [], [reason], left=0)


def refused(errand: Leave, problem: Fault, member: Member) -> Outcome:
    """The Outcome of a withdrawal that did not come to its end."""
    return _outcome(errand, member, [problem], [], left=0)
