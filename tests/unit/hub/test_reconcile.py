"""One Application, from what the World knows."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import AsyncMock, MagicMock

import pytest

from fleet import names
from fleet.clock import Clock
from fleet.errors import FleetError, SourceError
from fleet.hub.fences import Verdict
from fleet.hub.reconcile import Reconciler
from fleet.hub.record import Record
from fleet.hub.telling import Telling
from fleet.model import ApplicationKey, Findings, Health, Outcome, Rendered, Sync, TargetKey
from fleet.render.program import CalledOff
from fleet.report.board import Board
from fleet.report.status import StatusWriter
from fleet.world.objects import World

KEY = ApplicationKey("hub", "app")
EU = "eu"
STOOD = {"type": "Ready", "status": "False", "reason": "StoodBefore", "message": ""}


def body(uid: str) -> dict[str, object]:
    metadata = {"namespace": KEY.namespace, "name": KEY.name, "uid": uid, "resourceVersion": uid}
    return {"metadata": metadata, "spec": {}}


async def test_an_application_made_anew_begins_anew_though_nobody_saw_the_old_one_go() -> None:
    world = World()
    parts = (MagicMock(confirm=AsyncMock(return_value=""), hold=AsyncMock()) for _ in range(10))
    reconciler = Reconciler(world, *parts)
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


class Unanswered(SourceError):
    reason = "ChartUnreachable"


class Stage:
    """An Application that runs well on a cluster; its desired state is ``failure``, once ``open`` is set."""

    def __init__(self) -> None:
        clock = Clock()
        self.seen = 0
        self.world, self.board = World(), Board(clock.now)
        self.failure: FleetError = Unanswered("https://charts.example does not answer")
        self.open, self.asked = asyncio.Event(), asyncio.Event()
        self.statuses = StatusWriter(AsyncMock(), clock)
        self.telling = Telling(self.world, self.board, self.statuses, MagicMock(), clock)
        verdict = Verdict(cast("Any", None), {})
        self.reconciler = Reconciler(
            self.world,
            cast("Any", SimpleNamespace(compute=self._compute)),
            MagicMock(arriving=lambda _: None),
            MagicMock(),
            MagicMock(placed=lambda _: frozenset(), hold=AsyncMock()),
            MagicMock(unselected=AsyncMock(return_value=(EU,)), cleaning=lambda _: False),
            MagicMock(),
            MagicMock(),
            MagicMock(),
            MagicMock(of=lambda _: frozenset()),
            MagicMock(judge=lambda *_: verdict, close=lambda *_: verdict),
        )
        self.reconciler.namespace = names.HUB_NAMESPACE
        self.telling.records = self.reconciler.records
        self._saw(
            names.CLUSTER, ApplicationKey(names.HUB_NAMESPACE, EU), {"server": "https://eu.example"}, {}
        )
        self.application({})
        outcome = Outcome(
            TargetKey(KEY, EU), (), Sync.SYNCED, Health.HEALTHY, findings=Findings(render="k" * 64)
        )
        self.board.put(outcome)

    def application(self, status: dict[str, object]) -> None:
        source = {"repoURL": "https://forge.example/r.git"}
        spec = {"source": source, "placement": {"clusters": [EU]}, "syncPolicy": {"automated": {}}}
        self._saw(names.APPLICATION, KEY, spec, status)

    def _saw(self, kind: str, key: ApplicationKey, spec: dict[str, Any], status: dict[str, object]) -> None:
        self.seen += 1
        metadata = {"namespace": key.namespace, "name": key.name, "uid": key.name}
        metadata["resourceVersion"] = str(self.seen)
        of = {"apiVersion": names.API_VERSION, "kind": kind, "metadata": metadata}
        self.world.saw(kind, {**of, "spec": spec, "status": status})

    async def _compute(self, _key: ApplicationKey, _asked: object, record: Record) -> None:
        record.rendered = Rendered("k" * 64, ())
        self.asked.set()
        await self.open.wait()
        raise self.failure

    async def looked(self) -> None:
        """A whole look."""
        self.open.set()
        await self.reconciler.reconcile(KEY)
        self.open.clear()
        self.asked.clear()

    async def looking(self) -> asyncio.Future[None]:
        """A look that waits for its sources."""
        look = asyncio.ensure_future(self.reconciler.reconcile(KEY))
        await asyncio.wait_for(self.asked.wait(), 5)
        return look

    def ready(self) -> tuple[str, str] | None:
        """What the status that is put now says; None where none is."""
        self.telling.settle()
        status = self.statuses.previous(names.APPLICATION, KEY)
        if status is None:
            return None
        found = next(one for one in status["conditions"] if one["type"] == "Ready")
        return found["status"], found["reason"]


@pytest.fixture
async def stage() -> Stage:
    return Stage()


async def test_an_application_that_fails_does_not_count_as_ready_while_it_is_looked_at_again(
    stage: Stage,
) -> None:
    await stage.looked()
    assert stage.ready() == ("False", "ChartUnreachable")
    look = await stage.looking()
    assert stage.ready() == ("False", "ChartUnreachable")
    look.cancel()  # as a stop does
    with pytest.raises(asyncio.CancelledError):
        await look
    assert stage.ready() == ("False", "ChartUnreachable")


async def test_a_look_that_is_called_off_leaves_what_the_one_before_found(stage: Stage) -> None:
    await stage.looked()
    stage.failure = CalledOff("superseded")
    await stage.looked()
    assert stage.ready() == ("False", "ChartUnreachable")


async def test_after_a_start_a_status_stands_until_a_first_look_has_come_to_its_end(stage: Stage) -> None:
    stage.application({"conditions": [STOOD]})
    look = await stage.looking()
    assert stage.ready() is None
    stage.open.set()
    await look
    assert stage.ready() == ("False", "ChartUnreachable")


async def test_what_has_to_stand_in_the_status_is_written_within_a_first_look_too(stage: Stage) -> None:
    stage.application({"conditions": [STOOD]})
    look = await stage.looking()
    stage.reconciler.records[KEY].last_sync = {"request": "now"}
    stage.telling.put(KEY, awaited=True)
    status = stage.statuses.previous(names.APPLICATION, KEY)
    assert status is not None
    assert status["lastSync"]["request"] == "now"
    look.cancel()
