"""Several requests at once, of which none outlives the first failure.

Contract: results in the order given; the first error is raised as it is, and the others are cancelled and
awaited, so that nothing goes on unwatched. How many really are in flight is the client's budget to say.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

Result = TypeVar("Result")


async def together(work: Sequence[Coroutine[Any, Any, Result]]) -> list[Result]:
    """All results."""
    if len(work) == 1:  # most often, and then a task would be for nothing
        return [await work[0]]
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in work]
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in tasks]
