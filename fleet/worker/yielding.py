"""When a seal stands back: what nobody waits for leaves a cluster, and the hub itself, free for what somebody does.

Contract: pure but for its memory; times are seconds of one clock. Under commits without end seals come to their end too,
one now and then.
"""

from __future__ import annotations

from typing import Final

CALM: Final = 1.0  # seconds after something urgent in which seals stand back
TRICKLE: Final = 0.25  # seconds between two that go nevertheless


class Yielding:
    """See the module; one of a connection."""

    def __init__(self) -> None:
        self._pressed = self._trickled = float("-inf")

    def urgent(self, now: float) -> None:
        """Something urgent came, or much is under way."""
        self._pressed = now

    def free(self, now: float) -> float:
        """From when on a seal may go, as it looks now."""
        return max(now, min(self._pressed + CALM, self._trickled + TRICKLE))

    def sealing(self, now: float) -> None:
        """A seal goes."""
        self._trickled = now
