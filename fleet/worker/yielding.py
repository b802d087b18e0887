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
        """Something urgent came."""
        self._pressed = now

    def may_seal(self, now: float) -> bool:
        """Whether a seal may go now: nothing urgent has just come, or the last that went nevertheless is a while ago."""
        if now - self._pressed < CALM:
            if now - self._trickled < TRICKLE:
                return False
            self._trickled = now
        return True
