"""What the looks at a repository come to for the changes of its Applications."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import AsyncMock, MagicMock

import pytest

from fleet.clock import Clock
from fleet.errors import RepositoryUnreachable
from fleet.git.refs import Refs
from fleet.hub.changes import Changes
from fleet.hub.hub import Hub
from fleet.hub.knowing import Knowing
from fleet.hub.readers import Following, Readers
from fleet.model import ApplicationKey
from fleet.world import repositories
from fleet.world.repositories import Repository

URL = "https://forge/r.git"
GOOD, BROKEN, LEAVING = (ApplicationKey("hub", name) for name in ("good", "broken", "leaving"))
REFS = Refs({"main": "1" * 40}, {}, "refs/heads/main")


async def test_a_look_that_failed_leaves_it_to_the_next_one_to_be_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(repositories, "FIRST_RETRY", 0.01)
    changes, readers = Changes(), Readers()
    hub = cast(
        "Any", SimpleNamespace(changes=changes, readers=readers, expected=MagicMock(), wake=MagicMock())
    )
    hub.knowing = Knowing(MagicMock(), changes, *(MagicMock() for _ in range(4)))
    looks = AsyncMock(side_effect=[RepositoryUnreachable("no route"), REFS])
    mirror = MagicMock(ls_remote=looks, fetch=AsyncMock(return_value=REFS))
    repository = Repository(URL, mirror, Clock(), 100.0)
    repository.moving = changes.begin
    read = asyncio.Event()

    async def moved(looked: Repository) -> None:
        await Hub.moved(hub, looked)
        if looked.refs is not None:
            read.set()

    repository.moved = moved
    for key in (GOOD, BROKEN):
        readers.follow(key, [Following(URL, "main")])
    looking = asyncio.ensure_future(repository.run())
    try:
        await asyncio.wait_for(read.wait(), 5)
    finally:
        looking.cancel()
    assert looks.await_count == 2
    assert changes.of(GOOD) is not None
    changes.leave(GOOD, LEAVING)
    changes.looked(BROKEN)
    changes.settle(GOOD)
    # What does not render for a reason of its own holds up a deletion for no longer than it takes to look at it.
    assert changes.leaves(LEAVING) is None
