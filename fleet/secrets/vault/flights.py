"""Equal questions in flight are one: whoever asks while one is on its way gets its answer.

Contract: on one loop. Nothing is kept once the answer is there. An asker that is cancelled takes nothing from the
others; an error reaches each of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Generic, TypeVar

from fleet import ending

V = TypeVar("V")


class Flights(Generic[V]):
    """See the module."""

    def __init__(self) -> None:
        self._tasks: dict[Hashable, asyncio.Task[V]] = {}

    async def join(self, key: Hashable, start: Callable[[], Awaitable[V]]) -> V:
        """The answer for a key; ``start`` asks where nobody does."""
        task = self._tasks.get(key)
        if task is None:
            task = asyncio.ensure_future(_run(start))
            self._tasks[key] = task
            task.add_done_callback(lambda done: self._landed(key, done))
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Give up what is in flight."""
        await ending.end(self._tasks.values())

    def _landed(self, key: Hashable, task: asyncio.Task[Any]) -> None:
        if self._tasks.get(key) is task:
            del self._tasks[key]
        if not task.cancelled():
            task.exception()  # all who asked may have gone


async def _run(start: Callable[[], Awaitable[V]]) -> V:
    return await start()
