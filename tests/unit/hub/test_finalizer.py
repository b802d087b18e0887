"""The names on an Application: whoever changes them waits for who does already; what others make of them does not last."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from fleet import names
from fleet.hub.finalizer import Finalizer
from fleet.kube.request import Answer, Request
from fleet.model import ApplicationKey
from fleet.world.objects import World

KEY = ApplicationKey("hub", "app")


class Stage:
    """An Application on a server, which the hub sees when ``see`` says so."""

    def __init__(self, placed: str = "", leaving: str = "") -> None:
        self.version = 1
        self.marks = {names.PLACED: placed, names.LEAVING: leaving}
        self.held = bool(placed)
        self.ours = False  # the annotation ``leaving`` is the hub's: what an apply no longer names goes
        self.slow = ""
        self.writes = 0
        self.woken: list[str] = []
        self.world = World()
        self.world.subscribe(lambda _kind, key: self.woken.append(self.world.applications[key].version))
        self.finalizer = Finalizer(self.send, self.world)
        self.world.stands = self.finalizer.stands
        self.see()

    async def send(self, request: Request) -> Answer:
        said = orjson.loads(request.body or b"")["metadata"]
        told = said.get("annotations", {})
        if told.get(names.PLACED) == self.slow:
            await asyncio.sleep(0.02)  # the first request is the last to arrive
        self.writes += 1
        stays = "" if self.ours else self.marks[names.LEAVING]
        self.ours = names.LEAVING in told
        self.mark(
            held="finalizers" in said,
            placed=told.get(names.PLACED, ""),
            leaving=told.get(names.LEAVING, stays),
        )
        return Answer(200, orjson.dumps({"metadata": {"resourceVersion": str(self.version)}}))

    def mark(self, *, held: bool, placed: str, leaving: str) -> None:
        """Have this stand on the server."""
        self.version += 1
        self.held = held
        self.marks = {names.PLACED: placed, names.LEAVING: leaving}

    def body(self) -> dict[str, Any]:
        """The object as it stands on the server."""
        metadata = {
            "namespace": KEY.namespace,
            "name": KEY.name,
            "uid": "1",
            "resourceVersion": str(self.version),
            "annotations": {name: text for name, text in self.marks.items() if text},
            "finalizers": [names.FINALIZER] if self.held else [],
        }
        return {"metadata": metadata, "spec": {}}

    def see(self) -> None:
        """Have the hub see it as it stands."""
        self.world.saw(names.APPLICATION, self.body())

    def replace(self) -> None:
        """Somebody replaces it by what Git has: without finalizer and names."""
        self.mark(held=False, placed="", leaving="")

    @property
    def stands(self) -> tuple[str, str, bool]:
        return self.marks[names.PLACED], self.marks[names.LEAVING], self.held


async def test_a_name_that_comes_while_another_goes_stands_on_the_server_in_the_end() -> None:
    stage = Stage("a,b")
    stage.slow = "a"
    await asyncio.gather(stage.finalizer.release(KEY, "b"), stage.finalizer.hold(KEY, frozenset("c")))
    assert stage.finalizer.placed(KEY) == {"a", "c"}
    assert stage.stands == ("a,c", "", True)


@pytest.mark.parametrize("written", [True, False])
async def test_what_somebody_takes_off_an_application_wakes_it_and_is_put_back(*, written: bool) -> None:
    """Also where this process has written nothing of it yet."""
    stage = Stage("" if written else "a,b")
    if written:
        await stage.finalizer.hold(KEY, frozenset("ab"))
        stage.see()
    stage.woken.clear()
    stage.replace()
    stage.see()
    assert stage.woken == [str(stage.version)]
    await stage.finalizer.hold(KEY)
    assert stage.stands == ("a,b", "", True)
    stage.see()
    writes = stage.writes
    await stage.finalizer.hold(KEY)
    assert len(stage.woken) == 1
    assert stage.writes == writes


@pytest.mark.parametrize(
    ("held", "placed", "leaving"),
    [(False, "a,b", "b"), (True, "a", ""), (True, "a,b", ""), (True, "a,b", "a,b")],
)
async def test_what_somebody_else_writes_in_place_of_the_names_is_put_back(
    placed: str, leaving: str, *, held: bool
) -> None:
    stage = Stage("a,b", "b")
    stage.mark(held=held, placed=placed, leaving=leaving)
    stage.see()
    assert len(stage.woken) == 2
    await stage.finalizer.hold(KEY)
    assert stage.stands == ("a,b", "b", True)


async def test_a_name_that_somebody_else_adds_is_believed_and_wakes_the_application() -> None:
    stage = Stage("a")
    stage.mark(held=True, placed="a,z", leaving="")
    stage.see()
    assert len(stage.woken) == 2
    assert stage.finalizer.placed(KEY) == {"a", "z"}
    await stage.finalizer.release(KEY, "z")
    stage.see()
    assert stage.stands == ("a", "", True)
    assert stage.finalizer.placed(KEY) == {"a"}
    assert len(stage.woken) == 2


async def test_a_cluster_that_somebody_else_says_is_left_is_not() -> None:
    stage = Stage("a,b")
    stage.mark(held=True, placed="a,b", leaving="a")
    stage.see()
    await stage.finalizer.hold(KEY)
    assert stage.stands == ("a,b", "", True)


async def test_what_the_hub_writes_itself_wakes_nobody_whenever_it_is_seen() -> None:
    stage = Stage()
    stage.woken.clear()
    await stage.finalizer.hold(KEY, frozenset("a"))
    older = stage.body()
    stage.slow = "a,b"
    writing = asyncio.ensure_future(stage.finalizer.hold(KEY, frozenset("b")))
    await asyncio.sleep(0)
    stage.world.saw(names.APPLICATION, older)
    await writing
    await stage.finalizer.leave(KEY, frozenset("a"))
    # Seen late, after what was written since.
    stage.world.saw(names.APPLICATION, {**older, "metadata": {**older["metadata"], "resourceVersion": "3"}})
    stage.see()
    await stage.finalizer.release(KEY, "a")
    stage.see()
    await stage.finalizer.release(KEY, "b")
    stage.see()
    assert not stage.woken
    assert stage.stands[2] is False


async def test_a_write_that_is_seen_before_it_is_answered_wakes_nobody() -> None:
    stage = Stage("a")
    stage.woken.clear()
    answer = stage.send

    async def late(request: Request) -> Answer:
        answered = await answer(request)
        stage.see()
        return answered

    finalizer = Finalizer(late, stage.world)
    stage.world.stands = finalizer.stands
    await finalizer.hold(KEY, frozenset("b"))
    assert finalizer.placed(KEY) == {"a", "b"}
    await finalizer.release(KEY, "b")
    await finalizer.release(KEY, "a")
    assert not stage.woken
