"""What is left of a hub that has ended, however it did."""

from __future__ import annotations

import asyncio
import contextlib

from tests.stage.theatre import Theatre


def _kopfs() -> list[str]:
    return [
        task.get_name()
        for task in asyncio.all_tasks()
        if "kopf" in getattr(getattr(task.get_coro(), "cr_code", None), "co_filename", "")
    ]


async def test_a_hub_whose_watch_has_failed_leaves_no_other_watch_behind(theatre: Theatre) -> None:
    await theatre.start()
    running, theatre.running = theatre.running, None
    assert running is not None
    watches = [task for task in asyncio.all_tasks() if task.get_name().startswith("watcher for")]
    assert len(watches) > 1
    watches[0].cancel()  # one of them ends by itself, as after an error
    with contextlib.suppress(Exception):
        await asyncio.wait_for(running.task, 20)
    assert _kopfs() == []


async def test_a_hub_that_is_cancelled_while_it_stops_leaves_no_watch_behind(theatre: Theatre) -> None:
    await theatre.start()
    running, theatre.running = theatre.running, None
    assert running is not None
    assert _kopfs()
    running.stop.set()
    while not running.task.done():
        await asyncio.sleep(0)
        running.task.cancel()
    assert _kopfs() == []
