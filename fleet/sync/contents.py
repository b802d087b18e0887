"""What would go with a CRD or a Namespace that is removed.

Contract: reads only, metadata only. ``leaving`` are the objects that this pass removes anyway; all else
counts as others', also a member of the same set that Git still names. What the cluster itself puts into a
namespace, and what is owned by another object in it, is not counted. A list that is refused makes the answer
incomplete.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from fleet.errors import ApiError, NotFound
from fleet.kube import listing
from fleet.model import Discovery, GroupKind, Meta, ObjectRef, Resource
from fleet.sync.gate import Contents
from fleet.sync.together import together

if TYPE_CHECKING:
    from collections.abc import Container

    from fleet.kube.request import Send

# Made by the cluster, for or from other objects.
_MADE: Final = frozenset(
    {
        GroupKind("", "Event"),
        GroupKind("events.k8s.io", "Event"),
        GroupKind("", "Endpoints"),
        GroupKind("discovery.k8s.io", "EndpointSlice"),
        GroupKind("metrics.k8s.io", "PodMetrics"),
    }
)
_ALWAYS: Final = frozenset(
    {(GroupKind("", "ConfigMap"), "kube-root-ca.crt"), (GroupKind("", "ServiceAccount"), "default")}
)
_AT_ONCE: Final = 8


async def inside(send: Send, meta: Meta, leaving: Container[ObjectRef], discovery: Discovery) -> Contents:
    """List what the Namespace, or the kind of the CRD, holds besides ``leaving``; nothing for other kinds."""
    if meta.ref.kind == "Namespace":
        return await _namespace(send, meta.ref.name, leaving, discovery)
    if meta.ref.kind == "CustomResourceDefinition":
        return await _kind(send, meta.ref.name, leaving, discovery)
    return Contents(complete=True)


async def _namespace(send: Send, name: str, leaving: Container[ObjectRef], discovery: Discovery) -> Contents:
    listable = [
        resources[0]
        for kind, resources in discovery.kinds.items()
        if resources and resources[0].namespaced and "list" in resources[0].verbs and kind not in _MADE
    ]
    gate = asyncio.Semaphore(_AT_ONCE)

    async def look(resource: Resource) -> tuple[Meta, ...] | None:
        async with gate:
            return await _list(send, resource, name)

    lists = await together([look(resource) for resource in listable])
    complete = not discovery.stale and all(found is not None for found in lists)
    # What another object in the namespace owns goes with its owner, which is counted.
    metas = [meta for found in lists for meta in found or () if not meta.owners]
    return _contents(metas, leaving, complete=complete)


async def _kind(send: Send, crd: str, leaving: Container[ObjectRef], discovery: Discovery) -> Contents:
    plural, _, group = crd.partition(".")
    for resources in discovery.kinds.values():
        if resources and resources[0].group == group and resources[0].plural == plural:
            found = await _list(send, resources[0], None)
            return _contents(list(found or ()), leaving, complete=found is not None)
    return Contents(complete=group not in discovery.stale)


def _contents(metas: list[Meta], leaving: Container[ObjectRef], *, complete: bool) -> Contents:
    others = [
        meta.ref
        for meta in metas
        if meta.ref not in leaving
        and (GroupKind(meta.ref.group, meta.ref.kind), meta.ref.name) not in _ALWAYS
    ]
    return Contents(complete, tuple(sorted(others)))


async def _list(send: Send, resource: Resource, namespace: str | None) -> tuple[Meta, ...] | None:
    try:
        found = await listing.read(send, resource, namespace)
    except NotFound:
        return ()
    except ApiError:
        return None
    return tuple(item.meta for item in found.items)
