"""A Secret that cannot become what it is to be: its type changed, or it is immutable. It makes room for a new one.

Contract: only a member of the target's own set, as it was read, is deleted. If nobody comes back after that, the next
pass makes the new one: it is desired all the time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fleet.errors import Conflict
from fleet.ownership import membership
from fleet.sync import delete, existing

if TYPE_CHECKING:
    from fleet.errors import Invalid
    from fleet.kube.request import Send
    from fleet.sync.shape import Shaped

_FORBIDDEN: Final = 422
_FIXED: Final = ("data", "immutable", "type")


async def make_room(send: Send, shaped: Shaped, refusal: Invalid, own: str) -> bool:
    """Delete the Secret that stands where ``shaped`` cannot be applied for what is fixed of it; whether that was so."""
    fixed = refusal.field.partition(".")[0].partition("[")[0] in _FIXED
    if shaped.ref.kind != "Secret" or refusal.status != _FORBIDDEN or not fixed:
        return False
    meta = await existing.read(send, shaped.resource, shaped.ref)
    if meta is None or not membership.member(meta, own):
        return False
    try:
        return await delete.delete(send, shaped.resource, meta)
    except Conflict:
        return False
