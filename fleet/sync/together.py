"""Several requests at once, of which none outlives the first failure.

Contract: results in the order given; the first error is raised as it is, and the others are cancelled and
awaited, so that nothing goes on unwatched. Cancelled meanwhile, it is cancelled, whatever failed: that is why no
`asyncio.TaskGroup` stands here, which drops the one for the other before Python 3.13. How many really are in flight is
the client's budget to say.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from fleet import ending

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

Result = TypeVar("Result")


async def together(work: Sequence[Coroutine[Any, Any, Result]]) -> list[Result]:
    """All results."""
    if len(work) <= 1:  # most often, and then a task would be for nothing
        return [await one for one in work]
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        failed = [task for task in tasks if task in done and (task.cancelled() or task.exception())]
    finally:
        await ending.end(tasks)
    return [task.result() for task in failed or tasks]
