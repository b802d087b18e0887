"""Step 3 of a pass: what stands for a Secret is resolved, in memory, as far as it is about to be sent.

Contract: what is known to be live as it would be sent is not opened, so a steady state costs nothing. The clear text
lives as long as the pass. One that cannot be resolved is a Fault of its object alone: that stays desired, and what is
live of it stays as it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from fleet import names
from fleet.errors import FleetError, fault
from fleet.model import Fault, Manifest, Mode, ObjectRef, Resource, Work
from fleet.projects import objects
from fleet.redact import ours
from fleet.secrets.arrange import FETCHED
from fleet.sync import shape
from fleet.sync.scope import Placed, Scoped
from fleet.sync.sets import set_id
from fleet.sync.shape import Marks
from fleet.worker.applying import stands
from fleet.worker.member import Member
from fleet.worker.plan import Plan, Stage, unbuilt
from fleet.worker.resolver import Asked, Stamp


@dataclass(frozen=True, slots=True)
class Resolved:
    """What of a pass is in clear, and what could not be."""

    clear: Mapping[ObjectRef, bytes] = field(default_factory=dict, repr=False)
    faults: Mapping[ObjectRef, Fault] = field(default_factory=dict)


async def stamped(work: Work, scoped: Scoped, member: Member) -> Scoped:
    """The desired set with the versions that it stands for now, of what is kept elsewhere.

    What is gone there, and is to go with it, is not in the set. Of what cannot be asked for the version is unknown:
    that is a fault of its object, and what is live of it stays.
    """
    whole = (*scoped.manifests, *scoped.gone)
    due = [placed for placed in whole if placed.manifest.form in FETCHED]
    if work.only is None:
        member.resolver.retain(work.target.key, frozenset(placed.ref for placed in due))
    if not due and not scoped.gone and not scoped.unknown:
        return scoped
    found: dict[ObjectRef, Stamp] = {}
    unknown: dict[ObjectRef, Fault] = {}

    async def one(manifest: Manifest) -> None:
        try:
            found[manifest.ref] = await member.resolver.stamp(
                Asked(manifest, work.target.key, work.target.policy.walls)
            )
        except Exception as error:  # noqa: BLE001 (one Secret's fault must not end the pass of all others)
            unknown[manifest.ref] = fault(ours(error), manifest.ref)

    asked = [placed.manifest for placed in due if work.only is None or placed.ref in work.only]
    await asyncio.gather(*(one(manifest) for manifest in asked))
    if work.only is not None:
        unknown = {**{ref: one for ref, one in scoped.unknown.items() if ref not in found}, **unknown}
    kept: list[Placed] = []
    gone: list[Placed] = []
    for placed in whole:
        stamp = found.get(placed.ref)
        if stamp is None or placed.manifest.form not in FETCHED:
            (gone if placed in scoped.gone else kept).append(placed)
        elif stamp.gone:
            gone.append(placed)
        else:
            manifest = placed.manifest
            known = replace(manifest.kept, stamp=stamp.text)
            kept.append(replace(placed, manifest=replace(manifest, kept=known)))
    return replace(scoped, manifests=tuple(kept), gone=tuple(gone), unknown=unknown)


async def resolve(work: Work, scoped: Scoped, member: Member) -> Resolved:
    """Open what the pass may send."""
    marks = Marks(set_id(work.target.key, member.identity.namespace), member.identity.digest_key)
    if work.mode is Mode.AUDIT:
        await _ask(scoped, member)
    for placed in scoped.manifests:
        if placed.manifest.kept.stamp == names.ONCE:
            _made(placed, marks, member)

    due = [
        placed
        for placed in scoped.manifests
        if placed.manifest.form
        and (work.only is None or placed.ref in work.only)
        and not unbuilt(placed.manifest)
        and placed.ref not in scoped.unknown
        and not stands(work, shape.body(placed, marks), member)
    ]
    clear: dict[ObjectRef, bytes] = {}
    faults: dict[ObjectRef, Fault] = {
        ref: one for ref, one in scoped.unknown.items() if work.only is None or ref in work.only
    }

    async def one(manifest: Manifest) -> None:
        asked = Asked(manifest, work.target.key, work.target.policy.walls)
        try:
            found = await member.resolver.clear(asked)
        except Exception as error:  # noqa: BLE001 (as above)
            faults[manifest.ref] = fault(ours(error), manifest.ref)
            return
        # Its labels may make it another kind of thing than its form says.
        breach = objects.breach(manifest.ref, work.target.policy.walls, namespaced=True, body=found)
        if breach is not None:
            faults[manifest.ref] = breach
        else:
            clear[manifest.ref] = found

    await asyncio.gather(*(one(placed.manifest) for placed in due))
    return Resolved(clear, faults)


def _made(placed: Placed, marks: Marks, member: Member) -> None:
    """Take a Secret that is made once for made, where nothing says otherwise.

    After a start, or on a new connection, it is not known what was sent. To find out is to read its store again, and to
    put what is there now over what was made.
    """
    seen = member.sightings.get(placed.ref)
    if (
        seen is not None
        and seen.sent is None
        and seen.entry is not None
        and seen.set_id == marks.set_id
        and seen.manifest == shape.body(placed, marks).digest
        and not seen.deleting
        and not member.ledger.unknown(placed.ref)
    ):
        member.sightings.put(placed.ref, replace(seen, sent=seen.entry))


async def _ask(scoped: Scoped, member: Member) -> None:
    """Ask the cluster which Secrets stand as our last apply left them.

    An audit is for what watches do not bring, so that they have brought nothing is no answer. It costs metadata alone.
    """
    wanted: dict[Resource, list[ObjectRef]] = {}
    for placed in scoped.manifests:
        if placed.manifest.form and member.sightings.untouched(placed.ref):
            wanted.setdefault(placed.resource, []).append(placed.ref)
    try:
        found = await member.existence.look(wanted)
    except FleetError:
        return  # whatever the pass does next meets the same, and says so
    for ref in [ref for refs in wanted.values() for ref in refs]:
        live, seen = found.get(ref), member.sightings.get(ref)
        if seen is None or live is None or (live.uid, live.version) != (seen.uid, seen.version):
            member.sightings.touched(ref)


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
