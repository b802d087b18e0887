"""Letting go of one object: it stays as it is and is nobody's member.

Contract: one JSON patch takes off our entry and marks. Never an empty apply, which would remove what we own
(H7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fleet.ownership import membership, patches
from fleet.sync.amend import amend

if TYPE_CHECKING:
    from fleet.kube.request import Send
    from fleet.model import Meta, Resource


async def release(send: Send, resource: Resource, meta: Meta, mark: str = "") -> None:
    """Release the object; nothing where it is gone or no member of the set it was in any more.

    ``mark`` is an annotation by which another takes it over; it is set in the same write.
    """
    set_id = membership.set_of(meta)
    await amend(
        send,
        resource,
        meta,
        lambda now: patches.orphan(now, mark) if membership.member(now, set_id) else None,
    )
