"""Before the first apply to an object that exists and is not ours: may it be taken, and what goes with it.

Contract: an object that a controller made, that bears another tool's mark, or that is a member of another of
fleethub's sets is refused by the owner's name, unless the Application adopts that tool's. Else the entries of
the takeover list are merged into ours, since a field removed in Git would stay for good while another entry
holds it (H4); so are the marks of a tool that is adopted from, whoever wrote them: with the apply they go, and
the tool does not prune what it has lost. An object with our entry is left as it is, but for the question whose
set it is in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fleet.errors import ClaimRefused
from fleet.ownership import entries, marks, membership, patches
from fleet.sync.amend import amend

if TYPE_CHECKING:
    from collections.abc import Container

    from fleet.kube.request import Send
    from fleet.model import Meta, Resource


async def take(
    send: Send,
    resource: Resource,
    meta: Meta,
    adopt: frozenset[str],
    ours: Container[str],
    maker: str = "",
) -> Meta | None:
    """Return the metadata to apply to; None where the object went meanwhile. Raises ClaimRefused.

    ``adopt`` names the tools whose objects the Application takes over. ``ours`` are the ids of the sets that
    the object may be in: the target's own, and those that hand over to it. ``maker`` is the kind whose controller
    made it of what the Application names, under the same name: its reference is taken away, or the object would go
    with that, and what that controller wrote is merged into ours.
    """
    _refuse(meta, adopt, ours, maker)
    if entries.entry(meta.fields) is not None and not maker:
        return meta

    def merge(now: Meta) -> list[dict[str, Any]] | None:
        _refuse(now, adopt, ours, maker)
        freed = (patches.disown(now, maker) if maker else None) or []
        if entries.entry(now.fields) is not None:
            taken = patches.inherit(now, maker) or []
        else:
            taken = patches.adopt(now, adopt, marks.held_by(now, adopt), maker) or []
        return [*taken, *freed[1:]] if taken else freed or None

    return await amend(send, resource, meta, merge)


def _refuse(meta: Meta, adopt: frozenset[str], ours: Container[str], maker: str) -> None:
    set_id = membership.set_of(meta)
    if membership.member(meta) and set_id not in ours:
        raise ClaimRefused(f"another Application's set holds it ({set_id})", ref=meta.ref)
    if entries.entry(meta.fields) is None:
        for owner in meta.owners:
            if owner.controller and not patches.made_by(meta, owner, maker):
                raise ClaimRefused(f"{owner.kind} {owner.name} made it and keeps it", ref=meta.ref)
    other = marks.other_owner(meta, ours)
    if other and other.tool not in adopt:
        text = (
            f"{other.tool} ({other.name}) holds it and says so on the object; remove its mark to hand it over"
        )
        if other.tool in marks.ADOPTABLE:
            text += f", or name {other.tool} in spec.syncPolicy.adopt"
        raise ClaimRefused(text, ref=meta.ref)
