"""The writer of status and the Recorder against a real API server."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from fleet import names
from fleet.api.application import Application
from fleet.api.parse import parse
from fleet.clock import Clock
from fleet.model import (
    ApplicationKey,
    Fault,
    Health,
    Hold,
    Holding,
    ObjectRef,
    Outcome,
    Revision,
    Sync,
    TargetKey,
)
from fleet.report.events import Recorder
from fleet.report.happenings import Happening
from fleet.report.status import StatusWriter
from fleet.report.summary import Facts, status
from tests.stage.api import Api, until

NUMBERS = itertools.count(1)
COMMIT = "abc1234" + "0" * 33
NOW = 1_700_000_000.0


@pytest.fixture
async def writer(hub_api: Api) -> AsyncIterator[StatusWriter]:
    made = StatusWriter(hub_api.send, Clock())
    task = asyncio.create_task(made.run())
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def application(hub_api: Api) -> AsyncIterator[Application]:
    name = f"report-{next(NUMBERS)}"
    body = await hub_api.apply(
        {
            "apiVersion": names.API_VERSION,
            "kind": names.APPLICATION,
            "metadata": {"name": name, "namespace": names.HUB_NAMESPACE},
            "spec": {
                "source": {"repoURL": "https://git.example/acme/deploy", "path": "apps/hello"},
                "placement": {"clusters": ["eu-1", "us-1"]},
            },
        }
    )
    made = parse(names.APPLICATION, body)
    assert isinstance(made, Application)
    yield made
    await hub_api.delete(names.APPLICATION, name, names.HUB_NAMESPACE)


def outcome(key: ApplicationKey, cluster: str, **changes: Any) -> Outcome:
    made = Outcome(TargetKey(key, cluster), (Revision("repo", COMMIT),), Sync.SYNCED, Health.HEALTHY)
    return replace(made, **changes)


def facts(key: ApplicationKey, **changes: Any) -> Facts:
    """One target well, the other with everything that a status can say."""
    job = ObjectRef("batch", "Job", "hello", "migrate")
    bad = outcome(
        key,
        "eu-1",
        sync=Sync.OUT_OF_SYNC,
        health=Health.DEGRADED,
        faults=(Fault(job, "Invalid", "has an invalid value", "spec.backoffLimit"),),
        holds=(Holding(Hold.HOOKS, "hooks are not run", (job,)), Holding(Hold.CONTESTED, "hpa writes it")),
    )
    asked = {"request": "r", "revision": COMMIT, "prune": True, "by": "ada", "at": "2026-01-01T00:00:00Z"}
    found = Facts(("eu-1", "us-1"), (bad, outcome(key, "us-1")), revision=COMMIT, last_sync=asked)
    return replace(found, **changes)


async def read(api: Api, application: Application) -> dict[str, Any]:
    found = await api.get(names.APPLICATION, application.metadata.name, names.HUB_NAMESPACE)
    assert found is not None
    return found


async def written(api: Api, application: Application, wanted: dict[str, Any]) -> dict[str, Any]:
    async def look() -> dict[str, Any] | None:
        found = await read(api, application)
        return found if found.get("status") == wanted else None

    found: dict[str, Any] = await until(look, what="the status stands there")
    return found


async def test_every_part_of_a_status_is_in_the_schema_and_comes_back_as_written(
    hub_api: Api, writer: StatusWriter, application: Application
) -> None:
    told = status(application, facts(application.key), now=NOW)
    writer.put(names.APPLICATION, application.key, told, uid=application.metadata.uid)
    await written(hub_api, application, told)


async def test_what_is_no_longer_so_goes_from_the_object(
    hub_api: Api, writer: StatusWriter, application: Application
) -> None:
    first = status(application, facts(application.key), now=NOW)
    writer.put(names.APPLICATION, application.key, first)
    await written(hub_api, application, first)
    well = Facts(("us-1",), (outcome(application.key, "us-1"),), revision=COMMIT)
    second = status(application, well, now=NOW, previous={})
    assert "lastSync" not in second
    # A hub built anew, which has not read what the one before it wrote.
    fresh = StatusWriter(hub_api.send, Clock())
    task = asyncio.create_task(fresh.run())
    fresh.put(names.APPLICATION, application.key, second)
    await written(hub_api, application, second)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_the_same_status_moves_no_version_even_from_a_hub_that_knows_nothing(
    hub_api: Api, writer: StatusWriter, application: Application
) -> None:
    told = status(application, facts(application.key), now=NOW)
    writer.put(names.APPLICATION, application.key, told)
    before = await written(hub_api, application, told)
    fresh = StatusWriter(hub_api.send, Clock())
    task = asyncio.create_task(fresh.run())
    fresh.put(names.APPLICATION, application.key, told)
    assert await fresh.flush(5)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert fresh.writes == 1
    assert await read(hub_api, application) == before


async def test_spec_and_labels_are_left_alone(
    hub_api: Api, writer: StatusWriter, application: Application
) -> None:
    before = await read(hub_api, application)
    told = status(application, facts(application.key), now=NOW)
    writer.put(names.APPLICATION, application.key, told)
    after = await written(hub_api, application, told)
    assert after["spec"] == before["spec"]
    assert after["metadata"]["generation"] == before["metadata"]["generation"]


async def test_a_status_never_lands_on_a_new_object_of_the_same_name(
    hub_api: Api, writer: StatusWriter, application: Application
) -> None:
    told = status(application, facts(application.key), now=NOW)
    writer.put(names.APPLICATION, application.key, told, uid="00000000-0000-0000-0000-000000000000")
    assert await writer.flush(5)
    assert "status" not in await read(hub_api, application)
    assert writer.failures == 1


async def test_an_object_that_is_gone_is_not_made_anew(hub_api: Api, writer: StatusWriter) -> None:
    key = (names.HUB_NAMESPACE, "never-was")
    writer.put(names.APPLICATION, key, {"sync": "Synced"})
    assert await writer.flush(5)
    assert await hub_api.get(names.APPLICATION, "never-was", names.HUB_NAMESPACE) is None


async def test_happenings_become_events_that_count(hub_api: Api, application: Application) -> None:
    clock = Clock()
    recorder = Recorder(hub_api.send, clock)
    task = asyncio.create_task(recorder.run())
    about = ObjectRef(names.GROUP, names.APPLICATION, *application.key)
    happening = Happening("Warning", "SyncFailed", "Invalid: Job.batch hello/migrate", "eu-1")

    async def told(count: int) -> dict[str, Any] | None:
        found = await hub_api.list("Event", names.HUB_NAMESPACE)
        mine = [one for one in found if one["involvedObject"].get("uid") == application.metadata.uid]
        assert len(mine) <= 1
        return mine[0] if mine and mine[0]["count"] == count else None

    recorder.record(about, application.metadata.uid, happening)
    await asyncio.sleep(0)
    clock.advance(2)
    first = await until(lambda: told(1), what="the event is there")
    assert first["message"] == "eu-1: Invalid: Job.batch hello/migrate"
    recorder.record(about, application.metadata.uid, happening)
    await asyncio.sleep(0)
    clock.advance(11)
    await until(lambda: told(2), what="the event counts two")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert recorder.dropped == 0
