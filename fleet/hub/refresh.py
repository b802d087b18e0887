"""Refresh: who stands for which version of what is kept elsewhere, and when that is looked at again.

Contract: one owner; methods but ``run`` never await. What is followed is what the last whole pass of each target asked
for, so it is bounded by the fleet's Secrets, and made anew after a start. Nothing but versions is kept. A target is
touched when the version of one of its Secrets moved, could no longer be told, or can again; whoever shares a source with
one that moved is looked at then, too. What a target's pass tells costs what the target has, not what the fleet has.
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
from fleet.redact import ours
from fleet.secrets.version import Stamped
from fleet.worker.resolver import Asked

AT_ONCE: Final = 32
AGAIN: Final = 30.0  # seconds until what could not be told is asked again, unless its server names a time
LEAST: Final = 1.0
SPARE: Final = (
    1024  # looks that were put off and are still in the queue, beside one for each that is followed
)

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
        self._followed: dict[TargetKey, dict[ObjectRef, Followed]] = {}
        self._users: dict[str, set[Key]] = {}
        self._due: list[tuple[float, Key]] = []
        self._most = SPARE
        self._wanted: dict[Key, bool] = {}  # to be looked at now, and whether anew
        self._wake = asyncio.Event()

    # --- what passes tell ---------------------------------------------------------------------------------

    def told(self, asked: Asked, found: Stamped | FleetError) -> None:
        """A pass asked which version there is."""
        key = (asked.target, asked.manifest.ref)
        one = self._followed.setdefault(key[0], {}).setdefault(key[1], Followed(asked))
        one.asked = asked
        self._take(key, one, found)

    def opened(self, asked: Asked) -> None:
        """A pass has got what the Secret stands for."""
        one = self._get((asked.target, asked.manifest.ref))
        if one is not None:
            one.opened = self._clock.now()

    def retain(self, target: TargetKey, refs: frozenset[ObjectRef]) -> None:
        """The target has these and no others."""
        for ref in self._followed.get(target, {}).keys() - refs:
            self._drop((target, ref))

    def look(self, chosen: Callable[[TargetKey], bool], *, fresh: bool = False) -> None:
        """Look at what some targets have now; ``fresh``: whatever was learned a moment ago."""
        now = self._clock.boottime()
        for target, followed in self._followed.items():
            for ref, one in followed.items() if chosen(target) else ():
                key = (target, ref)
                self._wanted[key] = fresh or self._wanted.get(key, False)
                self._at(key, one, now)

    def of_target(self, target: TargetKey) -> Iterator[Followed]:
        """What is followed for a target."""
        return iter(self._followed.get(target, {}).values())

    def next(self, one: Followed) -> float:
        """The wall time of the next look; 0 for none."""
        return self._clock.now() + max(0.0, one.due - self._clock.boottime()) if one.due else 0.0

    def __len__(self) -> int:
        return sum(len(followed) for followed in self._followed.values())

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
            one = self._get(key)
            if one is not None and one.due == at:
                count += 1
                yield key

    async def _one(self, key: Key) -> None:
        one = self._get(key)
        if one is None:
            return  # a pass let go of it in the meantime
        fresh = self._wanted.pop(key, False)
        before = _word(one)
        try:
            found: Stamped | FleetError = await self._stamp(one.asked, fresh)
        except Exception as error:  # noqa: BLE001 (one Secret's fault must not end the looks at all others)
            found = ours(error)
        if self._get(key) is not one:
            return
        sharing = self._sharing(one)
        self._take(key, one, found)
        if _word(one) != before:
            self._touch(key[0])
            now = self._clock.boottime()
            for other in sharing - {key}:
                # Whoever is touched may let go of what it had.
                known = self._get(other)
                if known is not None:
                    self._at(other, known, now)

    # --- inside -------------------------------------------------------------------------------------------

    def _take(self, key: Key, one: Followed, found: Stamped | FleetError) -> None:
        now = self._clock.boottime()
        one.looked = self._clock.now()
        if isinstance(found, FleetError):
            one.error = found
            wait = max(AGAIN, float(getattr(found, "retry_after", 0.0)))
            self._later(key, one, now + self._clock.jitter(wait, 0.2))
            return
        one.error, one.stamped = None, found
        self._serve(key, one, frozenset(name for name, _ in found.sources))
        if found.interval > 0:
            wait = found.interval
            if found.until is not None:
                wait = min(wait, found.until - self._clock.now())
            self._later(key, one, now + max(LEAST, wait))
        else:
            self._later(key, one, 0.0)

    def _get(self, key: Key) -> Followed | None:
        return self._followed.get(key[0], {}).get(key[1])

    def _later(self, key: Key, one: Followed, due: float) -> None:
        """The next look by the clock; 0 for none. One that is wanted now stays so: what came may be older than the wish."""
        if key in self._wanted:
            return
        if due:
            self._at(key, one, due)
        else:
            one.due = 0.0

    def _at(self, key: Key, one: Followed, due: float) -> None:
        one.due = due
        heapq.heappush(self._due, (due, key))
        if self._due[0][1] == key:
            self._wake.set()
        if len(self._due) > self._most:
            self._due = [
                (one.due, (target, ref))
                for target, followed in self._followed.items()
                for ref, one in followed.items()
                if one.due
            ]
            heapq.heapify(self._due)
            self._most = 2 * len(self._due) + SPARE

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
        followed = self._followed[key[0]]
        self._leave(key, followed.pop(key[1]))
        if not followed:
            del self._followed[key[0]]
        self._wanted.pop(key, None)


def _word(one: Followed) -> tuple[object, ...]:
    """What a target has to hear of when it changes."""
    if one.error is not None:
        return one.error.reason, one.error.text
    return (one.stamped.text, one.stamped.gone) if one.stamped is not None else ()
