"""Who waits for a stranger's server has no turn meanwhile, and all looks end with the hub."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast
from unittest.mock import MagicMock

import pytest

from fleet import ending
from fleet.clock import Clock
from fleet.errors import SourceError
from fleet.git.refs import Refs
from fleet.hub.grounds import Grounds, Wanted
from fleet.hub.turns import TURNS, Asked, Turn, serve
from fleet.mailbox import Mailbox
from fleet.model import ApplicationKey
from fleet.render.ground import RemoteChart, RemoteFolder
from fleet.world.charts import Charts
from fleet.world.repositories import Repository

PLAIN = ApplicationKey("team-a", "plain")
SLOW = [ApplicationKey("team-b", f"slow-{number}") for number in range(3 * TURNS)]
REPO = "https://forge.example/r.git"
COMMIT = "c" * 40
SOON = 5.0


class Stage:
    """Looks at Applications whose sources another's server does not give before it is ``open``."""

    def __init__(self, folder: Path) -> None:
        self.queue: Mailbox[ApplicationKey, None] = Mailbox(Clock())
        self.open = asyncio.Event()
        self.waiting: set[ApplicationKey] = set()
        self.looked: list[ApplicationKey] = []
        self.charts = Charts(lambda *_: cast("Any", self), folder, Clock(), 100.0)
        mirror = MagicMock(known=lambda _: False, bring=self._given)
        self.repository = Repository(REPO, mirror, Clock(), 100.0)
        self.repository._refs = Refs({"main": "1" * 40}, {}, "refs/heads/main")
        self.grounds = Grounds(MagicMock(get=lambda _: self.repository), self.charts)
        self.wants = self.chart

    async def get(self, *_: object, **__: object) -> Any:
        """What a chart repository answers."""
        await self._given()

    async def _given(self, *_: object) -> None:
        await self.open.wait()
        raise SourceError("it does not answer")

    async def look(self, claim: Asked, turn: Turn) -> None:
        if claim.key != PLAIN:
            self.waiting.add(claim.key)
            with contextlib.suppress(SourceError):
                await self.wants(claim.key, turn)
            self.waiting.discard(claim.key)
        self.looked.append(claim.key)

    async def chart(self, key: ApplicationKey, turn: Turn) -> None:
        await self.grounds.resolve([Wanted(f"https://{key.name}.example", "1.0.0", "web")], turn)

    async def dependency(self, key: ApplicationKey, turn: Turn) -> None:
        await self.grounds.fetch(
            MagicMock(), [RemoteChart(f"https://{key.name}.example", "1.0.0", "web")], turn
        )

    async def commit(self, _: ApplicationKey, turn: Turn) -> None:
        await self.grounds.resolve([Wanted(REPO, COMMIT)], turn)

    async def base(self, _: ApplicationKey, turn: Turn) -> None:
        await self.grounds.fetch(MagicMock(), [RemoteFolder(REPO, COMMIT, "base")], turn)


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    made = Stage(tmp_path)
    serving = asyncio.ensure_future(serve(made.queue, made.look))
    yield made
    await ending.end([serving])
    await made.charts.close()


@pytest.mark.parametrize("what", ["chart", "dependency", "commit", "base"])
async def test_sources_that_hang_delay_those_alone_who_name_them(stage: Stage, what: str) -> None:
    stage.wants = getattr(stage, what)
    for key in SLOW:
        stage.queue.put(key, None)
    stage.queue.put(PLAIN, None)
    await until(lambda: PLAIN in stage.looked)
    assert stage.looked == [PLAIN]
    assert stage.waiting == {*SLOW}
    stage.open.set()
    await until(stage.queue.idle)
    assert {*stage.looked} == {PLAIN, *SLOW}


async def test_a_key_whose_look_waits_is_not_handed_out_again(stage: Stage) -> None:
    stage.queue.put(SLOW[0], None)
    stage.queue.put(PLAIN, None)
    await until(lambda: PLAIN in stage.looked)
    stage.queue.put(SLOW[0], None)
    stage.queue.put(PLAIN, None)
    await until(lambda: len(stage.looked) > 1)
    assert stage.looked == [PLAIN, PLAIN]
    stage.open.set()
    await until(stage.queue.idle)
    assert stage.looked == [PLAIN, PLAIN, SLOW[0], SLOW[0]]


async def test_no_more_work_at_once_than_there_are_turns_also_when_all_come_back_together() -> None:
    queue: Mailbox[ApplicationKey, None] = Mailbox(Clock())
    answered, most, working, over = asyncio.Event(), 0, 0, 0

    async def look(_: Asked, turn: Turn) -> None:
        nonlocal most, working, over
        await turn.aside(answered.wait())
        working += 1
        most = max(most, working)
        await asyncio.sleep(0.001)
        working -= 1
        over += 1

    for key in SLOW:
        queue.put(key, None)
    serving = asyncio.ensure_future(serve(queue, look, turns=3))
    await until(lambda: queue.depth() == (0,))
    answered.set()
    await until(lambda: over == len(SLOW))
    await ending.end([serving])
    assert most == 3


async def test_a_stop_ends_every_look_and_comes_back_when_all_have_ended() -> None:
    queue: Mailbox[ApplicationKey, None] = Mailbox(Clock())
    begun, ended = set(), set()

    async def look(claim: Asked, turn: Turn) -> None:
        begun.add(claim.key)
        try:
            await turn.aside(asyncio.Event().wait())
        finally:
            await asyncio.sleep(0.02)  # as a git takes that has to be killed
            ended.add(claim.key)

    for key in SLOW:
        queue.put(key, None)
    serving = asyncio.ensure_future(serve(queue, look))
    await until(lambda: len(begun) == len(SLOW))
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    assert ended == begun == {*SLOW}


async def test_a_part_that_outlives_its_look_keeps_no_turn() -> None:
    free = asyncio.Semaphore(1)
    turn, answered = Turn(free), asyncio.Event()
    await turn.take()
    part = asyncio.ensure_future(turn.aside(answered.wait()))
    await asyncio.sleep(0)
    await free.acquire()
    answered.set()
    await asyncio.sleep(0.01)
    turn.end()
    free.release()
    await part
    assert not free.locked()


async def test_parts_of_one_look_that_come_back_together_take_one_turn() -> None:
    free = asyncio.Semaphore(1)
    turn, answered = Turn(free), asyncio.Event()
    await turn.take()
    parts = [asyncio.ensure_future(turn.aside(answered.wait())) for _ in range(3)]
    await asyncio.sleep(0)
    assert not free.locked()
    answered.set()
    await asyncio.wait_for(asyncio.gather(*parts), SOON)
    assert free.locked()
    turn.end()
    assert not free.locked()
