"""The own list against what the watch brings meanwhile."""

from __future__ import annotations

import orjson
import pytest

from fleet import names
from fleet.kube.request import Answer, Request
from fleet.model import ApplicationKey
from fleet.world import relist
from fleet.world.objects import World
from fleet.world.relist import HistoryLost

EARLY, LATE = ApplicationKey("hub", "early"), ApplicationKey("hub", "late")


def seen(key: ApplicationKey, version: str) -> dict[str, object]:
    metadata = {"namespace": key.namespace, "name": key.name, "uid": key.name, "resourceVersion": version}
    return {"metadata": metadata, "spec": {}}


async def test_what_is_made_while_the_list_is_on_its_way_stays_known() -> None:
    world = World()
    world.saw(names.APPLICATION, seen(EARLY, "50"))

    async def send(request: Request) -> Answer:
        if request.path.endswith("/applications"):
            world.saw(names.APPLICATION, seen(LATE, "101"))
        return Answer(200, orjson.dumps({"metadata": {"resourceVersion": "100"}, "items": []}))

    await relist.complete(send, world)
    assert set(world.applications) == {LATE}
    world.saw(names.APPLICATION, seen(LATE, "102"))
    assert world.applications[LATE].version == "102"


async def test_an_object_older_than_memory_means_that_the_store_went_back() -> None:
    world = World()
    world.saw(names.APPLICATION, seen(EARLY, "50"))

    async def send(request: Request) -> Answer:
        found = [seen(EARLY, "40")] if request.path.endswith("/applications") else []
        return Answer(200, orjson.dumps({"metadata": {"resourceVersion": "60"}, "items": found}))

    with pytest.raises(HistoryLost):
        await relist.check(send, world)


async def test_what_a_watch_brings_while_the_list_is_on_its_way_is_no_lost_history() -> None:
    world = World()
    world.saw(names.APPLICATION, seen(EARLY, "50"))

    async def send(request: Request) -> Answer:
        found = [seen(EARLY, "50")] if request.path.endswith("/applications") else []
        if found:
            world.saw(names.APPLICATION, seen(EARLY, "55"))
        return Answer(200, orjson.dumps({"metadata": {"resourceVersion": "52"}, "items": found}))

    assert await relist.check(send, world) == 0
