"""Refresh: who stands for which version of what is kept elsewhere, and when that is looked at again.

Contract: one owner; methods but ``run`` never await. What is followed is what the last whole pass of each target asked
for, so it is bounded by the fleet's Secrets, and made anew after a start. Nothing but versions is kept. A target is
touched when the version of one of its Secrets moved, could no longer be told, or can again; whoever shares a source with
one that moved is looked at then, too.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from fleet.clock import Clock
from fleet.errors import FleetError
from fleet.model import ObjectRef, TargetKey
from fleet.secrets.version import Stamped
from fleet.worker.resolver import Asked

AT_ONCE: Final = 32
AGAIN: Final = 30.0  # seconds until what could not be told is asked again, unless its server names a time
LEAST: Final = 1.0

Key = tuple[TargetKey, ObjectRef]


@dataclass(slots=True)
class Followed:
    """One Secret of one target. ``due`` and the others are times of the clock; 0 for never."""

    asked: Asked
    stamped: Stamped | None = None
    error: FleetError | None = None
    due: float = 0.0
    looked: float = 0.0  # wall time
    opened: float = 0.0  # wall time
    sources: frozenset[str] = field(default_factory=frozenset)


class Refresh:
    """See the module. ``stamp`` asks for a version, anew where the second word says so; ``touch`` wakes a target."""

    def __init__(
        self,
        stamp: Callable[[Asked, bool], Awaitable[Stamped]],
        touch: Callable[[TargetKey], None],
        clock: Clock,
    ) -> None:
        self._stamp = stamp
        self._touch = touch
        self._clock = clock
        self._followed: dict[Key, Followed] = {}
        self._users: dict[str, set[Key]] = {}
        self._due: list[tuple[float, Key]] = []
        self._fresh: set[Key] = set()
        self._wake = asyncio.Event()

    # --- what passes tell ---------------------------------------------------------------------------------

    def told(self, asked: Asked, found: Stamped | FleetError) -> None:
        """A pass asked which version there is."""
        key = (asked.target, asked.manifest.ref)
        one = self._followed.get(key)
        if one is None:
            one = self._followed[key] = Followed(asked)
        one.asked = asked
        self._take(key, one, found)

    def opened(self, asked: Asked) -> None:
        """A pass has got what the Secret stands for."""
        one = self._followed.get((asked.target, asked.manifest.ref))
        if one is not None:
            one.opened = self._clock.now()

    def retain(self, target: TargetKey, refs: frozenset[ObjectRef]) -> None:
        """The target has these and no others."""
        for key in [key for key in self._followed if key[0] == target and key[1] not in refs]:
            self._drop(key)

    def look(self, chosen: Callable[[Key], bool], *, fresh: bool = False) -> None:
        """Look at some of them now; ``fresh``: whatever was learned a moment ago."""
        for key in [key for key in self._followed if chosen(key)]:
            if fresh:
                self._fresh.add(key)
            self._at(key, self._clock.boottime())

    def of_target(self, target: TargetKey) -> Iterator[Followed]:
        """What is followed for a target."""
        return (one for key, one in self._followed.items() if key[0] == target)

    def next(self, one: Followed) -> float:
        """The wall time of the next look; 0 for none."""
        return self._clock.now() + max(0.0, one.due - self._clock.boottime()) if one.due else 0.0

    def __len__(self) -> int:
        return len(self._followed)

    # --- life ---------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Look when it is time, for ever."""
        while True:
            self._wake.clear()
            now = self._clock.boottime()
            due = list(self._taken(now))
            if due:
                await asyncio.gather(*(self._one(key) for key in due))
                continue
            pause = self._due[0][0] - now if self._due else 3600.0
            waiter = asyncio.ensure_future(self._wake.wait())
            timer = asyncio.ensure_future(self._clock.sleep(max(pause, 0.01)))
            try:
                await asyncio.wait({waiter, timer}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                waiter.cancel()
                timer.cancel()

    def _taken(self, now: float) -> Iterator[Key]:
        count = 0
        while self._due and self._due[0][0] <= now and count < AT_ONCE:
            at, key = heapq.heappop(self._due)
            one = self._followed.get(key)
            if one is not None and one.due == at:
                count += 1
                yield key

    async def _one(self, key: Key) -> None:
        one = self._followed[key]
        fresh = key in self._fresh
        self._fresh.discard(key)
        before = _word(one)
        try:
            found: Stamped | FleetError = await self._stamp(one.asked, fresh)
        except FleetError as error:
            found = error
        if self._followed.get(key) is not one:
            return
        sharing = self._sharing(one)
        self._take(key, one, found)
        if _word(one) != before:
            self._touch(key[0])
            now = self._clock.boottime()
            for other in sharing - {key}:
                self._at(other, now)

    # --- inside -------------------------------------------------------------------------------------------

    def _take(self, key: Key, one: Followed, found: Stamped | FleetError) -> None:
        now = self._clock.boottime()
        one.looked = self._clock.now()
        if isinstance(found, FleetError):
            one.error = found
            wait = max(AGAIN, float(getattr(found, "retry_after", 0.0)))
            self._at(key, now + self._clock.jitter(wait, 0.2))
            return
        one.error, one.stamped = None, found
        self._serve(key, one, frozenset(name for name, _ in found.sources))
        if found.interval > 0:
            wait = found.interval
            if found.until is not None:
                wait = min(wait, found.until - self._clock.now())
            self._at(key, now + max(LEAST, wait))
        else:
            one.due = 0.0

    def _at(self, key: Key, due: float) -> None:
        one = self._followed[key]
        one.due = due
        heapq.heappush(self._due, (due, key))
        if self._due[0][1] == key:
            self._wake.set()

    def _sharing(self, one: Followed) -> set[Key]:
        return {key for name in one.sources for key in self._users.get(name, ())}

    def _serve(self, key: Key, one: Followed, sources: Iterable[str]) -> None:
        now = frozenset(sources)
        if now == one.sources:
            return
        self._leave(key, one)
        one.sources = now
        for name in now:
            self._users.setdefault(name, set()).add(key)

    def _leave(self, key: Key, one: Followed) -> None:
        for name in one.sources:
            users = self._users.get(name)
            if users is not None:
                users.discard(key)
                if not users:
                    del self._users[name]

    def _drop(self, key: Key) -> None:
        self._leave(key, self._followed.pop(key))
        self._fresh.discard(key)


def _word(one: Followed) -> tuple[object, ...]:
    """What a target has to hear of when it changes."""
    if one.error is not None:
        return one.error.reason, one.error.text
    return (one.stamped.text, one.stamped.gone) if one.stamped is not None else ()
