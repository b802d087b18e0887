"""A repository is looked at for ever, whatever happens to those who are told."""

from __future__ import annotations

import asyncio
from unittest.mock import AsyncMock, MagicMock

import pytest

from fleet.clock import Clock
from fleet.git.refs import Refs
from fleet.world import repositories
from fleet.world.repositories import Repository


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
