"""Fights: heals of one object lost to the same manager wait longer each time (H9).

Contract: pure; the caller keeps a `Fight` an object, asks `after` once for each heal that was lost (a drift
seen after our last apply was answered), heals not before `until`, and forgets the fight when a new revision
changes the object. Times are seconds of the caller's clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from fleet.model import Drift

BACKOFF: Final = (0.0, 2.0, 6.0, 18.0, 54.0, 162.0, 300.0)
QUIET: Final = 600.0
_CONTESTED_FROM: Final = 3


@dataclass(frozen=True, slots=True)
class Fight:
    """`count` heals were lost to `manager`, the last at `last`, over `fields`; the next is at `until`."""

    count: int
    manager: str
    last: float
    until: float
    fields: tuple[str, ...] = ()


def after(fight: Fight | None, drift: Drift, now: float) -> Fight:
    """The fight with one more loss; a first one where another manager did it, or ten minutes were quiet.

    A drift seen while the heal of an earlier one still waits is no further loss: nothing was sent meanwhile.
    """
    if fight is None or fight.manager != drift.manager or over(fight, now):
        return Fight(1, drift.manager, now, now + BACKOFF[0], drift.fields)
    if now < fight.until:
        return Fight(fight.count, fight.manager, now, fight.until, drift.fields or fight.fields)
    count = fight.count + 1
    delay = BACKOFF[min(count, len(BACKOFF)) - 1]
    return Fight(count, fight.manager, now, now + delay, drift.fields or fight.fields)


def over(fight: Fight, now: float) -> bool:
    """Whether nothing was lost for ten minutes since the last heal was due."""
    return now - max(fight.last, fight.until) > QUIET


def contested(fight: Fight) -> bool:
    """Whether it is to be told: somebody keeps writing what we heal."""
    return fight.count >= _CONTESTED_FROM
