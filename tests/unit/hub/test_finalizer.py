"""The names on an Application: whoever changes them waits for who does already."""

from __future__ import annotations

import asyncio

import orjson

from fleet import names
from fleet.hub.finalizer import Finalizer
from fleet.kube.request import Answer, Request
from fleet.model import ApplicationKey
from fleet.world.objects import World

KEY = ApplicationKey("hub", "app")


async def test_a_name_that_comes_while_another_goes_stands_on_the_server_in_the_end() -> None:
    world = World()
    metadata = {
        "namespace": KEY.namespace,
        "name": KEY.name,
        "uid": "1",
        "resourceVersion": "1",
        "annotations": {names.PLACED: "a,b"},
        "finalizers": [names.FINALIZER],
    }
    world.saw(names.APPLICATION, {"metadata": metadata, "spec": {}})
    stands = ""

    async def send(request: Request) -> Answer:
        nonlocal stands
        said = orjson.loads(request.body or b"")["metadata"]["annotations"][names.PLACED]
        # The first request is the last to arrive.
        await asyncio.sleep(0.02 if said == "a" else 0.0)
        stands = said
        return Answer(200, b"{}")

    finalizer = Finalizer(send, world)
    await asyncio.gather(finalizer.release(KEY, "b"), finalizer.hold(KEY, frozenset("c")))
    assert finalizer.placed(KEY) == {"a", "c"}
    assert stands == "a,c"
