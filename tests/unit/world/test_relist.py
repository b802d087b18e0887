"""The own list against what the watch brings meanwhile."""

from __future__ import annotations

import orjson

from fleet import names
from fleet.kube.request import Answer, Request
from fleet.model import ApplicationKey
from fleet.world import relist
from fleet.world.objects import World

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
