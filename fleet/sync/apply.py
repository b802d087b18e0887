"""Applying one object: server-side, by force, and what some refusals need.

Contract: one PATCH in the ordinary case, answered with metadata only; ``mend`` frees one that is refused. A
field that Git dropped and the takeover list still holds (H4) is merged into ours, which takes another apply;
where another manager holds one, a warning says so. Errors are raised as the client raised them: after
Unanswered, or when cancelled, the object is unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fleet import names
from fleet.ownership import entries, patches
from fleet.ownership.fieldpath import readable
from fleet.ownership.kept import kept
from fleet.ownership.takeover import NOBODY
from fleet.sync import existing
from fleet.sync.amend import amend
from fleet.sync.mend import mended
from fleet.sync.unchanged import unchanged

if TYPE_CHECKING:
    from collections.abc import Callable

    from fleet.kube.request import Send
    from fleet.model import Meta, Sighting
    from fleet.ownership.entries import Path
    from fleet.sync.shape import Shaped

_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class Applied:
    """What an apply came to. ``warnings`` name fields that Git dropped and another manager keeps."""

    meta: Meta
    created: bool
    changed: bool
    warnings: tuple[str, ...] = ()


async def apply(
    send: Send,
    shaped: Shaped,
    before: Meta | None,
    *,
    adopt: frozenset[str] = frozenset(),
    seen: Sighting | None = None,
) -> Applied:
    """Make the object what ``shaped`` says.

    ``before`` is its metadata as last read, after ``takeover.take``; None where it does not exist, or where
    it is a member of the target's own set that is known by ``seen``. Such a one is read here, but only when
    Git has changed it: what Git drops can only be found by comparing. ``adopt`` names the tools whose fields
    may be taken too. Unchanged is what is in all but our entry's time as before.
    """
    if before is None and seen is not None and seen.manifest != shaped.digest:
        before = await existing.read(send, shaped.resource, shaped.ref)
    meta, created = await mended(send, shaped, adopt)
    if created:
        return Applied(meta, created=True, changed=True)
    gone = _dropped(before, meta)
    if _unclaimed(before, meta):
        meta = await _cleared(send, shaped, meta, lambda now: patches.merge(now, adopt))
    elif _held(meta, gone):
        # Those fields alone: what people have added beside ours is theirs.
        meta = await _cleared(
            send, shaped, meta, lambda now: patches.merge(now, adopt, only=lambda path: _within(path, gone))
        )
    changed = _changed(before, seen, meta)
    return Applied(meta, created=False, changed=changed, warnings=_warnings(meta, gone))


def _dropped(before: Meta | None, after: Meta) -> frozenset[Path]:
    """Return what our entry held before and does not now."""
    old = entries.own(before.fields) if before is not None else None
    new = entries.own(after.fields)
    if old is None or new is None or old.fields == new.fields:
        return frozenset()
    return entries.dropped(old.fields, new.fields)


def _unclaimed(before: Meta | None, after: Meta) -> bool:
    """Whether this was our first apply to what was there: all that it held is now somebody's or nobody's.

    The API server gives what nobody owned to ``before-first-apply``. An apply to what is ours already says
    nothing of the kind, and must not take fields that people have added.
    """
    if before is not None:
        return entries.entry(before.fields) is None
    return any(
        one.manager == NOBODY and not all(map(kept, entries.paths(one.fields)))
        for one in entries.entries(after.fields)
    )


def _changed(before: Meta | None, seen: Sighting | None, after: Meta) -> bool:
    if before is not None:
        return not unchanged(before, after)
    if seen is None or seen.entry is None or seen.uid != after.uid:
        return True
    now = entries.entry(after.fields)
    return seen.version != after.version and (
        now is None
        or now.digest != seen.entry.digest
        or after.labels.get(names.APPLYSET_PART_OF) != seen.set_id
        or after.annotations.get(names.MANIFEST) != seen.manifest
    )


def _held(meta: Meta, gone: frozenset[Path]) -> list[tuple[str, Path]]:
    """Return who keeps which field in place, of those in ``gone`` and of what is below these."""
    if not gone:
        return []
    return [
        (one.manager, path)
        for one in entries.entries(meta.fields)
        if not one.ours and not one.subresource
        for path in entries.paths(one.fields)
        if _within(path, gone)
    ]


def _within(path: Path, gone: frozenset[Path]) -> bool:
    return any(path[:length] in gone for length in range(1, len(path) + 1))


async def _cleared(
    send: Send, shaped: Shaped, meta: Meta, merge: Callable[[Meta], list[dict[str, Any]] | None]
) -> Meta:
    """Merge what the takeover list holds into our entry and apply again, which removes what Git dropped."""
    if not merge(meta):
        return meta
    merged = await amend(send, shaped.resource, meta, merge)
    if merged is None:
        return meta
    again, _ = await mended(send, shaped, frozenset())
    return again


def _warnings(meta: Meta, gone: frozenset[Path]) -> tuple[str, ...]:
    keepers: dict[str, list[str]] = {}
    for manager, path in sorted(_held(meta, gone)):
        keepers.setdefault(manager, []).append(readable(path))
    return tuple(
        f"no longer in Git, but kept by {manager}: {_list(fields)}" for manager, fields in keepers.items()
    )


def _list(fields: list[str]) -> str:
    more = len(fields) - _NAMED
    return ", ".join(fields[:_NAMED]) + (f" and {more} more" if more > 0 else "")
