"""Fights that have long been quiet are forgotten, so that nobody is called a contestant for ever (H9).

Contract: a small look at what is held, twice a minute; ends only by being cancelled. A change from Git forgets
them at once, where it is offered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from fleet.clock import Clock
from fleet.model import TargetKey
from fleet.ownership import fights
from fleet.worker.held import Held

LOOK: Final = 30.0


async def keep(held: Mapping[TargetKey, Held], clock: Clock, over: Callable[[TargetKey], None]) -> None:
    """Forget, for ever; tells of the targets that were contested."""
    while True:
        await clock.sleep(LOOK)
        now = clock.boottime()
        for key, known in tuple(held.items()):
            past = [ref for ref, fight in known.fights.items() if fights.over(fight, now)]
            told = any(fights.contested(known.fights[ref]) for ref in past)
            for ref in past:
                del known.fights[ref]
            if told:
                over(key)
