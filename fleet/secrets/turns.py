"""Turns: threads that everybody shares, of which each has only so many jobs in the queue at once.

Contract: on one loop. What is queued is served in the order in which it came, and of one key no more than ``each`` batches are:
so whoever comes with one job waits for some of each other key, however many those still have. A job is short and blocks.
A crowd goes to the threads in batches, since changing threads costs a tenth of an RSA operation. Nothing is kept of a key
that has no job.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Executor

    Job = tuple[Callable[[], Any], asyncio.Future[Any]]
    Result = tuple[Any, BaseException | None]

BATCH: Final = 8
T = TypeVar("T")


@dataclass(slots=True)
class _Turn:
    """The jobs of one key that are not queued yet, and how many batches of it are."""

    waiting: deque[Job] = field(default_factory=deque, repr=False)
    queued: int = 0


class Turns:
    """See the module."""

    def __init__(self, pool: Executor, each: int) -> None:
        self._pool = pool
        self._each = each
        self._turns: dict[Hashable, _Turn] = {}

    async def run(self, key: Hashable, job: Callable[[], T]) -> T:
        """Do a job in a thread when it is its turn; what it raises is raised."""
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        turn = self._turns.setdefault(key, _Turn())
        turn.waiting.append((job, done))
        self._queue(key, turn)
        return await done

    def __len__(self) -> int:
        return len(self._turns)

    def _queue(self, key: Hashable, turn: _Turn) -> None:
        while turn.waiting and turn.queued < self._each:
            # No more than a share of them: the other threads are to have their part.
            count = min(BATCH, -(-len(turn.waiting) // self._each))
            batch = [turn.waiting.popleft() for _ in range(count)]
            batch = [one for one in batch if not one[1].done()]  # nobody waits for it any more
            if batch:
                turn.queued += 1
                ended = asyncio.get_running_loop().run_in_executor(self._pool, _blocking, batch)
                ended.add_done_callback(partial(self._ended, key, turn, batch))
        if not turn.waiting and not turn.queued:
            self._turns.pop(key, None)

    def _ended(
        self, key: Hashable, turn: _Turn, batch: list[Job], ended: asyncio.Future[Sequence[Result]]
    ) -> None:
        turn.queued -= 1
        if ended.cancelled():  # the threads are let go
            for _, done in (*batch, *turn.waiting):
                done.cancel()
            turn.waiting.clear()
        else:
            for (_, done), (found, error) in zip(batch, ended.result(), strict=True):
                if done.done():
                    continue
                if error is not None:
                    done.set_exception(error)
                else:
                    done.set_result(found)
        self._queue(key, turn)


def _blocking(batch: list[Job]) -> Sequence[Result]:
    """Runs in a thread; what one raises is its own."""
    found: list[Result] = []
    for job, done in batch:
        try:
            found.append((None if done.cancelled() else job(), None))
        except Exception as error:  # noqa: BLE001 (whatever it is, it is raised where the job came from)
            found.append((None, error))
        except BaseException as error:  # noqa: BLE001 (a panic of a library: nobody may wait for ever for its neighbours)
            found.append((None, RuntimeError(f"a job ended with {type(error).__name__}")))
    return found
