"""Who stands for which version, and when that is looked at again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from fleet.clock import Clock
from fleet.errors import FleetError
from fleet.hub.refresh import AGAIN, Refresh
from fleet.model import ApplicationKey, Manifest, ObjectRef, Origin, TargetKey
from fleet.secrets.version import Stamped
from fleet.worker.resolver import Asked

APP = ApplicationKey("fleethub", "app")
DB = ObjectRef("", "Secret", "shop", "db")


def asked(cluster: str) -> Asked:
    return Asked(Manifest(DB, "v1", b"{}", Origin("a")), TargetKey(APP, cluster))


class Stage:
    """A store of which a test says what it holds, and whoever is touched."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.version = "1"
        self.error: FleetError | None = None
        self.looks = 0
        self.touched: list[str] = []
        self.refresh = Refresh(self._stamp, lambda target: self.touched.append(target.cluster), self.clock)

    async def _stamp(self, asked: Asked, fresh: bool) -> Stamped:  # noqa: ARG002, FBT001
        self.looks += 1
        if self.error is not None:
            raise self.error
        return self.stamped()

    def stamped(self) -> Stamped:
        return Stamped(self.version, interval=100.0, sources=(("secret/db", self.version),))

    def told(self, *clusters: str) -> None:
        for cluster in clusters:
            self.refresh.told(asked(cluster), self.stamped())

    async def after(self, seconds: float) -> None:
        self.clock.advance(seconds)
        for _ in range(20):
            await asyncio.sleep(0)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    found = Stage()
    task = asyncio.ensure_future(found.refresh.run())
    await asyncio.sleep(0)
    yield found
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_nobody_is_touched_while_the_version_stands(stage: Stage) -> None:
    stage.told("eu")
    await stage.after(99)
    assert stage.looks == 0
    await stage.after(2)
    assert (stage.looks, stage.touched) == (1, [])
    await stage.after(101)
    assert (stage.looks, stage.touched) == (2, [])


async def test_whoever_shares_what_moved_is_looked_at_then(stage: Stage) -> None:
    stage.told("eu")
    await stage.after(60)
    stage.told("us")
    stage.version = "2"
    await stage.after(41)
    assert sorted(stage.touched) == ["eu", "us"]


async def test_what_cannot_be_told_is_told_once_and_asked_again(stage: Stage) -> None:
    stage.told("eu")
    stage.error = FleetError("sealed")
    await stage.after(101)
    assert stage.touched == ["eu"]
    await stage.after(AGAIN * 1.3)
    assert (stage.looks, stage.touched) == (2, ["eu"])
    stage.error = None
    await stage.after(AGAIN * 1.3)
    assert stage.touched == ["eu", "eu"]


async def test_what_a_target_has_no_more_is_followed_no_more(stage: Stage) -> None:
    stage.told("eu", "us")
    stage.refresh.retain(TargetKey(APP, "eu"), frozenset())
    assert len(stage.refresh) == 1
    await stage.after(101)
    assert stage.looks == 1


async def test_a_word_has_them_looked_at_now(stage: Stage) -> None:
    stage.told("eu")
    stage.refresh.look(lambda key: key[0].application == APP, fresh=True)
    await stage.after(0)
    assert stage.looks == 1
