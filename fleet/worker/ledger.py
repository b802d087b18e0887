"""One write an object in flight, and what is known after each.

Contract: ``write`` holds an object's lock for the length of a write. While it is held, what watches bring of
that object is kept back (the newest only) and handed to ``released`` afterwards, so that no event is judged
against a memory that the answer is about to change. A write whose answer was not read makes the object
*unknown*: it must be read again before anything is concluded from memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fleet.errors import Unanswered
from fleet.model import Meta, ObjectRef

Late = tuple[Meta | None, dict[str, object] | None]


class Ledger:
    """Locks and unknowns of one cluster; bounded by the writes in flight and not yet read again."""

    def __init__(self, released: Callable[[ObjectRef, Late], None]) -> None:
        self._released = released
        self._locks: dict[ObjectRef, tuple[asyncio.Lock, int]] = {}
        self._late: dict[ObjectRef, Late] = {}
        self._unknown: set[ObjectRef] = set()

    @asynccontextmanager
    async def write(self, ref: ObjectRef) -> AsyncIterator[None]:
        """Hold the object for one write."""
        lock, users = self._locks.get(ref, (None, 0))
        if lock is None:
            lock = asyncio.Lock()
        self._locks[ref] = (lock, users + 1)
        try:
            async with lock:
                try:
                    yield
                except (Unanswered, asyncio.CancelledError):
                    self._unknown.add(ref)
                    raise
        finally:
            users = self._locks[ref][1] - 1
            if users:
                self._locks[ref] = (lock, users)
            else:
                del self._locks[ref]
                late = self._late.pop(ref, None)
                if late is not None:
                    self._released(ref, late)

    def held(self, ref: ObjectRef) -> bool:
        """Whether a write of the object is in flight."""
        return ref in self._locks

    def late(self, ref: ObjectRef, meta: Meta | None, body: dict[str, object] | None) -> None:
        """Keep back what a watch brought of an object in flight."""
        self._late[ref] = (meta, body)

    def unknown(self, ref: ObjectRef) -> bool:
        """Whether the answer of the last write was not read."""
        return ref in self._unknown

    def known(self, ref: ObjectRef) -> None:
        """The object was read, or a write of it was answered."""
        self._unknown.discard(ref)
