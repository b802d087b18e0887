"""A worker whose cluster does not answer."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from fleet.clock import Clock
from fleet.errors import Unreachable
from fleet.kube.connection import Connection
from fleet.worker.worker import Ground, Reached, Worker
from tests.stage.api import until
from tests.unit.worker.played import work


class Dead:
    """A cluster that is gone."""

    async def send(self, _: object) -> None:
        """There is no answer."""
        raise Unreachable("no connection")

    async def close(self, *, for_good: bool = False) -> None:
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


async def test_what_counts_no_more_when_it_has_connected_is_not_worked_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A credential, an address or a scope that is replaced while a connection is made."""
    connecting, goes_on = asyncio.Event(), asyncio.Event()
    met: list[object] = []

    async def connect(*_: object, **__: object) -> object:
        connecting.set()
        await goes_on.wait()
        return SimpleNamespace(discovery=SimpleNamespace(version="v1.36.0"))

    monkeypatch.setattr("fleet.worker.worker.connect", connect)
    report: Any = SimpleNamespace(
        reach=lambda _: None, heard=lambda _: None, met=lambda _: met.append(asked[-1])
    )
    anything: Any = None
    asked: list[object] = []

    def client(connection: object, *_: object) -> Any:
        asked.append(connection)
        return Dead()

    ground = Ground(client, Clock(), report, anything, lambda _: True, anything, "hub")
    first, second = Connection("https://first.example"), Connection("https://second.example")
    worker = Worker("eu", Reached(first), ground, "fleethub-system", leased=False)
    await connecting.wait()
    worker.swap(Reached(second))
    goes_on.set()

    async def again() -> bool:
        return asked == [first, second]

    await until(again, what="it connects by the new one")
    assert first not in met, "nothing was done by the former one"
    await worker.stop()
