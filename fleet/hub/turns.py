"""Turns: how many Applications are looked at at once, and that none of them waits with one in hand.

Contract: each look is a task of its own, and holds a turn while it works. A server or a
program that a team chose takes as long as it likes: who waits for it gives the turn to others meanwhile, and takes
one again afterwards. So what hangs delays those alone who asked for it. All looks end with ``serve``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from fleet import ending
from fleet.mailbox import Claim, Mailbox
from fleet.model import ApplicationKey

TURNS: Final = 8

Asked = Claim[ApplicationKey, None]
T = TypeVar("T")


class Turn:
    """The turn of one look, which its parts share. ``free`` counts those that nobody has; by default there is one."""

    def __init__(self, free: asyncio.Semaphore | None = None) -> None:
        self._free = free or asyncio.Semaphore()
        self._taking = asyncio.Lock()
        self._held = False
        self._over = asyncio.Event()

    async def take(self) -> None:
        """Wait for a turn, unless it is held already, or the look is over."""
        async with self._taking:  # several parts may come back at once
            if self._held or self._over.is_set():
                return
            await self._free.acquire()
            self._held = True
            if self._over.is_set():
                self._give()

    async def aside(self, work: Awaitable[T]) -> T:
        """Wait for it while others have the turn. Who is cancelled waits for no other."""
        self._give()
        try:
            found = await work
        except Exception:
            await self.take()
            raise
        await self.take()
        return found

    def end(self) -> None:
        """The look is over; a part of it that goes on takes nothing any more."""
        self._over.set()
        self._give()

    def _give(self) -> None:
        if self._held:
            self._held = False
            self._free.release()


async def serve(
    queue: Mailbox[ApplicationKey, None], look: Callable[[Asked, Turn], Awaitable[None]], turns: int = TURNS
) -> None:
    """Look at what is due for ever; cancelled, return when the last look has ended."""
    free = asyncio.Semaphore(turns)
    looks: set[asyncio.Task[None]] = set()
    try:
        while True:
            claim, turn = await queue.take(), Turn(free)
            await turn.take()
            task = asyncio.ensure_future(_looked(queue, claim, turn, look))
            looks.add(task)
            task.add_done_callback(looks.discard)
    finally:
        await ending.end(looks)


async def _looked(
    queue: Mailbox[ApplicationKey, None],
    claim: Asked,
    turn: Turn,
    look: Callable[[Asked, Turn], Awaitable[None]],
) -> None:
    try:
        await look(claim, turn)
    finally:
        turn.end()
        queue.done(claim)
