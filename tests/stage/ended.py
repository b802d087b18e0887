"""Waits for a hub's end; where it does not come, the failure says what each task waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

PATIENCE: Final = 60.0  # seconds


async def ended(task: asyncio.Future[Any], what: str = "the hub") -> None:
    """Wait until a task has ended, however it did."""
    await asyncio.wait({task}, timeout=PATIENCE)
    if not task.done():
        told = "\n".join(
            f"{one.get_name()}: {' > '.join(_waits(one.get_coro()))}" for one in asyncio.all_tasks()
        )
        raise AssertionError(f"{what} has not ended after {PATIENCE:g} s; these wait:\n{told}")
    if not task.cancelled():
        task.exception()


def _waits(found: Any) -> Iterator[str]:
    """Where a coroutine stands, from the outermost frame to the innermost."""
    while found is not None:
        for kind in ("cr", "ag", "gi"):
            frame = getattr(found, f"{kind}_frame", None)
            if frame is not None:
                code = frame.f_code
                yield f"{Path(code.co_filename).name}:{frame.f_lineno} {code.co_name}"
                break
        found = (
            getattr(found, "cr_await", None)
            or getattr(found, "ag_await", None)
            or getattr(found, "gi_yieldfrom", None)
        )
