"""The Recorder: happenings as Kubernetes Events beside the object that they are about.

Contract: ``record`` never awaits; ``run`` is the owner's task. Equal happenings of several clusters within
`GATHER` seconds become one Event that names the clusters; one that comes again raises that Event's count, at
most once in `AGAIN` seconds. An object may have `BURST` new Events, then one each `REFILL` seconds. What does
not fit, or cannot be written, is dropped and counted in ``dropped``: an Event is a courtesy, never a state.
Events are ``v1`` (``kubectl describe`` shows them); the name is a digest, so a repeat finds its Event again.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fleet import names
from fleet.errors import Conflict, FleetError, NotFound
from fleet.kube.request import JSON, MERGE_PATCH, METADATA_ACCEPT, Request
from fleet.mailbox import Mailbox
from fleet.model import Lane
from fleet.report import words

if TYPE_CHECKING:
    from fleet.clock import Clock
    from fleet.kube.request import Send
    from fleet.model import ObjectRef
    from fleet.report.happenings import Happening

QUEUE: Final = 1000
REMEMBERED: Final = 4000
GATHER: Final = 1.0
BUSY: Final = 3.0
AGAIN: Final = 10.0
BURST: Final = 25
REFILL: Final = 30.0
NOTE: Final = 1000


class _Key(NamedTuple):
    """What makes two happenings the same Event."""

    ref: ObjectRef
    uid: str
    type: str
    reason: str
    message: str


@dataclass(slots=True)
class _Story:
    """One Event as it stands: what was told, and what waits to be."""

    first: float
    count: int = 0
    told_at: float = field(default=float("-inf"))
    exists: bool = False
    clusters: set[str] = field(default_factory=set)
    waiting: int = 0


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class Recorder:
    """See the module. ``component`` is the reporting component that ``kubectl describe`` names."""

    def __init__(self, send: Send, clock: Clock, component: str = names.PRODUCT) -> None:
        self._send = send
        self._clock = clock
        self._component = component
        self._mailbox: Mailbox[_Key, None] = Mailbox(clock)
        self._stories: OrderedDict[_Key, _Story] = OrderedDict()
        self._buckets: OrderedDict[tuple[ObjectRef, str], _Bucket] = OrderedDict()
        self._queued = 0
        self.dropped = 0
        self.busy: Callable[[], bool] = lambda: False

    def record(self, about: ObjectRef, uid: str, happening: Happening) -> None:
        """Tell of something that happened to ``about``, an object of the hub's own kinds."""
        key = _Key(about, uid, happening.type, happening.reason, happening.message)
        now = self._clock.boottime()
        story = self._stories.get(key)
        if story is None:
            if not self._allowed(about, uid, now):
                self.dropped += 1
                return
            story = self._stories[key] = _Story(self._clock.now())
            self._trim()
        self._stories.move_to_end(key)
        if story.waiting == 0:
            if self._queued >= QUEUE:
                self.dropped += 1
                return
            self._queued += 1
            story.clusters.clear()
        story.waiting += 1
        if happening.cluster:
            story.clusters.add(happening.cluster)
        self._mailbox.put(key, None, not_before=max(now + GATHER, story.told_at + AGAIN))

    async def run(self) -> None:
        """Write for ever."""
        while True:
            claim = await self._mailbox.take()
            try:
                await self._stand_back()
                await self._tell(claim.key)
            finally:
                self._mailbox.done(claim)

    async def _stand_back(self) -> None:
        """Let what is applied go first, for a while."""
        until = self._clock.boottime() + BUSY
        while self.busy() and self._clock.boottime() < until:
            await self._clock.sleep(GATHER / 4)

    async def _tell(self, key: _Key) -> None:
        story = self._stories.get(key)
        if story is None or story.waiting == 0:
            return
        story.count += 1 if story.clusters else story.waiting
        story.waiting = 0
        self._queued -= 1
        story.told_at = self._clock.boottime()
        try:
            if story.exists:
                try:
                    await self._send(self._again(key, story))
                except NotFound:
                    await self._send(self._new(key, story))  # it has outlived its time on the server
            else:
                await self._send(self._new(key, story))
        except Conflict:
            story.exists = True  # an earlier hub told the same; the next time counts on
        except FleetError:
            self.dropped += 1
        else:
            story.exists = True

    def _new(self, key: _Key, story: _Story) -> Request:
        namespace = key.ref.namespace or names.HUB_NAMESPACE
        at = words.stamp(story.first)
        body: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": _name(key), "namespace": namespace},
            "involvedObject": {
                "apiVersion": names.API_VERSION if key.ref.group else "v1",  # core: a Secret
                "kind": key.ref.kind,
                "namespace": key.ref.namespace,
                "name": key.ref.name,
                "uid": key.uid,
            },
            "type": key.type,
            "reason": words.reason(key.reason),
            "message": _message(key, story),
            "source": {"component": self._component},
            "reportingComponent": self._component,
            "firstTimestamp": at,
            "lastTimestamp": words.stamp(self._clock.now()),
            "count": story.count,
        }
        return _request("POST", f"/api/v1/namespaces/{namespace}/events", body, JSON)

    def _again(self, key: _Key, story: _Story) -> Request:
        namespace = key.ref.namespace or names.HUB_NAMESPACE
        body = {
            "count": story.count,
            "message": _message(key, story),
            "lastTimestamp": words.stamp(self._clock.now()),
        }
        return _request("PATCH", f"/api/v1/namespaces/{namespace}/events/{_name(key)}", body, MERGE_PATCH)

    def _allowed(self, about: ObjectRef, uid: str, now: float) -> bool:
        bucket = self._buckets.setdefault((about, uid), _Bucket(BURST, now))
        self._buckets.move_to_end((about, uid))
        while len(self._buckets) > REMEMBERED:
            self._buckets.popitem(last=False)
        bucket.left = min(BURST, bucket.left + (now - bucket.at) / REFILL)
        bucket.at = now
        if bucket.left < 1:
            return False
        bucket.left -= 1
        return True

    def _trim(self) -> None:
        while len(self._stories) > REMEMBERED:
            key, story = self._stories.popitem(last=False)
            if story.waiting:
                self._queued -= 1
                self.dropped += 1
                self._mailbox.forget(key)


def _request(verb: str, path: str, body: dict[str, Any], content_type: str) -> Request:
    return Request(
        verb,
        path,
        body=json.dumps(body, separators=(",", ":")).encode(),
        content_type=content_type,
        accept=METADATA_ACCEPT,
        lane=Lane.AUDIT,
    )


def _name(key: _Key) -> str:
    digest = blake2b("\0".join((key.uid, *key[2:])).encode(), digest_size=8).hexdigest()
    return f"{key.ref.name[:236]}.{digest}"


def _message(key: _Key, story: _Story) -> str:
    if not story.clusters:
        return words.cut(key.message, NOTE)
    where = words.listed([words.place(cluster) for cluster in sorted(story.clusters)])
    return words.cut(f"{where}: {key.message}", NOTE)
