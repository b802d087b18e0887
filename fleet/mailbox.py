"""The one kind of queue: keyed, the newest value wins, one holder a key.

Contract: ``put`` never awaits and never grows the queue beyond its keys. A key that somebody holds is not
handed out again before ``done``; a put meanwhile waits, and marks the holder as superseded where it makes the
holder's work needless. Lanes are served in order, within a lane first come first served; ``not_before`` delays
a key until that boot time. Who takes from some lanes alone is not woken for the others.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from fleet.clock import Clock

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(eq=False, slots=True)
class Claim(Generic[K, V]):
    """A key in hand: ``superseded`` is set as soon as a newer value waits that replaces this one."""

    key: K
    value: V
    lane: int
    superseded: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class _Waiting(Generic[V]):
    value: V
    lane: int
    due: float


@dataclass(frozen=True, slots=True)
class Queue(Generic[K]):
    """A Mailbox at one moment: ``ready`` by lane in the order of service, ``delayed`` with boot times."""

    ready: tuple[tuple[K, ...], ...]
    delayed: Mapping[K, float]
    held: tuple[K, ...]


class Mailbox(Generic[K, V]):
    """See the module. ``merge(older, newer)`` joins two waiting values of a key; by default the newer wins.

    ``replaces(newer, held)`` tells whether a holder may stop for a newer value; by default always. ``yields(value)``:
    whether it gives way to any other of its key that does not, with its time and its lane, and is not put over one.
    """

    def __init__(
        self,
        clock: Clock,
        lanes: int = 1,
        merge: Callable[[V, V], V] | None = None,
        replaces: Callable[[V, V], bool] | None = None,
        yields: Callable[[V], bool] = lambda _: False,
    ) -> None:
        self._clock = clock
        self._merge = merge
        self._replaces = replaces
        self._yields = yields
        self._waiting: dict[K, _Waiting[V]] = {}
        self._ready: list[OrderedDict[K, None]] = [OrderedDict() for _ in range(lanes)]
        self._delayed: list[list[tuple[float, int, K]]] = [[] for _ in range(lanes)]
        self._held: dict[K, Claim[K, V]] = {}
        self._order = itertools.count()
        self._changed: dict[int, asyncio.Event] = {}  # by the number of lanes that somebody takes from

    def put(self, key: K, value: V, lane: int = 0, not_before: float = 0.0) -> None:
        """Offer a value; joins what waits under the key, in the more urgent of both lanes, at the earlier time."""
        older = self._waiting.get(key)
        if older is not None and self._yields(older.value) is not self._yields(value):
            if self._yields(value):
                return
            self.forget(key)
        older = self._waiting.pop(key, None)
        if older is not None:
            value = self._merge(older.value, value) if self._merge else value
            self._ready[older.lane].pop(key, None)
            lane, not_before = min(lane, older.lane), min(not_before, older.due)
        self._waiting[key] = _Waiting(value, lane, not_before)
        holder = self._held.get(key)
        if holder is not None:
            if self._replaces is None or self._replaces(value, holder.value):
                holder.superseded.set()
            return
        self._enqueue(key)

    def forget(self, key: K) -> None:
        """Take back what waits under the key; a holder goes on."""
        older = self._waiting.pop(key, None)
        if older is not None:
            self._ready[older.lane].pop(key, None)

    async def take(self, most: int | None = None) -> Claim[K, V]:
        """The next key that is due and not held, of the first ``most`` lanes; waits for one."""
        while True:
            claim = await self.take_by(None, most)
            if claim is not None:
                return claim

    async def take_by(self, until: float | None, most: int | None = None) -> Claim[K, V] | None:
        """As ``take``; None once it is that boot time."""
        lanes = len(self._ready) if most is None else most
        changed = self._changed.setdefault(lanes, asyncio.Event())
        while True:
            due = self._promote(lanes)
            for ready in self._ready[:lanes]:
                if ready:
                    key, _ = ready.popitem(last=False)
                    waiting = self._waiting.pop(key)
                    claim = Claim(key, waiting.value, waiting.lane)
                    self._held[key] = claim
                    return claim
            if until is not None:
                if until <= self._clock.boottime():
                    return None
                due = until if due is None else min(due, until)
            changed.clear()
            if due is None:
                await changed.wait()
            else:
                await self._first(changed, due)

    def done(self, claim: Claim[K, V]) -> None:
        """Give the key back; what arrived meanwhile becomes due."""
        if self._held.get(claim.key) is claim:
            del self._held[claim.key]
            if claim.key in self._waiting:
                self._enqueue(claim.key)

    def pending(self, key: K) -> bool:
        """Whether the key waits or is in hand."""
        return key in self._waiting or key in self._held

    def waiting(self, key: K) -> V | None:
        """What waits under the key; None where nothing does."""
        waiting = self._waiting.get(key)
        return waiting.value if waiting is not None else None

    def held(self, key: K) -> bool:
        """Whether the key is in hand."""
        return key in self._held

    def imminent(self, key: K) -> bool:
        """Whether the key is in hand, or waits for nothing but its turn."""
        waiting = self._waiting.get(key)
        return key in self._held or (waiting is not None and key in self._ready[waiting.lane])

    def queue(self) -> Queue[K]:
        """Who waits in which order, who is delayed until when, who is in hand."""
        delayed = {
            key: waiting.due
            for key, waiting in self._waiting.items()
            if key not in self._held and key not in self._ready[waiting.lane]
        }
        return Queue(tuple(tuple(lane) for lane in self._ready), delayed, tuple(self._held))

    def depth(self) -> tuple[int, ...]:
        """How many keys wait in each lane, the delayed ones in their own."""
        counts = [0] * len(self._ready)
        for waiting in tuple(self._waiting.values()):  # metrics are read in a thread
            counts[waiting.lane] += 1
        return tuple(counts)

    def ready(self, most: int) -> int:
        """How many keys of the first ``most`` lanes wait for nothing but their turn."""
        for lane in range(most):
            self._promote_lane(lane)
        return sum(len(ready) for ready in self._ready[:most])

    def idle(self) -> bool:
        """Whether nothing waits and nothing is in hand."""
        return not self._waiting and not self._held

    def _enqueue(self, key: K) -> None:
        waiting = self._waiting[key]
        if waiting.due > self._clock.boottime():
            heapq.heappush(self._delayed[waiting.lane], (waiting.due, next(self._order), key))
        else:
            self._ready[waiting.lane][key] = None
        for lanes, changed in self._changed.items():
            if lanes > waiting.lane:
                changed.set()

    def _promote(self, lanes: int) -> float | None:
        """Make due keys of these lanes ready; answer when the next one is due, None where none is delayed."""
        times = [due for lane in range(lanes) if (due := self._promote_lane(lane)) is not None]
        return min(times, default=None)

    def _promote_lane(self, lane: int) -> float | None:
        now, delayed = self._clock.boottime(), self._delayed[lane]
        while delayed:
            due, _, key = delayed[0]
            waiting = self._waiting.get(key)
            current = (
                waiting is not None and (waiting.due, waiting.lane) == (due, lane) and key not in self._held
            )
            if current and due > now:
                return due
            heapq.heappop(delayed)
            if current:
                self._ready[lane][key] = None
        return None

    async def _first(self, event: asyncio.Event, due: float) -> None:
        changed = asyncio.ensure_future(event.wait())
        timer = asyncio.ensure_future(self._clock.sleep_until(due))
        try:
            await asyncio.wait({changed, timer}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            changed.cancel()
            timer.cancel()
