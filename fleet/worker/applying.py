"""Steps 5 and 6 of a pass: the parent first, then wave by wave.

Contract: every step computes from what is read, does nothing where it is done, and changes memory right after
the answer; so cancelling and running again is always right. A failed object does not stop its neighbours; a
later wave waits until every object of the earlier ones is applied and healthy.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from fleet import names
from fleet.errors import FleetError, Invalid, Missing, NotFound, NotReady, fault
from fleet.health.assess import needs_object
from fleet.model import (
    Drift,
    Fault,
    Foreign,
    GroupKind,
    Health,
    Hold,
    Holding,
    Meta,
    Mode,
    ObjectRef,
    Option,
    Resource,
    Sighting,
    TargetKey,
    Work,
)
from fleet.ownership import entries, foreign
from fleet.sync import apply, existing, namespace, parent, ready, replace, scope, strict, takeover
from fleet.sync.scope import CRD
from fleet.sync.shape import Shaped
from fleet.worker import bounds, discovering, fencing, handback, vacancy
from fleet.worker.member import Member
from fleet.worker.plan import Plan, Stage, listing

ESTABLISH_TIMEOUT = 20.0
NAMESPACE_KIND = GroupKind("", "Namespace")


@dataclass(slots=True)
class Progress:
    """What applying has come to; owned by one pass."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    faults: list[Fault] = field(default_factory=list)
    failed: list[ObjectRef] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    holds: list[Holding] = field(default_factory=list)
    drifts: list[Drift] = field(default_factory=list)
    removed: list[Foreign] = field(default_factory=list)
    applied: set[ObjectRef] = field(default_factory=set)
    left: set[ObjectRef] = field(default_factory=set)  # drifted, and shown


def settled(member: Member, item: Shaped) -> bool:
    """Whether the live object is known to be exactly what would be sent: then nothing is."""
    seen = member.sightings.get(item.ref)
    return (
        seen is not None
        and seen.sent is not None
        and seen.entry == seen.sent
        and seen.manifest == item.digest
        and not seen.deleting
        and not member.ledger.unknown(item.ref)
    )


def audited(member: Member, item: Shaped) -> bool:
    """Whether an audit has nothing to find in an object that is settled.

    A Secret of a form that nobody has written since our last apply is what that made of it, whatever ownership shows: the
    cluster was asked. Opening it again would cost an RSA operation or a read of Vault for nothing.
    """
    return bool(item.placed.manifest.form) and member.sightings.untouched(item.ref)


def stands(work: Work, item: Shaped, member: Member) -> bool:
    """Whether a pass has nothing to do with an object: opening what it is made from and applying go by the same word.

    A Secret that is made once is read again neither by an audit nor for a person's sync.
    """
    if not settled(member, item) or blemished(work, item.ref, member):
        return False
    if item.placed.manifest.kept.stamp == names.ONCE:
        return True
    return work.asked_by is None and (work.mode is not Mode.AUDIT or audited(member, item))


def blemished(work: Work, ref: ObjectRef, member: Member) -> bool:
    """Whether people added to an object what the Application's policy takes away again."""
    return Option.STRICT in work.target.policy.options and any(
        not one.why for one in member.sightings.foreign(ref)
    )


async def declare(work: Work, plan: Plan, member: Member, render: str, inputs: str) -> None:
    """Write the parent with kinds, namespaces and intent before the first object; once, if anything changes."""
    key = work.target.key
    before = member.parents.get(key)
    sent = bounds.within(plan.desired - fencing.refused(plan.faults), member)
    intent = parent.Intent(
        key,
        work.revisions,
        render,
        work.rendered.renderer,
        frozenset(GroupKind(ref.group, ref.kind) for ref in sent),
        frozenset(ref.namespace for ref in sent if ref.namespace),
        inputs,
    )
    if before is None and not sent:
        return
    member.parents[key] = await parent.declare(
        member.door(work.target), before, intent, namespace=member.identity.namespace
    )


async def waves(
    work: Work, plan: Plan, member: Member, superseded: asyncio.Event, progress: Progress
) -> None:
    """Apply the plan's stages in order; stops where superseded, or where a wave is not yet healthy."""
    if Option.CREATE_NAMESPACE in work.target.policy.options and work.target.namespace:
        try:
            await _own_namespace(work, member, progress)
        except FleetError as error:
            progress.faults.append(fault(error))
    wave: int | None = None
    for position, stage in enumerate(plan.stages):
        if superseded.is_set():
            break
        if wave is not None and stage.wave != wave:
            waiting = _unhealthy(plan.stages[:position], member, progress)
            waiting += tuple(ref for ref, number in plan.unresolved.items() if number < stage.wave)
            if waiting:
                rest = tuple(item.ref for later in plan.stages[position:] for item in later.items)
                progress.holds.append(
                    Holding(Hold.WAVE, f"sync wave {stage.wave} waits for {listing(waiting)}", rest)
                )
                progress.failed.extend(rest)
                break
        wave = stage.wave
        await _stage(work, stage, member, progress)


async def _own_namespace(work: Work, member: Member, progress: Progress) -> None:
    """Make the Application's namespace, where that is allowed; one that is there needs no permission."""
    found = fencing.namespace(work, member.namespaces)
    if found is None:
        await namespace.ensure(member.door(work.target), work.target.namespace)
    elif member.namespaces is not None and work.target.namespace not in member.namespaces:
        progress.faults.append(found)  # and not even looked at
    elif (
        found.ref is not None
        and await existing.read(member.client.send, namespace.RESOURCE, found.ref) is None
    ):
        progress.faults.append(found)


def _unhealthy(stages: Iterable[Stage], member: Member, progress: Progress) -> tuple[ObjectRef, ...]:
    waiting = []
    for stage in stages:
        for item in stage.items:
            seen = member.sightings.get(item.ref)
            healthy = seen is not None and seen.health in (Health.HEALTHY, Health.SUSPENDED)
            if item.ref in progress.failed or not healthy:
                waiting.append(item.ref)
    return tuple(waiting)


async def _stage(work: Work, stage: Stage, member: Member, progress: Progress) -> None:
    due = []
    for item in stage.items:
        if stands(work, item, member):
            progress.unchanged += 1
            progress.applied.add(item.ref)
        elif item.ref not in progress.left:
            due.append(item)
    standing = [item.ref for item in stage.items if item.ref in progress.applied]
    if any((ref.group, ref.kind) == CRD and not vacancy.defined(ref, member.discovery) for ref in standing):
        # Its kind was not served yet when the pass that made it looked.
        await _discovered(member, progress)
    if not due:
        return
    unknown: dict[Resource, list[ObjectRef]] = {}
    for item in due:
        if member.sightings.get(item.ref) is None:
            unknown.setdefault(item.resource, []).append(item.ref)
    try:
        found = await member.existence.look(unknown) if unknown else {}
    except FleetError as error:
        progress.faults.append(fault(error))
        progress.failed.extend(item.ref for item in due)
        return
    if len(due) == 1:
        await _one(work, due[0], found.get(due[0].ref), member, progress)
    else:
        await asyncio.gather(*(_one(work, item, found.get(item.ref), member, progress) for item in due))
    await _usable(due, member, progress)


async def _one(work: Work, item: Shaped, found: Meta | None, member: Member, progress: Progress) -> None:
    """Apply one object, and remember what the answer says of it."""
    ref = item.ref
    try:
        if not item.body:
            raise NotReady("it changed while the pass began, and is looked at again", ref=ref)
        if missing := item.after.intersection(progress.failed):
            raise NotReady(f"waits for {listing(tuple(sorted(missing)))}, by which it is restarted", ref=ref)
        async with member.ledger.write(ref):
            before = await _before(work, item, found, member)
            async with handback.around(ref, item_set(work, member), member, member.door(work.target)):
                applied = await _applied(work, item, before, member)
            known = _left(member, item)
            remember(member, item, applied.meta, created=applied.created)
            member.ledger.known(ref)
            removed = await _strip(work, item, applied.meta, known, member)
        progress.warnings.extend(f"{ref}: {text}" for text in applied.warnings)
    except FleetError as error:
        progress.faults.append(fault(error, ref))
        progress.failed.append(ref)
        return
    progress.applied.add(ref)
    progress.removed.extend(removed)
    if applied.created:
        progress.created += 1
    elif applied.changed or removed:
        progress.changed += 1
    else:
        progress.unchanged += 1


async def _applied(work: Work, item: Shaped, before: Meta | None, member: Member) -> apply.Applied:
    send, adopt = member.door(work.target), work.target.policy.adopt
    try:
        return await apply.apply(send, item, before, adopt=adopt, seen=member.sightings.get(item.ref))
    except Invalid as refusal:
        mine = item_set(work, member)
        if not item.placed.manifest.form or not await replace.make_room(send, item, refusal, mine):
            raise
        # The old one is gone: without the new one nothing would be there, for as long as a pause lasts.
        return await apply.apply(member.door_begun(work.target), item, None, adopt=adopt)
    except NotFound as missing:
        # Its namespace, or its kind: whoever makes that makes it without telling us.
        raise Missing(missing.text, ref=item.ref) from None


def _left(member: Member, item: Shaped) -> tuple[Foreign, ...]:
    """What an earlier try, for the same manifest, could not take away."""
    seen, found = member.sightings.get(item.ref), member.sightings.foreign(item.ref)
    same = seen is not None and seen.manifest == item.digest
    return found if same and all(one.why for one in found) else ()


async def _strip(
    work: Work, item: Shaped, meta: Meta, known: tuple[Foreign, ...], member: Member
) -> tuple[Foreign, ...]:
    """Take away what people added, where the policy says so; remember what is left."""
    if Option.STRICT not in work.target.policy.options:
        member.sightings.added(item.ref, foreign.found(item.ref, meta.fields, member.hands))
        return ()
    # What is moved into our entry on the way must not stay there.
    done = await strict.strip(member.door_begun(work.target), item, meta, member.hands, known)
    if done.meta is not meta:
        remember(member, item, done.meta, created=False)
    member.sightings.added(item.ref, done.left)
    return done.removed


async def _before(work: Work, item: Shaped, found: Meta | None, member: Member) -> Meta | None:
    """The live object's metadata where the apply has to know it: made by others, or answered never."""
    seen = member.sightings.get(item.ref)
    known = seen is not None and seen.entry is not None and not member.ledger.unknown(item.ref)
    if known and seen is not None and seen.set_id == item_set(work, member):
        return None
    meta = found
    if meta is None and (seen is not None or member.ledger.unknown(item.ref)):
        meta = await existing.read(member.client.send, item.resource, item.ref)
    if meta is None:
        return None
    return await takeover.take(
        member.door(work.target),
        item.resource,
        meta,
        work.target.policy.adopt,
        ours=known_sets(member),
        maker=item.placed.manifest.form,
    )


def item_set(work: Work, member: Member) -> str:
    """The set of the target at work."""
    return parent.set_id(work.target.key, member.identity.namespace)


def known_sets(member: Member) -> frozenset[str]:
    """Sets of this hub on the member: an object may be handed over from one to another."""
    return frozenset(parent.set_id(key, member.identity.namespace) for key in member.parents)


def remember(member: Member, item: Shaped, meta: Meta, *, created: bool) -> None:
    """Put the answer of an apply into memory: our entry as it is now is what later drift is judged against."""
    entry = entries.entry(meta.fields)
    before = member.sightings.get(item.ref)
    if not needs_object(item.ref.group, item.ref.kind):
        health, message = Health.HEALTHY, ""
    elif before is not None and before.uid == meta.uid and not created:
        health, message = before.health, before.message
    else:
        health, message = Health.PROGRESSING, "just applied"
    member.sightings.put(
        item.ref,
        Sighting(
            meta.uid,
            meta.version,
            entry,
            entry,
            meta.labels.get(names.APPLYSET_PART_OF, ""),
            item.digest,
            health,
            meta.deleting,
            message,
        ),
        item.content,
    )
    if item.placed.manifest.form:
        member.sightings.answered(item.ref, meta.version)


async def _usable(due: list[Shaped], member: Member, progress: Progress) -> None:
    """After CRDs and Namespaces, wait until what follows can be made in them."""
    crds = [item for item in due if (item.ref.group, item.ref.kind) == CRD and item.ref in progress.applied]
    namespaces = [
        item
        for item in due
        if (item.ref.group, item.ref.kind) == NAMESPACE_KIND and item.ref in progress.applied
    ]
    for item, until in [(i, ready.established) for i in crds] + [(i, ready.active) for i in namespaces]:
        try:
            await ready.wait(
                member.client.send,
                item.resource,
                item.ref,
                until=until,
                clock=member.clock,
                timeout=ESTABLISH_TIMEOUT,
            )
        except FleetError as error:
            progress.faults.append(fault(error, item.ref))
            progress.failed.append(item.ref)
    for item in crds:
        for resource in scope.defined(item.placed.manifest):
            try:
                await ready.served(
                    member.client.send, resource, clock=member.clock, timeout=ESTABLISH_TIMEOUT
                )
            except FleetError as error:
                progress.faults.append(fault(error, item.ref))
                progress.failed.append(item.ref)
    if crds:
        await _discovered(member, progress, fresh=0.0)


async def _discovered(member: Member, progress: Progress, fresh: float = discovering.FRESH) -> None:
    try:
        await discovering.again(member, fresh)
    except FleetError as error:
        progress.faults.append(fault(error))


def target_of(member: Member, set_id: str) -> TargetKey | None:
    """The target whose set this is, where its parent is known."""
    for key in member.parents:
        if parent.set_id(key, member.identity.namespace) == set_id:
            return key
    return None
