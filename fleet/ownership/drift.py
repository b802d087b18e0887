"""Drift: a live object is not as our last apply left it, told from managedFields alone (D2, H10).

Contract: our entry is compared with the one after our last apply, never values: so no defaulting, quantity
or order counts as drift. What nobody is charged for shows in the manifest annotation, or at the re-apply.
Who changed it, when and which fields are a best reading of the other entries; managedFields keep no history.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fleet.model import Cause, Drift
from fleet.names import FIELD_MANAGER, MANIFEST
from fleet.ownership.entries import ManagerEntry, entries, entry, leaves, paths
from fleet.ownership.fieldpath import readable
from fleet.ownership.membership import set_of
from fleet.ownership.takeover import APPLY

if TYPE_CHECKING:
    from fleet.model import Entry, Meta, ObjectRef, Sighting
    from fleet.ownership.entries import Path

MAX_FIELDS: Final = 10
_MANIFEST_PATH: Final = ("f:metadata", "f:annotations", f"f:{MANIFEST}")


def judge(ref: ObjectRef, before: Sighting, meta: Meta | None) -> Drift | None:
    """What has become of an object of ours; `meta` None: it is gone, or has lost its label.

    None where it is as our last apply left it, and where that is not known (`before.sent` is None). A
    deletion in progress is no drift by itself.
    """
    sent = before.sent
    if sent is None:
        return None
    if meta is None:
        return Drift(ref, Cause.DELETED)
    now = entry(meta.fields)
    cause = _cause(before, sent, meta, now)
    if cause is None:
        return None
    if now is not None and now.digest == sent.digest and cause is Cause.CHANGED:
        return _unowned(ref, sent, now)
    return _blamed(ref, cause, sent, meta)


def _cause(before: Sighting, sent: Entry, meta: Meta, now: Entry | None) -> Cause | None:
    if before.uid and meta.uid != before.uid:
        return Cause.DELETED
    if now is None:
        return Cause.ENTRY_LOST
    if set_of(meta) != before.set_id:
        return Cause.LABEL_LOST
    if now != sent or meta.annotations.get(MANIFEST, "") != before.manifest:
        return Cause.CHANGED
    return None


def _unowned(ref: ObjectRef, sent: Entry, now: Entry) -> Drift:
    """Our fields are all still ours: an apply under our own name, or a value that was changed uncharged."""
    if now.time != sent.time:
        return Drift(ref, Cause.CHANGED, FIELD_MANAGER, APPLY, now.time or "")
    return Drift(ref, Cause.CHANGED, fields=(readable(_MANIFEST_PATH),))


def _blamed(ref: ObjectRef, cause: Cause, sent: Entry, meta: Meta) -> Drift:
    """Name the newest other entry that holds what we do not, else the newest that wrote after us."""
    everybody = entries(meta.fields)
    ours: frozenset[Path] = frozenset()
    others: list[ManagerEntry] = []
    for one in everybody:
        if one.ours:
            ours = paths(one.fields)
        elif one.subresource != "status":
            others.append(one)
    # Times have seconds and the server sorts by them: of equals the later in its order comes first here.
    others = sorted(others, key=lambda one: one.time or "")[::-1]
    newer = [one for one in others if _since(one, sent)]
    for one in newer:
        lost = _lost(one, ours)
        if lost:
            return Drift(ref, cause, one.manager, one.operation, one.time or "", lost)
    if newer:
        return Drift(ref, cause, newer[0].manager, newer[0].operation, newer[0].time or "")
    return Drift(ref, cause)


def _since(one: ManagerEntry, sent: Entry) -> bool:
    # RFC 3339 in UTC with whole seconds, as the server always writes it: text order is time order.
    return sent.time is None or one.time is None or one.time >= sent.time


def _lost(one: ManagerEntry, ours: frozenset[Path]) -> tuple[str, ...]:
    """The leaves that it holds and we do not, readable; the whole reading is best effort, so it is capped."""
    theirs = leaves(paths(one.fields)) - ours
    return tuple(sorted(readable(path) for path in theirs if path[0] != "f:status"))[:MAX_FIELDS]
