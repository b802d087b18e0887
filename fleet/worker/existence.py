"""Which objects exist already that are not known to be ours.

Contract: before the first apply of an object its existence is learned from metadata alone, never by applying
(H9). A few objects are looked up one by one; as soon as more of one kind and namespace are asked for in a
short time, one list answers for all of them, shared while it is fresh. So a commit that adds one object costs
one small read, and a cold start one list a kind. What a shared list shows as a set's member is read again: members
are watched, so it is most likely gone since.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fleet.clock import Clock
from fleet.errors import NotFound
from fleet.kube import decode, paths
from fleet.kube.request import Send
from fleet.model import Meta, ObjectRef, Resource
from fleet.ownership import membership
from fleet.sync import existing

FRESH = 3.0  # seconds for which a list answers
SINGLES = 4  # look-ups of one kind and namespace within FRESH before a list is cheaper

Place = tuple[Resource, str]
_Listed = asyncio.Task[Mapping[ObjectRef, Meta]]


@dataclass(slots=True)
class _Known:
    since: float
    singles: int = 0
    listed: _Listed | None = None

    def ended(self, task: _Listed) -> None:
        """A list that failed answers nobody but those who wait for it already, if they still do."""
        if (task.cancelled() or task.exception() is not None) and self.listed is task:
            self.listed = None


class Existence:
    """Look-ups of one cluster, joined; bounded by the kinds and namespaces asked for within FRESH."""

    def __init__(self, send: Send, clock: Clock) -> None:
        self._send = send
        self._clock = clock
        self._places: dict[Place, _Known] = {}

    async def look(self, wanted: Mapping[Resource, Iterable[ObjectRef]]) -> dict[ObjectRef, Meta]:
        """Metadata of those of ``wanted`` that exist."""
        found: dict[ObjectRef, Meta] = {}
        singles: dict[Resource, list[ObjectRef]] = {}
        lists: list[tuple[Resource, _Listed, list[ObjectRef], bool]] = []
        now = self._clock.boottime()
        self._places = {place: known for place, known in self._places.items() if now - known.since < FRESH}
        for resource, refs in wanted.items():
            by_namespace: dict[str, list[ObjectRef]] = {}
            for ref in refs:
                by_namespace.setdefault(ref.namespace, []).append(ref)
            for namespace, group in by_namespace.items():
                known = self._places.setdefault((resource, namespace), _Known(now))
                known.singles += len(group)
                if known.listed is None and known.singles <= SINGLES:
                    singles.setdefault(resource, []).extend(group)
                    continue
                shared = known.listed is not None
                if known.listed is None:
                    known.since = now
                    known.listed = asyncio.ensure_future(self._list(resource, group[0]))
                    known.listed.add_done_callback(known.ended)
                lists.append((resource, known.listed, group, shared))
        for resource, task, group, shared in lists:
            metas = await asyncio.shield(task)
            for ref in metas.keys() & group:
                if shared and membership.member(metas[ref]):
                    singles.setdefault(resource, []).append(ref)
                else:
                    found[ref] = metas[ref]
        if singles:
            found.update(await existing.look(self._send, singles, lists=False))
        return found

    def forget(self) -> None:
        """Believe no list any more."""
        self._places.clear()

    async def _list(self, resource: Resource, sample: ObjectRef) -> Mapping[ObjectRef, Meta]:
        try:
            answer = await self._send(paths.list_meta(resource, sample.namespace or None))
        except NotFound:
            return {}
        metas, _, _ = decode.metas(answer.body, resource)
        return {meta.ref: meta for meta in metas}
