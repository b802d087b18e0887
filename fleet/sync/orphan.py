"""Letting go of one object: it stays as it is and is nobody's member.

Contract: one JSON patch takes off our entry and marks. Never an empty apply, which would remove what we own
(H7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fleet.ownership import entries, membership, patches
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


async def mark(send: Send, resource: Resource, meta: Meta, name: str) -> None:
    """Set an annotation to ``true``, by which another may take the object over; it stays ours until `leave`."""
    await amend(send, resource, meta, lambda now: patches.mark(now, name))


async def leave(send: Send, resource: Resource, meta: Meta) -> None:
    """Release the object where it still bears an entry of ours, also where another has taken it over already."""
    await amend(
        send,
        resource,
        meta,
        lambda now: (
            patches.orphan(now) if now.uid == meta.uid and entries.entry(now.fields) is not None else None
        ),
    )
