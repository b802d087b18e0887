"""A token bucket for each caller's address, bounded in number."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from fleet.clock import Clock

CALLERS: Final = 1000


class Limit:
    """``burst`` requests at once, then ``rate`` a second, for each caller."""

    def __init__(self, clock: Clock, *, burst: float, rate: float) -> None:
        self._clock = clock
        self._burst = burst
        self._rate = rate
        self._callers: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allows(self, caller: str) -> bool:
        """Take one from the caller's bucket; False where it is empty."""
        now = self._clock.boottime()
        left, at = self._callers.pop(caller, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._rate)
        allowed = left >= 1
        self._callers[caller] = (left - 1 if allowed else left, now)
        while len(self._callers) > CALLERS:
            self._callers.popitem(last=False)
        return allowed
