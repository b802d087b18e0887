"""A worker whose cluster does not answer."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from fleet.clock import Clock
from fleet.errors import Unreachable
from fleet.worker.worker import Ground, Reached, Worker
from tests.unit.worker.played import work


class Dead:
    """A cluster that is gone."""

    async def send(self, _: object) -> None:
        """There is no answer."""
        raise Unreachable("no connection")

    async def close(self) -> None:
        """There is nothing to close."""


async def test_what_waits_for_a_cluster_that_is_gone_does_not_make_the_hub_busy() -> None:
    report: Any = SimpleNamespace(reach=lambda _: None, heard=lambda _: None)
    anything: Any = None
    client: Any = lambda *_: Dead()  # noqa: E731 (a factory)
    ground = Ground(client, Clock(), report, anything, lambda _: True, anything, "hub")
    worker = Worker("eu", Reached(anything), ground, "fleethub-system", leased=False)
    for number in range(10):
        worker.offer(work(f"app-{number}"))
    await asyncio.sleep(0.05)
    assert sum(worker.depth()) == 10
    assert not worker.busy(), "a search for garbage, and statuses, would wait for it for ever"
    await worker.stop()
