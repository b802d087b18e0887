"""A Secret that cannot become what it is to be: its type changed, or it is immutable. It makes room for a new one.

Contract: only a member of the target's own set, as it was read, is deleted, and only where the API server takes the
new one: what is wrong with that itself would be no better after it. If nobody comes back after the deletion, the next
pass makes the new one: it is desired all the time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fleet import names
from fleet.errors import Conflict, Invalid
from fleet.kube import failure, paths
from fleet.ownership import membership
from fleet.sync import delete, existing

if TYPE_CHECKING:
    from fleet.kube.request import Send
    from fleet.sync.shape import Shaped

_FORBIDDEN: Final = 422
# How the API server says what is fixed; in other words it speaks of what no Secret may be.
_FIXED: Final = frozenset(
    {
        ("type", failure.IMMUTABLE),
        ("data", "FieldValueForbidden"),
        ("immutable", "FieldValueForbidden"),
    }
)
_THERE: Final = "AlreadyExists"


async def make_room(send: Send, shaped: Shaped, refusal: Invalid, own: str) -> bool:
    """Delete the Secret that stands where ``shaped`` cannot be applied for what is fixed of it; whether that was so."""
    fixed = (refusal.field, refusal.cause) in _FIXED
    if shaped.ref.kind != "Secret" or refusal.status != _FORBIDDEN or not fixed:
        return False
    meta = await existing.read(send, shaped.resource, shaped.ref)
    if meta is None or not membership.member(meta, own) or not await _takes(send, shaped):
        return False
    try:
        return await delete.delete(send, shaped.resource, meta)
    except Conflict:
        return False


async def _takes(send: Send, shaped: Shaped) -> bool:
    """Whether the API server would make the new one, were the name free. It looks at that last of all."""
    try:
        await send(paths.trial(shaped.resource, shaped.ref, shaped.body, manager=names.FIELD_MANAGER))
    except Invalid:
        return False
    except Conflict as found:
        return found.word == _THERE
    return True
