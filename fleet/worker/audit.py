"""Every self-healed object is applied again once in a while: the net under what ownership cannot show (H10).

Contract: spread evenly over the interval, jittered, at the lowest priority; an apply that changes nothing writes
nothing. Ends only by being cancelled. On a paused cluster the pass itself only compares. An audit counts once its
pass has ended: one that a commit took the place of is asked for again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from fleet.clock import Clock
from fleet.mailbox import Mailbox
from fleet.model import Lane, Mode, TargetKey
from fleet.worker import heal
from fleet.worker.held import Held
from fleet.worker.work import Errand

LOOK: Final = 600.0  # the longest time in which new targets are not noticed


async def keep(
    held: Mapping[TargetKey, Held], box: Mailbox[TargetKey, Errand], clock: Clock, interval: float
) -> None:
    """Ask for the next target's audit, one after the other, for ever."""
    due: dict[TargetKey, float] = {}
    asked: dict[TargetKey, float] = {}  # since when an audit is to come
    look = min(LOOK, interval / 10)
    while True:
        now = clock.boottime()
        for key in [key for key in due if key not in held]:
            del due[key]
            asked.pop(key, None)
        for key, known in held.items():
            if known.work is None or known.leave is not None or not heal.reverts(known.work):
                continue
            if key not in due:
                # The first comes anywhere within the interval, so that targets made at once part ways.
                due[key] = now + clock.jitter(interval / 2, 1.0)
            elif due[key] > now:
                continue
            elif known.audited >= asked.setdefault(key, now):
                due[key] = asked.pop(key) + clock.jitter(interval)
            else:
                due[key] = now + look
                box.put(key, replace(known.work, mode=Mode.AUDIT, lane=Lane.AUDIT), lane=Lane.AUDIT)
        await clock.sleep(min([look, *(max(1.0, at - now) for at in due.values())]))
