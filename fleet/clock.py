"""The one clock: wall time, boot time, sleep, jitter, and how far the event loop lags.

Contract: every deadline, backoff and expiry of the hub is reckoned here, so that a test can move time with
``advance``. ``boottime`` counts on while the machine sleeps (CLOCK_BOOTTIME; the monotonic clock where there
is none), since a lease must not seem fresh after a suspend. One loop, no threads.
"""

from __future__ import annotations

import asyncio
import functools
import heapq
import itertools
import random
import time
from collections.abc import Callable


def _reader() -> Callable[[], float]:
    """CLOCK_BOOTTIME where the system has it, else the monotonic clock."""
    source = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic if source is None else functools.partial(time.clock_gettime, source)


_read = _reader()
LAG_SECONDS = 1.0


class Clock:
    """Time as the hub sees it. ``advance`` moves it and wakes whoever sleeps past the new time."""

    def __init__(self) -> None:
        self._offset = 0.0
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._timer: asyncio.TimerHandle | None = None
        self.lag = 0.0

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time() + self._offset

    def boottime(self) -> float:
        """Seconds on a clock that never goes back and does not stand still while the machine sleeps."""
        return _read() + self._offset

    def jitter(self, seconds: float, share: float = 0.1) -> float:
        """``seconds`` made longer or shorter by up to ``share`` of it."""
        return seconds * (1.0 + share * (2.0 * random.random() - 1.0))  # noqa: S311 (spreading load, no secret)

    async def sleep(self, seconds: float) -> None:
        """Sleep on this clock; ends early when the clock is advanced past the end."""
        await self.sleep_until(self.boottime() + seconds)

    async def sleep_until(self, deadline: float) -> None:
        """Sleep until that boot time; at once where it has passed."""
        if deadline <= self.boottime():
            await asyncio.sleep(0)
            return
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (deadline, next(self._order), future))
        self._arm()
        await future

    def advance(self, seconds: float) -> None:
        """Move the clock forward; for tests."""
        self._offset += seconds
        self._wake()

    async def watch_lag(self, interval: float = 0.5) -> None:
        """Measure for ever how late the loop serves timers; ``lag`` holds the last reading in seconds."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + interval
            await asyncio.sleep(interval)
            self.lag = max(0.0, loop.time() - due)

    def lags(self, due: float) -> bool:
        """Whether a timeout that was due at that time of the loop says more of this loop than of the other side.

        Who timed out may well be served before the reading of ``watch_lag`` that would tell.
        """
        return max(self.lag, asyncio.get_running_loop().time() - due) > LAG_SECONDS

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        if self._sleepers:
            delay = max(0.0, self._sleepers[0][0] - self.boottime())
            self._timer = asyncio.get_running_loop().call_later(delay, self._wake)

    def _wake(self) -> None:
        now = self.boottime()
        while self._sleepers and (self._sleepers[0][0] <= now or self._sleepers[0][2].done()):
            future = heapq.heappop(self._sleepers)[2]
            if not future.done():
                future.set_result(None)
        if self._sleepers:
            self._arm()
