"""Whether an apply would change an object: a server-side dry run.

Contract: reads and dry runs only; nothing is written. A dry run keeps resourceVersion whatever it would
change (seen on v1.36), so the metadata is compared. Where our entry's time alone differs, something would be
written that metadata does not show: a value changed under our own name, or nothing at all (an empty list that
is stored as absent). Only then the whole object is read and compared, but never a Secret's, which counts as
different.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from fleet import names
from fleet.documents import deep
from fleet.errors import NotFound
from fleet.kube import decode, paths
from fleet.kube.request import JSON, Request, Send
from fleet.model import Cause, Drift, Meta
from fleet.ownership import entries
from fleet.ownership.fieldpath import readable
from fleet.sync.unchanged import unchanged

if TYPE_CHECKING:
    from fleet.sync.shape import Shaped

_FIELDS: Final = 10


async def compare(send: Send, shaped: Shaped, live: Meta | None) -> Drift | None:
    """How the live object differs from what an apply would make of it; None where it does not.

    The fields are those that our entry would gain or lose; the manager is the newest that holds one of them.
    """
    if live is None:
        return Drift(shaped.ref, Cause.MISSING)
    request = paths.apply(shaped.resource, shaped.ref, shaped.body, manager=names.FIELD_MANAGER, dry_run=True)
    would = decode.meta((await send(request)).body, shaped.resource)
    if would.uid != live.uid:
        return Drift(shaped.ref, Cause.MISSING)
    if unchanged(live, would) and (
        entries.entry(live.fields) == entries.entry(would.fields)
        or (shaped.ref.kind != "Secret" and await _same(send, request))
    ):
        return None
    return _described(shaped, live, would)


async def _same(send: Send, request: Request) -> bool:
    """Whether the object as it is and as it would be are the same but for what each write moves."""
    whole = replace(request, accept=JSON)
    reading = Request("GET", request.path, ref=request.ref)
    try:
        would, live = await asyncio.gather(send(whole), send(reading))
    except NotFound:
        return False
    return bool(_content(would.body) == _content(live.body))


def _content(body: bytes) -> Any:
    # What comes from Git nests less: below that, nothing is ours to compare.
    content = decode.value(deep.cut(body))
    for name in ("managedFields", "resourceVersion", "generation"):
        content["metadata"].pop(name, None)
    return _bare(content)


def _bare(value: Any) -> Any:
    """Return the value without what is stored as absent: null, and empty lists and maps."""
    if isinstance(value, dict):
        bare = {key: _bare(inner) for key, inner in value.items()}
        return {key: inner for key, inner in bare.items() if inner not in (None, {}, [])}
    if isinstance(value, list):
        return [_bare(inner) for inner in value]
    return value


def _described(shaped: Shaped, live: Meta, would: Meta) -> Drift:
    ours, theirs = entries.own(live.fields), entries.own(would.fields)
    had = entries.paths(ours.fields) if ours else frozenset()
    will = entries.paths(theirs.fields) if theirs else frozenset()
    moved = had ^ will
    fields = tuple(sorted(readable(path) for path in moved))[:_FIELDS]
    others = [one for one in entries.entries(live.fields) if not one.ours]
    for one in sorted(others, key=lambda one: one.time or "", reverse=True):
        if entries.paths(one.fields) & moved:
            return Drift(shaped.ref, Cause.DIFFERS, one.manager, one.operation, one.time or "", fields)
    return Drift(shaped.ref, Cause.DIFFERS, fields=fields)
