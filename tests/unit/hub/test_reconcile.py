"""One Application, from what the World knows."""

from __future__ import annotations

from unittest.mock import AsyncMock, MagicMock

from fleet import names
from fleet.hub.reconcile import Reconciler
from fleet.model import ApplicationKey
from fleet.world.objects import World

KEY = ApplicationKey("hub", "app")


def body(uid: str) -> dict[str, object]:
    metadata = {"namespace": KEY.namespace, "name": KEY.name, "uid": uid, "resourceVersion": uid}
    return {"metadata": metadata, "spec": {}}


async def test_an_application_made_anew_begins_anew_though_nobody_saw_the_old_one_go() -> None:
    world = World()
    reconciler = Reconciler(world, *(MagicMock(confirm=AsyncMock(return_value="")) for _ in range(10)))
    world.saw(names.APPLICATION, body("1"))
    await reconciler.reconcile(KEY)
    reconciler.records[KEY].generation = 7
    gone: list[ApplicationKey] = []
    reconciler.gone = gone.append
    world.gone(names.APPLICATION, KEY, "1")
    world.saw(names.APPLICATION, body("2"))
    await reconciler.reconcile(KEY)
    assert (reconciler.records[KEY].uid, reconciler.records[KEY].generation) == ("2", -1)
    assert gone == [KEY]
