"""What a Namespace, a CRD or a PersistentVolumeClaim holds, before it may be removed (H17).

Contract: reads metadata only. What controllers put into every Namespace, and what they make for other objects,
counts as nothing; whatever could not be listed makes the answer incomplete, and that keeps the object. Which kinds
there are is asked each time: others install theirs without a word to the hub.
"""

from __future__ import annotations

import asyncio
from typing import Final

import orjson

from fleet.errors import FleetError, KindUnknown, NotFound
from fleet.kube import decode, paths
from fleet.kube.request import Request
from fleet.model import Discovery, GroupKind, Meta, ObjectRef, Resource
from fleet.ownership import membership
from fleet.sync import ready
from fleet.sync.gate import CLAIM, Contents
from fleet.sync.scope import CRD
from fleet.worker import discovering
from fleet.worker.member import Member

NAMESPACE: Final = GroupKind("", "Namespace")
# What every Namespace gets, or what only tells of others.
FURNITURE: Final = frozenset(
    {
        ("", "ServiceAccount", "default"),
        ("", "ConfigMap", "kube-root-ca.crt"),
    }
)
TELLING: Final = frozenset({"Event", "EndpointSlice", "Endpoints", "Lease", "PodMetrics"})
Leaving = tuple[str, frozenset[ObjectRef]]  # a set, and what of it stays
MOST: Final = 50  # a look stops being exact after so many strangers


def served(ref: ObjectRef, discovery: Discovery) -> Resource | None:
    """How the kind of ``ref`` is served; None where it provably is not. Raises KindUnknown in doubt."""
    found = discovery.find(ref.group, ref.kind)
    if found is None and ref.group in discovery.stale:
        raise KindUnknown(f"the server of group {ref.group} does not answer", ref=ref)
    return found


def defined(crd: ObjectRef, discovery: Discovery) -> Resource | None:
    """How the kind of a CRD is served, which the CRD's name tells; None where it is not, or not yet."""
    plural, _, group = crd.name.partition(".")
    found = (resources[0] for resources in discovery.kinds.values() if resources)
    return next((one for one in found if (one.plural, one.group) == (plural, group)), None)


async def contents(
    meta: Meta, set_id: str, member: Member, desired: frozenset[ObjectRef] = frozenset()
) -> Contents:
    """What ``meta``, a CRD, Namespace or claim, holds that would be lost with it; empty for any other kind.

    Members of the same set leave with it, but for those that are still ``desired``.
    """
    kind = GroupKind(meta.ref.group, meta.ref.kind)
    if kind == CLAIM:
        return await _bound(meta.ref, member)
    if kind not in (CRD, NAMESPACE):
        return Contents(complete=True)
    try:
        await discovering.whole(member)
        if kind == CRD:
            return await _instances(meta, (set_id, desired), member)
    except FleetError:
        return Contents(complete=False)
    return await _inside(meta.ref.name, (set_id, desired), member)


async def _bound(ref: ObjectRef, member: Member) -> Contents:
    """The volume that a claim is bound to."""
    resource = served(ref, member.discovery)
    if resource is None:
        return Contents(complete=True)
    try:
        answer = await member.client.send(
            Request("GET", paths.object_path(resource, ref.namespace, ref.name), ref=ref)
        )
    except NotFound:
        return Contents(complete=True)
    except FleetError:
        return Contents(complete=False)
    body = orjson.loads(answer.body)
    volume = str((body.get("spec") or {}).get("volumeName") or "")
    bound = (body.get("status") or {}).get("phase") == "Bound" or bool(volume)
    others = (ObjectRef("", "PersistentVolume", "", volume or "unnamed"),) if bound else ()
    return Contents(complete=True, others=others)


async def _instances(meta: Meta, leaving: Leaving, member: Member) -> Contents:
    resource = defined(meta.ref, member.discovery)
    if resource is not None:
        return await _look([resource], None, leaving, member)
    _, _, group = meta.ref.name.partition(".")
    return Contents(complete=group not in member.discovery.stale and not await _begun(meta.ref, member))


async def _begun(ref: ObjectRef, member: Member) -> bool:
    """Whether a CRD whose kind is not served has been, or may have: what there is of it cannot be seen."""
    resource = served(ref, member.discovery)
    if resource is None:
        return True
    try:
        answer = await member.client.send(Request("GET", paths.object_path(resource, "", ref.name), ref=ref))
    except NotFound:
        return False
    return ready.begun(orjson.loads(answer.body))


async def _inside(namespace: str, leaving: Leaving, member: Member) -> Contents:
    if member.discovery.stale:
        return Contents(complete=False)
    resources = [
        found[0]
        for found in member.discovery.kinds.values()
        if found and found[0].namespaced and "list" in found[0].verbs and found[0].kind not in TELLING
    ]
    return await _look(resources, namespace, leaving, member)


async def _look(
    resources: list[Resource], namespace: str | None, leaving: Leaving, member: Member
) -> Contents:
    async def one(resource: Resource) -> tuple[bool, list[ObjectRef]]:
        try:
            answer = await member.client.send(paths.list_meta(resource, namespace))
        except NotFound:
            return True, []
        except FleetError:
            return False, []
        metas, _, more = decode.metas(answer.body, resource)
        others = [meta.ref for meta in metas if not _leaves(meta, leaving)]
        return not more or bool(others), others

    complete, others = True, list[ObjectRef]()
    for answered, found in await asyncio.gather(*(one(resource) for resource in resources)):
        complete = complete and answered
        others.extend(found)
    return Contents(complete, tuple(others[:MOST]))


def _leaves(meta: Meta, leaving: Leaving) -> bool:
    """Whether the object goes with its set, or is nobody's."""
    set_id, desired = leaving
    if membership.member(meta, set_id):
        return meta.ref not in desired
    if any(owner.controller for owner in meta.owners):
        return True
    return (meta.ref.group, meta.ref.kind, meta.ref.name) in FURNITURE
