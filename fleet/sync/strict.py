"""``automated.strict``: what people added by hand to an object of ours is taken away again (H25).

Contract: exactly those managers' fields, and only those that are not ours; one JSON patch that tests
resourceVersion merges them into our entry, the apply that follows removes them. Where the API server refuses
to take one away it is given back, and the answer says why: nothing is tried again before something changed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from fleet.errors import Invalid
from fleet.ownership import foreign, patches
from fleet.sync.amend import amend
from fleet.sync.mend import give_back, mended

if TYPE_CHECKING:
    from fleet.kube.request import Send
    from fleet.model import Foreign, Meta
    from fleet.ownership.foreign import Hands
    from fleet.sync.shape import Shaped

_TRIES: Final = 2


@dataclass(frozen=True, slots=True)
class Stripped:
    """The object after it; ``removed`` is what was taken away, ``left`` what is there still, with the reason."""

    meta: Meta
    removed: tuple[Foreign, ...] = ()
    left: tuple[Foreign, ...] = ()


async def strip(
    send: Send, shaped: Shaped, meta: Meta, hands: Hands, known: tuple[Foreign, ...] = ()
) -> Stripped:
    """Take away what people added to the object, which has just been applied.

    ``known`` is what an earlier try for the same manifest has left: not tried again.
    """
    found = foreign.found(shaped.ref, meta.fields, hands)
    if not any(not one.why for one in found):
        return Stripped(meta, left=found)
    if foreign.same(known, found):
        return Stripped(meta, left=known)
    refused = ""
    for _ in range(_TRIES):
        done = await _try(send, shaped, meta, hands, refused)
        if isinstance(done, Stripped):
            return done
        meta, refusal = done
        if not refusal.field or refusal.field == refused:
            break
        # What can go goes without it.
        refused = refusal.field
    found = foreign.found(shaped.ref, meta.fields, hands)
    return Stripped(meta, left=tuple(replace(one, why=one.why or foreign.REFUSED) for one in found))


async def _try(
    send: Send, shaped: Shaped, meta: Meta, hands: Hands, refused: str
) -> Stripped | tuple[Meta, Invalid]:
    """Take away all but ``refused``; where that is refused too, the object as it stands again and the refusal."""
    before = meta

    def merge(now: Meta) -> list[dict[str, Any]] | None:
        nonlocal before
        before = now
        return patches.strip(now, hands, refused)

    merged = await amend(send, shaped.resource, meta, merge)
    found = foreign.found(shaped.ref, before.fields, hands, refused)
    if merged is None or merged is before:
        return Stripped(before, left=found)
    try:
        after, _ = await mended(send, shaped)
    except Invalid as refusal:
        return await give_back(send, shaped, before) or meta, refusal
    left = foreign.found(shaped.ref, after.fields, hands, refused)
    return Stripped(after, tuple(one for one in found if not one.why), left)
