"""A lost parent, made again from what still carries its label (H15).

Contract: lists metadata of every listable kind; raises where one cannot be listed, since a kind that is left
out would be lost for good.
"""

from __future__ import annotations

import asyncio

from fleet import names
from fleet.errors import KindUnknown, NotFound
from fleet.kube import decode, paths
from fleet.model import GroupKind, Mode, Resource, Work
from fleet.ownership import membership
from fleet.sync import parent
from fleet.worker import discovering, recover
from fleet.worker.held import Held
from fleet.worker.member import Member


def lost(work: Work, held: Held, member: Member, *, stood: bool) -> bool:
    """Whether the target's parent was lost: somebody deleted it, or it stood here and does not after a start."""
    missing = not held.begun and work.target.key not in member.parents
    return held.rebuild or (missing and stood and work.mode is not Mode.COMPARE)


async def declare(work: Work, member: Member) -> frozenset[GroupKind]:
    """Have the target's parent name all kinds that its set has members of, and give them.

    Where a pass that was under way has made it again, with what it was to apply, the others are added.
    """
    key, place = work.target.key, member.identity.namespace
    found = await kinds(parent.set_id(key, place), member)
    render, renderer, made = recover.render_digest(work), work.rendered.renderer, recover.inputs_digest(work)
    intent = parent.Intent(key, work.revisions, render, renderer, found, frozenset(), made)
    before = member.parents.get(key)
    member.parents[key] = await parent.declare(member.door(work.target), before, intent, namespace=place)
    return found


async def kinds(set_id: str, member: Member) -> frozenset[GroupKind]:
    """The kinds that have members of the set, of all that the cluster serves now."""
    await discovering.whole(member)
    if member.discovery.stale:
        groups = ", ".join(sorted(member.discovery.stale))
        raise KindUnknown(f"the inventory cannot be rebuilt while these groups do not answer: {groups}")

    async def one(resource: Resource, place: str | None) -> GroupKind | None:
        request = paths.list_meta(resource, place, f"{names.APPLYSET_PART_OF}={set_id}")
        try:
            metas, _, _ = decode.metas((await member.client.send(request)).body, resource)
        except NotFound:
            return None
        found = any(membership.member(meta, set_id) for meta in metas)
        return GroupKind(resource.group, resource.kind) if found else None

    served = (found[0] for found in member.discovery.kinds.values() if found)
    listable = [one for one in served if "list" in one.verbs and member.may_hold(one)]
    asked = [(resource, place) for resource in listable for place in member.within(resource)]
    answers = await asyncio.gather(*(one(*each) for each in asked))
    return frozenset(kind for kind in answers if kind is not None)
