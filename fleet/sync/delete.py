"""Removing one object that was a member when it was looked at.

Contract: the delete names uid and resourceVersion of the metadata that the decision was made on (H2). Where
the object was written since, by whomever, it is read again and removed only if it is the same object and
still a member of the same set; else Conflict is raised and the caller decides anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fleet.errors import Conflict, NotFound
from fleet.kube import paths
from fleet.kube.decode import meta as decode_meta
from fleet.ownership import membership
from fleet.sync import existing

if TYPE_CHECKING:
    from fleet.kube.request import Send
    from fleet.model import Meta, Resource

_TRIES: Final = 3


async def delete(send: Send, resource: Resource, meta: Meta, *, propagation: str = "Background") -> bool:
    """Whether it is gone; False while finalizers or its grace period keep it."""
    current = meta
    for left in reversed(range(_TRIES)):
        if current.deleting:
            return False
        request = paths.delete(
            resource, current.ref, uid=current.uid, version=current.version, propagation=propagation
        )
        try:
            answer = await send(request)
        except NotFound:
            return True
        except Conflict:
            now = await existing.read(send, resource, meta.ref)
            if now is None or now.uid != meta.uid:
                return True
            if not left or not membership.member(now, membership.set_of(meta)):
                raise
            current = now
        else:
            return not _still_there(answer.body, resource)
    raise AssertionError("the last try returns or raises")


def _still_there(body: bytes, resource: Resource) -> bool:
    """Tell a marked object from a Status, with which the server answers where the object is gone."""
    if b'"Status"' in body[:200]:
        return False
    return decode_meta(body, resource).deleting
