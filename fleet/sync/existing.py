"""What of the desired objects is there already, as metadata.

Contract: reads only. What is not in the answer does not exist, or its kind is not served (yet); any other
refusal is raised. All reads go out together, the client's budget admits them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fleet.errors import NotFound
from fleet.kube import decode, listing, paths
from fleet.sync.together import together

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Mapping

    from fleet.kube.request import Send
    from fleet.model import Meta, ObjectRef, Resource


async def look(
    send: Send, refs: Mapping[Resource, Iterable[ObjectRef]], *, lists: bool
) -> dict[ObjectRef, Meta]:
    """Read the metadata of those refs that exist.

    ``lists`` reads each kind and namespace by one list where more than one object of it is asked for; without
    it every object is read by name.
    """
    reads: list[Coroutine[Any, Any, Iterable[Meta]]] = []
    for resource, asked in refs.items():
        for namespace, group in _by_namespace(asked).items():
            if lists and len(group) > 1:
                reads.append(_list(send, resource, namespace, frozenset(group)))
            else:
                reads.extend(_read(send, resource, ref) for ref in group)
    return {meta.ref: meta for found in await together(reads) for meta in found}


def _by_namespace(refs: Iterable[ObjectRef]) -> dict[str, list[ObjectRef]]:
    groups: dict[str, list[ObjectRef]] = {}
    for ref in refs:
        groups.setdefault(ref.namespace, []).append(ref)
    return groups


async def _list(
    send: Send, resource: Resource, namespace: str, wanted: frozenset[ObjectRef]
) -> Iterable[Meta]:
    try:
        found = await listing.read(send, resource, namespace or None)
    except NotFound:
        return ()
    return [item.meta for item in found.items if item.meta.ref in wanted]


async def _read(send: Send, resource: Resource, ref: ObjectRef) -> Iterable[Meta]:
    meta = await read(send, resource, ref)
    return () if meta is None else (meta,)


async def read(send: Send, resource: Resource, ref: ObjectRef) -> Meta | None:
    """Read the metadata of one object; None where there is none, or its kind is not served."""
    try:
        answer = await send(paths.get_meta(resource, ref))
    except NotFound:
        return None
    return decode.meta(answer.body, resource)
