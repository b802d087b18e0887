"""Waiting for a state of the world: look, show, look again.

Contract: a server that does not answer, or has too much to do, for a moment ends no wait: it is shown, and looked again
until the time is over. What only a person changes (a credential, a right, a kind that is not installed) ends it at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from fleet.cli import errors
from fleet.cli.progress import Progress
from fleet.errors import FleetError, Forbidden, KindUnknown, Throttled

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

FIRST: Final = 0.2
LONGEST: Final = 1.0


class Look(NamedTuple):
    """What one look found: whether it is so, and the lines that show how it stands."""

    done: bool
    lines: tuple[str, ...]


def passes(error: FleetError) -> bool:
    """Whether the next look may find an answer without anybody's doing."""
    return error.transient and not isinstance(error, Forbidden | KindUnknown)


async def until(look: Callable[[], Awaitable[Look]], *, timeout: float, what: str) -> Look:  # noqa: ASYNC109 (exit code)
    """Look until it is so. Raises CliError: 4 out of time, 3 where ``timeout`` 0 asked for one look only.

    A FleetError of ``look`` is raised where it does not pass by itself, and where there is one look only.
    """
    import asyncio  # noqa: PLC0415
    import time  # noqa: PLC0415

    end = time.monotonic() + timeout
    delay = FIRST
    with Progress() as progress:
        while True:
            asked = 0.0
            try:
                found = await look()
            except FleetError as error:
                if timeout <= 0 or not passes(error):
                    raise
                progress.trouble(error.text)
                last = error.text
                asked = error.retry_after if isinstance(error, Throttled) else 0.0
            else:
                if found.done:
                    return found
                progress.show(found.lines)
                last = "; ".join(found.lines)
            left = end - time.monotonic()
            if left <= 0:
                break
            await asyncio.sleep(min(max(delay, asked), left))
            delay = min(delay * 1.5, LONGEST)
    if timeout <= 0:
        raise errors.CliError(f"{what}: not yet so: {last}", code=errors.NOT_YET)
    raise errors.CliError(
        f"{what}: not so after {timeout:.0f} s: {last}", hint="Give --timeout", code=errors.OUT_OF_TIME
    )
