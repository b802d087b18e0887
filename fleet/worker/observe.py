"""From watches to sightings and drift.

Contract: one stream a kind that a parent on the cluster names, and one for the parents themselves; where the
registration reaches some namespaces alone, one a kind and namespace, each of which tells of that namespace and no
other: a kind is completely listed when all of them are, and one without namespace is never looked at. An event
says only how an object is now: it is judged against memory, memory is changed, and whoever has to act is told
through ``Listener``. What arrives for an object whose write is in flight waits for the answer. That a kind is not
served is concluded from a second look: a server that has just begun does not know all CRDs yet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Protocol

from fleet import names
from fleet.errors import FleetError, Forbidden, NotFound
from fleet.health.assess import assess, needs_object
from fleet.kube import watch
from fleet.model import Cause, Drift, GroupKind, Health, Meta, ObjectRef, Resource, Sighting, TargetKey
from fleet.ownership import drift, entries, foreign, membership
from fleet.sync import parent
from fleet.worker import discovering
from fleet.worker.member import Member
from fleet.worker.sightings import newer

Place = str | None
"""A namespace, or all of the cluster."""

AGAIN = 30.0  # seconds before a kind whose events could not be taken is listed afresh
SECOND = 2.0  # seconds before the second look at a kind that is not served


class Listener(Protocol):
    """Who is told. Methods never await."""

    def drifted(self, set_id: str, found: Drift) -> None:
        """A member is not as our last apply left it."""

    def added(self, set_id: str, ref: ObjectRef) -> None:
        """People added something to a member by hand, or it is gone."""

    def stirred(self, set_id: str) -> None:
        """A member appeared, went, or changed its health."""

    def parent_changed(self, target: TargetKey) -> None:
        """A parent appeared, changed or went."""

    def silent(self, error: FleetError | None) -> None:
        """A stream broke or cannot be opened."""

    def listed(self) -> None:
        """A kind was listed completely."""

    def rewound(self) -> None:
        """The server went back to an earlier state: nothing remembered of it is true any more."""


class Observer:
    """The streams of one connection."""

    def __init__(self, member: Member, listener: Listener) -> None:
        self._member = member
        self._listener = listener
        self._streams: dict[GroupKind, dict[Place, asyncio.Task[None]]] = {}
        self._absent: dict[GroupKind, asyncio.Task[None]] = {}  # kinds that are not served; done: for certain
        self._closed = False
        self._refused: set[tuple[GroupKind, Place]] = set()
        self._listed: dict[GroupKind, set[Place]] = {}  # where the list of a kind is complete

    def awaited(self, kinds: Iterable[GroupKind]) -> bool:
        """Whether the first list of one of these kinds may still come: not where the server refuses it."""
        return any(
            (kind, place) not in self._refused and place not in self._listed.get(kind, ())
            for kind in self._member.sightings.complete(kinds)
            for place in self._streams.get(kind, ())
        )

    def follow(self, kinds: Iterable[GroupKind]) -> None:
        """Follow these kinds too, as far as the cluster serves them."""
        for kind in set(kinds) - self._streams.keys() if not self._closed else ():
            resource = self._member.discovery.find(kind.group, kind.kind)
            if resource is not None:
                self._found(kind)
                self._member.sightings.listed(kind, None)
                self._streams[kind] = {
                    place: asyncio.ensure_future(self._follow(kind, resource, place))
                    for place in self._member.within(resource)
                }
                if not self._streams[kind]:
                    # Nothing of it is within the registration; what its set may have elsewhere is held for that.
                    self._member.sightings.listed(kind, "0")
            else:
                self._missed(kind)

    def leave(self, kinds: frozenset[GroupKind]) -> None:
        """Follow no other kinds than these any more."""
        for kind in [kind for kind in self._streams.keys() | self._absent if kind not in kinds]:
            self._found(kind)
            for task in self._streams.pop(kind, {}).values():
                task.cancel()
            self._listed.pop(kind, None)
            self._member.sightings.listed(kind, None)

    def parents(self) -> asyncio.Task[None]:
        """Follow the parents."""
        return asyncio.ensure_future(self._follow_parents())

    def tasks(self) -> tuple[asyncio.Task[None], ...]:
        """The streams that run."""
        return tuple(task for tasks in self._streams.values() for task in tasks.values())

    def close(self) -> tuple[asyncio.Task[None], ...]:
        """Open no more streams; those that are to be ended."""
        self._closed = True
        streams = (*self.tasks(), *self._absent.values())
        self._streams.clear()
        self._absent.clear()
        return streams

    def late(self, ref: ObjectRef, held: tuple[Meta | None, dict[str, object] | None]) -> None:
        """Judge what waited for a write's answer."""
        meta, body = held
        if meta is None:
            self._gone(ref, None)
        else:
            self._seen(meta, body)

    async def _follow(self, kind: GroupKind, resource: Resource, place: Place) -> None:
        """Follow a kind for ever, at whatever version it is served by then."""
        while place in self._member.within(resource):
            try:
                resource = await self._stream(kind, resource, place)
            except Exception:  # noqa: BLE001 (what nobody foresaw of one object must not blind us to its kind)
                self._doubted(kind, place)
                await self._member.clock.sleep(AGAIN)
        self._doubted(kind, place)  # it has namespaces no more, or has them since

    async def _stream(self, kind: GroupKind, resource: Resource, place: Place) -> Resource:
        """Follow a kind at one version; ends where it is served at another one by now."""
        whole = needs_object(kind.group, kind.kind)
        stream = watch.follow(
            self._member.client,
            resource,
            place,
            selector=names.APPLYSET_PART_OF,
            whole=whole,
            clock=self._member.clock,
        )
        async for event in stream:
            match event:
                case watch.Seen(meta, body):
                    self._arrived(meta, body)
                case watch.Gone(meta):
                    self._left(meta)
                case watch.Listed(items, version, rewound):
                    self._refused.discard((kind, place))
                    self._found(kind)
                    if rewound:
                        self._listener.rewound()
                    self._replaced(kind, place, items, version)
                case watch.Silent(_, error):
                    if not (isinstance(error, NotFound) and self._certain(kind)):
                        self._doubted(kind, place)
                    if isinstance(error, Forbidden | NotFound):
                        self._refused.add((kind, place))
                    if isinstance(error, NotFound):
                        served = await self._served(kind, resource)
                        if served is None:
                            self._missed(kind)
                        elif served != resource:
                            return served
                    self._listener.silent(error)
        return resource

    async def _served(self, kind: GroupKind, before: Resource) -> Resource | None:
        """How the kind is served now; None where it provably is not."""
        try:
            await discovering.again(self._member)
        except FleetError:
            return before
        found = self._member.discovery.find(kind.group, kind.kind)
        return before if found is None and kind.group in self._member.discovery.stale else found

    def _doubted(self, kind: GroupKind, place: Place) -> None:
        """The list of a kind is not to be trusted there any more, and so not as a whole."""
        if self._certain(kind):
            del self._absent[kind]
        self._listed.get(kind, set()).discard(place)
        self._member.sightings.listed(kind, None)

    def _replaced(self, kind: GroupKind, place: Place, items: tuple[watch.Seen, ...], version: str) -> None:
        present = set()
        for item in items:
            present.add(item.meta.ref)
            self._arrived(item.meta, item.object)
        for ref in self._member.sightings.of_kind(kind):
            if place is not None and ref.namespace != place:
                continue  # of which this list says nothing
            seen = self._member.sightings.get(ref)
            # What was written after the list was taken is not in it for that reason alone.
            if ref not in present and seen is not None and not newer(seen.version, version):
                self._gone_or_late(ref)
        self._listed.setdefault(kind, set()).add(place)
        if self._listed[kind] >= self._streams.get(kind, {}).keys():
            self._member.sightings.listed(kind, version)
        else:
            self._member.sightings.listed(kind, None)
        self._listener.listed()

    def _arrived(self, meta: Meta, body: dict[str, object] | None) -> None:
        if self._member.ledger.held(meta.ref):
            self._member.ledger.late(meta.ref, meta, body)
        else:
            self._seen(meta, body)

    def _left(self, meta: Meta) -> None:
        seen = self._member.sightings.get(meta.ref)
        if seen is not None and newer(seen.version, meta.version):
            return  # of a predecessor, or from before the answer that put it back
        self._member.sightings.uncopied(meta.ref)
        self._gone_or_late(meta.ref)

    def _gone_or_late(self, ref: ObjectRef) -> None:
        if self._member.ledger.held(ref):
            self._member.ledger.late(ref, None, None)
        else:
            self._gone(ref, None)

    def _seen(self, meta: Meta, body: dict[str, object] | None) -> None:
        ref = meta.ref
        before = self._member.sightings.get(ref)
        if before is not None and before.uid == meta.uid and newer(before.version, meta.version):
            return
        set_id = membership.set_of(meta)
        if not membership.member(meta):
            if before is None:
                if self._member.sightings.copied(ref, set_id):
                    self._listener.stirred(set_id)
                return
            self._gone(ref, meta)
            return
        found = drift.judge(ref, before, meta) if before is not None else None
        health, message = Health.HEALTHY, ""
        if body is not None:
            assessment = assess(body)
            health, message = assessment.health, assessment.message
        if meta.deleting:
            health, message = Health.PROGRESSING, "being deleted"
        replaced = before is None or before.uid != meta.uid
        self._member.sightings.put(
            ref,
            Sighting(
                meta.uid,
                meta.version,
                entries.entry(meta.fields),
                None if before is None else before.sent,
                set_id,
                meta.annotations.get(names.MANIFEST, ""),
                health,
                meta.deleting,
                message,
            ),
            meta.annotations.get(names.CONTENT, ""),
        )
        news = self._member.sightings.added(ref, foreign.found(ref, meta.fields, self._member.hands))
        if found is not None and before is not None:
            self._listener.drifted(before.set_id, found)
        elif news:
            self._listener.added(set_id, ref)
        if replaced or (before is not None and (before.health, before.set_id) != (health, set_id)):
            self._listener.stirred(set_id)

    def _gone(self, ref: ObjectRef, meta: Meta | None) -> None:
        before = self._member.sightings.drop(ref)
        if before is None:
            return
        self._member.ledger.known(ref)
        found = drift.judge(ref, before, meta)
        if found is None:
            found = Drift(ref, drift_cause(before, meta))
        self._listener.drifted(before.set_id, found)
        self._listener.stirred(before.set_id)

    def _missed(self, kind: GroupKind) -> None:
        """A kind is not served, as far as is known: find out whether that is so. Until then it is not listed."""
        if kind not in self._absent and kind.group not in self._member.discovery.stale:
            self._absent[kind] = asyncio.ensure_future(self._look(kind))

    def _certain(self, kind: GroupKind) -> bool:
        """Whether it is known that a kind is not served."""
        return kind in self._absent and self._absent[kind].done()

    def _found(self, kind: GroupKind) -> None:
        """A kind is served, or nobody asks."""
        absent = self._absent.pop(kind, None)
        if absent is not None and absent is not asyncio.current_task():
            absent.cancel()

    async def _look(self, kind: GroupKind) -> None:
        """Look a second time at a kind that is not served; whatever goes wrong, nothing is concluded from it."""
        while True:
            await self._member.clock.sleep(SECOND)
            try:
                await discovering.whole(self._member)
            except Exception:  # noqa: BLE001, S112 (see above: it is looked at again)
                continue
            discovery = self._member.discovery
            if discovery.find(kind.group, kind.kind) is None and kind.group not in discovery.stale:
                self._vanished(kind)
                return
            self._found(kind)
            self.follow((kind,))
            return

    def _vanished(self, kind: GroupKind) -> None:
        for ref in self._member.sightings.of_kind(kind):
            self._gone(ref, None)
        if self._member.sightings.complete((kind,)):
            self._member.sightings.listed(kind, "0")
            self._listener.listed()

    async def _follow_parents(self) -> None:
        place = self._member.identity.namespace
        stream = watch.follow(
            self._member.client,
            parent.RESOURCE,
            place,
            selector=names.APPLYSET_ID,
            whole=False,
            clock=self._member.clock,
        )
        async for event in stream:
            match event:
                case watch.Seen(meta, _):
                    self._parent(meta)
                case watch.Gone(meta):
                    self._parent_gone(meta.ref)
                case watch.Listed(items, version, rewound):
                    if rewound:
                        self._listener.rewound()
                    self._parents_listed(items, version)
                case watch.Silent(_, error):
                    self._member.parents_listed = False
                    self._listener.silent(error)

    def _parents_listed(self, items: tuple[watch.Seen, ...], version: str) -> None:
        present = {item.meta.ref for item in items}
        for item in items:
            self._parent(item.meta)
        for known in list(self._member.parents.values()):
            if known.meta.ref not in present and not newer(known.meta.version, version):
                self._parent_gone(known.meta.ref)
        self._member.parents_listed = True

    def _parent(self, meta: Meta) -> None:
        found = parent.read(meta, self._member.name)
        if found is None:
            self._parent_gone(meta.ref)
            return
        before = self._member.parents.get(found.target)
        if before is None or newer(meta.version, before.meta.version):
            self._member.parents[found.target] = found
            self._listener.parent_changed(found.target)

    def _parent_gone(self, ref: ObjectRef) -> None:
        for key, known in list(self._member.parents.items()):
            if known.meta.ref == ref:
                del self._member.parents[key]
                self._listener.parent_changed(key)


def drift_cause(before: Sighting, meta: Meta | None) -> Cause:
    """Why a member is none any more, where our own last apply is not known."""
    if meta is None or meta.uid != before.uid:
        return Cause.DELETED
    return Cause.LABEL_LOST if membership.owns_label(meta.fields) else Cause.ENTRY_LOST
