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


def deep(name: str, levels: int, manager: str = "kubectl") -> bytes:
    """A child of an app of apps, too deep in its values and in somebody's entry."""
    down = (b'{"f:a":' * levels, b"}" * levels)
    ours = {"f:metadata": {"f:labels": {f"f:{names.APPLYSET_PART_OF}": {}}}}
    entries = [{"manager": names.FIELD_MANAGER, "operation": "Apply", "fieldsV1": ours}]
    text = orjson.dumps(
        {
            "apiVersion": names.API_VERSION,
            "kind": names.APPLICATION,
            "metadata": {
                "namespace": "hub",
                "name": name,
                "uid": name,
                "resourceVersion": "60",
                "labels": {names.APPLYSET_PART_OF: "applyset-x-v1"},
                "managedFields": [*entries, {"manager": manager, "operation": "Apply", "fieldsV1": "DEEP"}],
            },
            "spec": {
                "source": {"repoURL": "https://g.example/a.git", "helm": {"valuesObject": "DEEP"}},
                "placement": {"clusters": ["eu"]},
            },
        }
    )
    return text.replace(b'"DEEP"', down[0] + b"{}" + down[1])


@pytest.mark.parametrize("levels", [150, 300, 900, 1_100, 9_900])
async def test_an_object_nested_without_end_is_invalid_and_its_list_is_complete(levels: int) -> None:
    first, second = World(), World()

    async def send(request: Request) -> Answer:
        if request.path.endswith("/early"):
            return Answer(200, deep("early", levels))
        items = deep("early", levels) if request.path.endswith("/applications") else b""
        return Answer(200, b'{"metadata":{"resourceVersion":"100"},"items":[%s]}' % items)

    await relist.complete(send, first)
    assert first.complete
    assert await relist.check(send, second) == 1
    for world in (first, second):
        known = world.applications[EARLY]
        assert known.error is not None
        assert known.error.text == "spec.source.helm.valuesObject: must be nested at most 100 deep"
        assert known.held


async def test_an_entry_under_our_name_that_nests_without_end_owns_nothing() -> None:
    world = World()
    world.saw(names.APPLICATION, orjson.loads(deep("early", 300, names.FIELD_MANAGER)))
    assert not world.applications[EARLY].held
