"""Programs that take their time: who waits for whom."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import MagicMock

import pytest

from fleet import ending, names
from fleet.api.application import Application
from fleet.api.parse import parse
from fleet.clock import Clock
from fleet.errors import SourceError
from fleet.hub.grounds import Resolved, Wanted
from fleet.hub.rendering import SHARE, Question, Rendering
from fleet.hub.turns import TURNS, Asked, Turn, serve
from fleet.mailbox import Mailbox
from fleet.model import ApplicationKey, Revision
from fleet.render.cache import RenderCache
from fleet.render.directory import PlainYaml
from fleet.render.ground import Ground, Trees
from fleet.render.program import NoPrograms
from fleet.render.render import PROGRAMS, Tools
from fleet.render.source import Source
from tests.unit.render.render_repository import URL, Repository

PLAIN = ApplicationKey("team-a", "plain")
CHART = ApplicationKey("team-a", "quick")
SLOW = [ApplicationKey("team-b", f"slow-{number}") for number in range(2 * TURNS)]
MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"


class Program:
    """A renderer that starts a program, which takes until ``over`` is set, and fails."""

    name = "program"

    def __init__(self, over: threading.Event) -> None:
        self.runs = 0
        self._over = over

    def collect(self, *_: object) -> Any:
        self.runs += 1
        self._over.wait(20)
        raise SourceError("the program fails")


class Stage:
    """Renders of Applications: plain YAML, one by a quick program, the others by slow ones."""

    def __init__(self) -> None:
        self.queue: Mailbox[ApplicationKey, None] = Mailbox(Clock())
        self.over, at_once = threading.Event(), threading.Event()
        at_once.set()
        self.slow, self.quick = Program(self.over), Program(at_once)
        self.looked: list[ApplicationKey] = []
        grounds = MagicMock(ground=lambda *_: Trees(Repository({"plain/a.yaml": MAP}).tree()))
        tools = Tools(RenderCache(), cast("Any", SimpleNamespace(of=self._of)))
        self.rendering = Rendering(grounds, tools, NoPrograms)

    def _of(self, source: Source, _: Ground) -> Any:
        if source.path == PLAIN.name:
            return PlainYaml()
        return self.quick if source.path == CHART.name else self.slow

    async def look(self, claim: Asked, turn: Turn) -> None:
        namespace, name = claim.key
        metadata = {"namespace": namespace, "name": name}
        spec = {"source": {"repoURL": URL, "path": name}, "placement": {"clusters": ["eu"]}}
        model = parse(names.APPLICATION, {"metadata": metadata, "spec": spec})
        resolved = Resolved((Wanted(URL, "main"),), (Revision(URL, "c" * 40),))
        with contextlib.suppress(SourceError):
            await self.rendering.render(Question(cast("Application", model), {}, turn=turn), resolved)
        self.looked.append(claim.key)


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    made = Stage()
    serving = asyncio.ensure_future(serve(made.queue, made.look))
    yield made
    made.over.set()
    await ending.end([serving])


async def test_plain_yaml_and_the_programs_of_others_do_not_wait_for_those_of_one_namespace(
    stage: Stage,
) -> None:
    for key in SLOW:
        stage.queue.put(key, None)
    await until(lambda: stage.slow.runs == SHARE and stage.queue.depth() == (0,))
    stage.queue.put(PLAIN, None)
    await until(lambda: PLAIN in stage.looked)
    stage.queue.put(CHART, None)
    await until(lambda: CHART in stage.looked)
    assert stage.looked == [PLAIN, CHART]
    assert stage.slow.runs == SHARE < PROGRAMS._max_workers
    stage.over.set()
    await until(stage.queue.idle)
    assert {*stage.looked} == {PLAIN, CHART, *SLOW}
    gc.collect()  # the errors hold the frames that they came through
    assert not stage.rendering._shares
