"""What is left of a hub that has ended, however it did."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from fleet import names
from tests.stage.api import until
from tests.stage.theatre import Theatre


def _kopfs() -> list[str]:
    return [
        task.get_name()
        for task in asyncio.all_tasks()
        if "kopf" in getattr(getattr(task.get_coro(), "cr_code", None), "co_filename", "")
    ]


async def _watches() -> list[asyncio.Task[object]]:
    """The operator's watches of the hub's three kinds, once they are there."""

    async def look() -> list[asyncio.Task[object]] | None:
        found = [task for task in asyncio.all_tasks() if task.get_name().startswith("watcher for")]
        return found if len(found) == len(names.HUB_KINDS) else None

    watches: list[asyncio.Task[object]] = await until(look, 30, what="each kind is watched")
    return watches


async def test_a_hub_whose_watch_has_failed_leaves_no_other_watch_behind(theatre: Theatre) -> None:
    await theatre.start()
    watches = await _watches()
    running, theatre.running = theatre.running, None
    assert running is not None
    watches[0].cancel()  # one of them ends by itself, as after an error
    with contextlib.suppress(Exception):
        await asyncio.wait_for(running.task, 20)
    assert _kopfs() == []


async def test_a_hub_that_is_cancelled_while_it_stops_leaves_no_watch_behind(theatre: Theatre) -> None:
    await theatre.start()
    await _watches()
    running, theatre.running = theatre.running, None
    assert running is not None
    running.stop.set()
    while not running.task.done():
        await asyncio.sleep(0)
        running.task.cancel()
    assert _kopfs() == []


async def test_a_stop_while_a_failed_hub_ends_gives_the_lease_back_and_hides_no_failure(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = await theatre.start()
    running, theatre.running = theatre.running, None
    assert running is not None
    stopping = asyncio.Event()

    async def slowly(timeout: float) -> bool:
        stopping.set()
        await asyncio.sleep(min(timeout, 1.0))
        return True

    def broken() -> None:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(hub.statuses, "flush", slowly)
    monkeypatch.setattr(hub.clearing, "look", broken)
    hub.clearing.wake()
    await asyncio.wait_for(stopping.wait(), 20)
    running.stop.set()
    with pytest.raises(RuntimeError, match="on purpose"):
        await running.task
    lease = await theatre.api.get("Lease", names.HUB_LEASE, names.HUB_NAMESPACE)
    assert lease is not None
    assert not lease["spec"].get("holderIdentity")
