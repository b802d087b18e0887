"""What is left of a hub that has ended."""

from __future__ import annotations

import asyncio

from tests.stage.theatre import Theatre


def _kopfs() -> list[str]:
    return [
        task.get_name()
        for task in asyncio.all_tasks()
        if "kopf" in getattr(getattr(task.get_coro(), "cr_code", None), "co_filename", "")
    ]


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
