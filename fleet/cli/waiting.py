"""Waiting for a state of the world: look, show, look again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from fleet.cli import errors
from fleet.cli.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

FIRST: Final = 0.2
LONGEST: Final = 1.0


class Look(NamedTuple):
    """What one look found: whether it is so, and the lines that show how it stands."""

    done: bool
    lines: tuple[str, ...]


async def until(look: Callable[[], Awaitable[Look]], *, timeout: float, what: str) -> Look:  # noqa: ASYNC109 (exit code)
    """Look until it is so. Raises CliError: 4 out of time, 3 where ``timeout`` 0 asked for one look only."""
    import asyncio  # noqa: PLC0415
    import time  # noqa: PLC0415

    end = time.monotonic() + timeout
    delay = FIRST
    with Progress() as progress:
        while True:
            found = await look()
            if found.done:
                return found
            progress.show(found.lines)
            left = end - time.monotonic()
            if left <= 0:
                break
            await asyncio.sleep(min(delay, left))
            delay = min(delay * 1.5, LONGEST)
    last = "; ".join(found.lines)
    if timeout <= 0:
        raise errors.CliError(f"{what}: not yet so: {last}", code=errors.NOT_YET)
    raise errors.CliError(
        f"{what}: not so after {timeout:.0f} s: {last}", hint="Give --timeout", code=errors.OUT_OF_TIME
    )
