"""``automated.strict``: what people added by hand to an object of ours is taken away again (H25).

Contract: exactly those managers' fields, and only those that are not ours; one JSON patch that tests
resourceVersion merges them into our entry, the apply that follows removes them. Where the API server refuses
to take one away all are given back, and the answer says why: nothing is tried again before something changed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from fleet.errors import Invalid
from fleet.ownership import foreign, patches
from fleet.sync.amend import amend
from fleet.sync.mend import give_back, mended

if TYPE_CHECKING:
    from fleet.kube.request import Send
    from fleet.model import Foreign, Meta
    from fleet.ownership.foreign import Hands
    from fleet.sync.shape import Shaped


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
    removable = tuple(one for one in found if not one.why)
    if removable and {replace(one, why="") for one in known} == {replace(one, why="") for one in found}:
        return Stripped(meta, left=known)
    if not removable:
        return Stripped(meta, left=found)
    before = meta

    def merge(now: Meta) -> list[dict[str, Any]] | None:
        nonlocal before
        before = now
        return patches.strip(now, hands)

    if await amend(send, shaped.resource, meta, merge) is None:
        return Stripped(meta, left=found)
    try:
        after, _ = await mended(send, shaped)
    except Invalid as refusal:
        meta = await give_back(send, shaped, before) or meta
        why = f"the API server refuses to take it away ({refusal.field or refusal.cause or 'no field named'})"
        return Stripped(meta, left=tuple(one if one.why else replace(one, why=why) for one in found))
    return Stripped(after, removable, foreign.found(shaped.ref, after.fields, hands))
