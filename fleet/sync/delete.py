"""Removing one object as it was looked at.

Contract: the delete names uid and resourceVersion of the metadata that the decision was made on (H2), so that
Conflict means: read again and decide anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fleet.errors import NotFound
from fleet.kube import decode, paths

if TYPE_CHECKING:
    from fleet.kube.request import Send
    from fleet.model import Meta, Resource

_STATUS: Final = b'"kind":"Status"'


async def delete(send: Send, resource: Resource, meta: Meta, *, propagation: str = "Background") -> bool:
    """Whether it is gone; False while finalizers or its grace period keep it. Raises Conflict."""
    if meta.deleting:
        return False
    request = paths.delete(resource, meta.ref, uid=meta.uid, version=meta.version, propagation=propagation)
    try:
        answer = await send(request)
    except NotFound:
        return True
    # The server answers with the object where it only marked it, with a Status where it is gone.
    return _STATUS in answer.body or not decode.meta(answer.body, resource).deleting
