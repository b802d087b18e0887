"""How tasks end: told again until they have, and what has to be brought to its end is, whoever calls it off.

Contract: on one loop; what tasks end with is nobody's news any more. A word to end can get lost: `asyncio.gather`,
`asyncio.TaskGroup` before Python 3.13 and `asyncio.wait_for` before 3.12 raise the failure of one of their parts in its
place where both come at once, as they do where a connection breaks that is given up; whoever goes on after failures
then goes on for ever, and who waits for its end too.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable

AGAIN: Final = 1.0  # seconds until what has not ended is told again; what cleans up behind itself takes less


async def end(tasks: Iterable[asyncio.Future[Any]], again: float = AGAIN) -> None:
    """Cancel tasks and return once all have ended; cancelled meanwhile, raise CancelledError only then."""
    given = tuple(tasks)
    left = {task for task in given if not task.done()}
    cancelled = False
    while left:
        for task in left:
            task.cancel()
        try:
            _, left = await asyncio.wait(left, timeout=again)
        except asyncio.CancelledError:
            cancelled = True
            left = {task for task in left if not task.done()}
    for task in given:
        if not task.cancelled():
            task.exception()  # or the loop says that nobody asked for it
    if cancelled:
        raise asyncio.CancelledError


async def whole(work: Coroutine[Any, Any, Any] | asyncio.Future[Any]) -> None:
    """Carry it to its end, however often this task is cancelled meanwhile; only then raise CancelledError, or its error."""
    task = asyncio.ensure_future(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        if not task.cancelled():
            task.exception()
        raise asyncio.CancelledError
    await task
