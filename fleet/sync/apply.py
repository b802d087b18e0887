"""Applying one object: server-side, by force, and what some refusals need.

Contract: one PATCH in the ordinary case, answered with metadata only. Refusals that are about ownership
alone are mended by one JSON patch on managedFields and the same apply again: an entry of an old version (H22),
a list item whose key a stranger changed. So is a field that Git dropped and the takeover list still holds
(H4); where another manager holds one, a warning says so. Errors are raised as the client raised them: after
Unanswered, or when cancelled, the object is unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fleet import names
from fleet.errors import ApiError
from fleet.kube import decode, failure, paths
from fleet.ownership import entries, patches
from fleet.ownership.fieldpath import readable
from fleet.sync import existing
from fleet.sync.amend import amend
from fleet.sync.unchanged import unchanged

if TYPE_CHECKING:
    from fleet.kube.request import Send
    from fleet.model import Meta
    from fleet.ownership.entries import Path
    from fleet.sync.shape import Shaped

_CREATED: Final = 201
_MENDS: Final = 3  # each moves something, and two lists of one object may be in the way
_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class Applied:
    """What an apply came to. ``warnings`` name fields that Git dropped and another manager keeps."""

    meta: Meta
    created: bool
    changed: bool
    warnings: tuple[str, ...] = ()


async def apply(
    send: Send, shaped: Shaped, before: Meta | None, adopt: frozenset[str] = frozenset()
) -> Applied:
    """Make the object what ``shaped`` says.

    ``before`` is its metadata as last read, after ``takeover.take``; None where it does not exist. ``adopt``
    names the tools whose fields may be taken too. Unchanged is what is in all but our entry's time as before.
    """
    meta, created = await _mended(send, shaped, adopt)
    if created:
        return Applied(meta, created=True, changed=True)
    gone = _dropped(before, meta)
    if gone is None or _held(meta, gone):
        meta = await _cleared(send, shaped, meta, adopt)
    return Applied(
        meta,
        created=False,
        changed=before is None or not unchanged(before, meta),
        warnings=_warnings(meta, gone or frozenset()),
    )


async def _mended(send: Send, shaped: Shaped, adopt: frozenset[str]) -> tuple[Meta, bool]:
    """Apply; where the refusal is about ownership, mend that and apply again."""
    request = paths.apply(shaped.resource, shaped.ref, shaped.body, manager=names.FIELD_MANAGER)
    mends = 0
    while True:
        try:
            answer = await send(request)
        except ApiError as refusal:
            mends += 1
            if mends > _MENDS or not await _mend(send, shaped, refusal, adopt):
                raise
        else:
            return decode.meta(answer.body, shaped.resource), answer.status == _CREATED


async def _mend(send: Send, shaped: Shaped, refusal: ApiError, adopt: frozenset[str]) -> bool:
    """Whether ownership was in the way and has been changed."""
    if refusal.cause not in (failure.FIELD_NOT_DECLARED, failure.DUPLICATE):
        return False
    version = "/".join(filter(None, (shaped.resource.group, shaped.resource.version)))
    changed = False

    def make(now: Meta) -> list[dict[str, Any]] | None:
        nonlocal changed
        if refusal.cause == failure.FIELD_NOT_DECLARED:
            operations = patches.reversion(now, version)
        else:
            operations = patches.move(now, refusal.field, adopt)
        changed = bool(operations)
        return operations

    meta = await existing.read(send, shaped.resource, shaped.ref)
    if meta is None or await amend(send, shaped.resource, meta, make) is None:
        return False
    return changed


def _dropped(before: Meta | None, after: Meta) -> frozenset[Path] | None:
    """Return what our entry held before and does not now; None where we had no entry to compare with."""
    old = entries.own(before.fields) if before is not None else None
    new = entries.own(after.fields)
    if old is None or new is None:
        return None
    return frozenset() if old.fields == new.fields else entries.dropped(old.fields, new.fields)


def _held(meta: Meta, gone: frozenset[Path]) -> list[tuple[str, Path]]:
    """Return who keeps which field in place, of those in ``gone`` and of what is below these."""
    if not gone:
        return []
    return [
        (one.manager, path)
        for one in entries.entries(meta.fields)
        if not one.ours and not one.subresource
        for path in entries.paths(one.fields)
        if any(path[:length] in gone for length in range(1, len(path) + 1))
    ]


async def _cleared(send: Send, shaped: Shaped, meta: Meta, adopt: frozenset[str]) -> Meta:
    """Merge what the takeover list holds into our entry and apply again, which removes what Git dropped."""
    operations = patches.merge(meta, adopt)
    if not operations:
        return meta
    merged = await amend(send, shaped.resource, meta, lambda now: patches.merge(now, adopt))
    if merged is None:
        return meta
    again, _ = await _mended(send, shaped, adopt)
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
