"""Tasks that are ended end, also those that lose the first word for a failure that comes with it."""

from __future__ import annotations

import asyncio

import pytest

from fleet import ending
from fleet.errors import Unreachable
from fleet.sync.together import together

SOON = 0.01


async def _fails() -> None:
    raise Unreachable("the connection broke")


async def _cleans_up() -> None:
    """A part that takes a while to end, once it is told to."""
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(10 * SOON)


async def _goes_on(parts: list[str]) -> None:
    """Tries again after each failure, as whoever serves a queue does."""
    while True:
        parts.append("begun")
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_fails())
                group.create_task(_cleans_up())
        except* Unreachable:
            await asyncio.sleep(60)


async def test_who_lost_the_first_word_is_told_again() -> None:
    parts: list[str] = []
    task = asyncio.ensure_future(_goes_on(parts))
    await asyncio.sleep(SOON)
    await ending.end([task], 20 * SOON)
    assert task.cancelled()
    assert parts == ["begun"]


async def test_ends_of_every_kind_are_waited_for() -> None:
    async def slow() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(SOON)
            raise ValueError from None

    tasks = [asyncio.ensure_future(one) for one in (slow(), _fails(), asyncio.sleep(0), asyncio.sleep(60))]
    await asyncio.sleep(SOON)
    await ending.end(tasks)
    assert all(task.done() for task in tasks)


async def test_who_is_cancelled_while_ending_tasks_ends_them_first() -> None:
    part = asyncio.ensure_future(_cleans_up())
    await asyncio.sleep(SOON)
    whole = asyncio.ensure_future(ending.end([part]))
    await asyncio.sleep(SOON)
    whole.cancel()
    with pytest.raises(asyncio.CancelledError):
        await whole
    assert part.cancelled()


async def test_requests_that_end_after_a_failure_do_not_hide_that_they_are_cancelled() -> None:
    async def failing() -> str:
        try:
            await together([_fails(), _cleans_up()])
        except Unreachable:
            return "goes on"
        return "no failure"

    task = asyncio.ensure_future(failing())
    await asyncio.sleep(SOON)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_failure_of_one_request_is_raised_within_a_time_limit_as_it_is() -> None:
    with pytest.raises(Unreachable):
        async with asyncio.timeout(10):
            await together([_fails(), _cleans_up()])
