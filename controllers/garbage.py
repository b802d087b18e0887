"""When the process looks for cycles of objects that nobody holds: when it has nothing else to do.

Contract: ``begin`` once, before the loop; ``keep`` for ever. What is kept of objects has no cycles and goes by itself;
failures leave some behind. By its own rule Python looks through everything whenever a quarter has been added: at
2,000 Applications that held all else up for 0.3 to 0.6 s each time, in the middle of commits, and was a tenth of
the CPU while a fleet was taken up.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from typing import Final

YOUNG: Final = 5_000  # new objects that outlive their makers, before these are looked through
MIDDLE: Final = 20  # such looks, before what was left of them is
NEVER: Final = 1_000_000_000
LOOK: Final = 30.0  # seconds
# Looks at the middle since everything was looked through: 500,000 objects that stayed, and ten times that.
DUE: Final = 5
OVERDUE: Final = 50


def begin() -> None:
    """Leave out what has been loaded, which stays, and have nobody but ``keep`` look through everything."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, NEVER)


async def keep(busy: Callable[[], bool]) -> None:
    """Look through everything once that is due and nothing is ``busy``, or when it cannot wait any longer."""
    while True:
        await asyncio.sleep(LOOK)
        since = gc.get_count()[2]
        if since >= OVERDUE or (since >= DUE and not busy()):
            gc.collect()
