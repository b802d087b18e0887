"""A repository is looked at for ever, whatever happens to those who are told."""

from __future__ import annotations

import asyncio
from unittest.mock import AsyncMock, MagicMock

import pytest

from fleet.clock import Clock
from fleet.errors import RepositoryUnreachable
from fleet.git.refs import Refs
from fleet.world import repositories
from fleet.world.repositories import How, Repository


async def test_who_is_told_and_breaks_does_not_end_the_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repositories, "FIRST_RETRY", 0.01)
    refs = Refs({"refs/heads/main": "1" * 40}, {}, "refs/heads/main")
    mirror = MagicMock(ls_remote=AsyncMock(return_value=refs), fetch=AsyncMock(return_value=refs))
    repository = Repository("https://forge/r.git", mirror, Clock(), 0.01)
    told = asyncio.Event()
    broken = [OSError(24, "too many open files")]

    async def moved(_: Repository) -> None:
        if broken:
            raise broken.pop()
        told.set()

    repository.moved = moved
    looking = asyncio.ensure_future(repository.run())
    try:
        await asyncio.wait_for(told.wait(), 5)
        assert repository.error is None
    finally:
        looking.cancel()


async def test_a_look_says_what_it_came_by_and_when_the_next_one_is() -> None:
    refs = Refs({"refs/heads/main": "1" * 40}, {}, "refs/heads/main")
    looks: list[asyncio.Future[Refs]] = []

    def look(*_: object) -> asyncio.Future[Refs]:
        looks.append(asyncio.get_running_loop().create_future())
        return looks[-1]

    mirror = MagicMock(ls_remote=MagicMock(side_effect=look), fetch=AsyncMock(return_value=refs))
    clock = Clock()
    repository = Repository("https://forge/r.git", mirror, clock, 100.0)
    looking = asyncio.ensure_future(repository.run())

    async def ended(count: int) -> None:
        for _ in range(500):
            if len(looks) == count and not looks[-1].done():
                looks[-1].set_result(refs)
            if len(looks) >= count and repository.due:
                return
            await asyncio.sleep(0.01)
        raise AssertionError

    try:
        await ended(1)
        assert repository.how is How.START
        assert 80.0 < repository.due - clock.now() < 120.0
        repository.due = 0.0
        clock.advance(200)
        await ended(2)
        assert repository.how is How.POLL
        mirror.fetch.side_effect = RepositoryUnreachable("no route")
        repository.due = 0.0
        repository.nudge("2" * 40, How.WEBHOOK)
        await ended(2)
        # That one brought nothing: the last that did stands, and since when none does.
        assert repository.how is How.POLL
        assert repository.failing
    finally:
        looking.cancel()
