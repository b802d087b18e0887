"""H23: under load what somebody waits for goes first, and the hub does not mistake its own slowness for others'."""

from __future__ import annotations

import asyncio
import time

import pytest

from fleet import names
from fleet.errors import FleetError
from fleet.kube.request import Request
from fleet.model import Reach
from fleet.worker import probing
from tests.hazards.scene import begin, has, live, uid
from tests.stage.api import until
from tests.stage.seams import Meddler, meddled
from tests.stage.theatre import Theatre, config

MANY = 40


def backlog() -> dict[str, str | None]:
    """Sources of many Applications, and of one that somebody waits for."""
    files: dict[str, str | None] = {f"apps/c{n}/c.yaml": config(f"c{n}", k="1") for n in range(MANY)}
    return {**files, "apps/hot/hot.yaml": config("hot", k="1")}


class Jam:
    """No apply of a cold object gets through to a cluster until it is opened."""

    def __init__(self, cluster: str) -> None:
        self.opened = asyncio.Event()
        self.waiting = 0
        self.cluster = cluster
        self.meddler = Meddler(before=self._before)

    async def _before(self, cluster: str, request: Request) -> None:
        cold = cluster == self.cluster and request.verb == "PATCH" and "/configmaps/c" in request.path
        if cold and not self.opened.is_set():
            self.waiting += 1
            await self.opened.wait()

    async def formed(self) -> None:
        """Wait until passes stand still."""

        async def look() -> bool:
            return self.waiting >= 12

        await until(look, 40, what="passes stand still")


@pytest.mark.parametrize("occasion", ["start", "new cluster"])
async def test_a_commit_goes_before_a_cold_backlog(theatre: Theatre, occasion: str) -> None:
    """H23: the rule is ``fleet.worker.running.Running.run``: some passes take urgent work alone."""
    theatre.repo.commit(backlog())
    jam = Jam("us" if occasion == "new cluster" else "eu")
    if occasion == "start":
        await theatre.register("eu")
    await theatre.start(meddled(jam.meddler), poll_interval=0.15)
    await asyncio.gather(*(theatre.application(f"c{n}") for n in range(MANY)))
    await theatre.application("hot")
    if occasion == "new cluster":
        await theatre.register("eu")
        await has(theatre, "hot", k="1")
        await theatre.register("us")
    await jam.formed()
    theatre.repo.commit({"apps/hot/hot.yaml": config("hot", k="2")})
    await has(theatre, "hot", jam.cluster, k="2")
    assert not jam.opened.is_set()
    assert await live(theatre, "ConfigMap", f"c{MANY - 1}", jam.cluster) is None
    # A heal goes first too.
    await theatre.members[jam.cluster].patch(
        "ConfigMap", "hot", theatre.namespace, {"data": {"k": "by hand"}}
    )
    await has(theatre, "hot", jam.cluster, k="2")
    jam.opened.set()
    for number in (0, MANY - 1):
        await has(theatre, f"c{number}", jam.cluster, k="1")


async def test_no_more_requests_are_in_flight_than_the_limit_however_many_wait(theatre: Theatre) -> None:
    """H23: the rule is ``fleet.kube.budget.Budget.slot``: one limit for all clusters, before a request's clock."""
    theatre.repo.commit(backlog())
    meddler = Meddler()
    await begin(theatre, "eu", "us", seams=meddled(meddler), in_flight=5, in_flight_cluster=4)
    await asyncio.gather(*(theatre.application(f"c{n}") for n in range(MANY)))
    for number in (0, MANY - 1):
        for member in ("eu", "us"):
            await has(theatre, f"c{number}", member, k="1")
    assert meddler.busiest == 5
    # Who waits for a slot for longer than it would wait for an answer is not told that nobody answers.
    hub = theatre.hub
    slots = [hub.budget.slot("busy", lane) for lane in [0] * 4]  # type: ignore[arg-type]
    others = [hub.budget.slot("busier", 0)]  # type: ignore[arg-type]
    for slot in (*slots, *others):
        await slot.__aenter__()
    asking = asyncio.ensure_future(hub.client.send(Request("GET", "/version", timeout=0.3)))
    await asyncio.sleep(0.8)
    assert not asking.done()
    for slot in (*slots, *others):
        await slot.__aexit__(None, None, None)
    assert (await asking).status == 200


async def test_a_loop_that_lags_takes_no_cluster_for_dead(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """H23: the rule is ``fleet.worker.probing.watch_over``: a miss while our own loop lags counts for nothing."""
    monkeypatch.setattr(probing, "EVERY", 0.05)
    monkeypatch.setattr(probing, "AGAIN", 0.05)
    monkeypatch.setattr(probing, "TIMEOUT", 1.0)
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    await begin(theatre, lease_duration=600.0)
    await theatre.application()
    await theatre.synced()
    hub = theatre.hub
    told: list[Reach | None] = []
    suspected: list[str] = []
    hub.board.on_cluster(lambda name: told.append(hub.board.reach_of(name)))
    suspect = hub.budget.suspect

    def spy(cluster: str, *, failed: bool) -> None:
        if failed:
            suspected.append(cluster)
        suspect(cluster, failed=failed)

    monkeypatch.setattr(hub.budget, "suspect", spy)
    worker = hub.roster.get("eu")
    assert worker
    running = worker.running
    missed = 0
    for _ in range(3):
        asking = [asyncio.ensure_future(_asked(theatre)) for _ in range(3)]
        await asyncio.sleep(0.1)
        time.sleep(2.4)  # noqa: ASYNC251 (the loop is to stand still)
        missed += sum(await asyncio.gather(*asking))
    assert missed == 9, "not every request timed out: the test shows nothing"
    assert suspected == []
    assert worker.running is running
    assert [reach for reach in told if reach is not None and not reach.reachable] == []
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="2")})
    await has(theatre, "a", k="2")


async def _asked(theatre: Theatre) -> bool:
    """Whether a request of the worker's own door got no answer in time."""
    worker = theatre.hub.roster.get("eu")
    assert worker
    assert worker.running
    # The server takes longer than this timeout, which is served too late by a loop that stands still.
    query = (("watch", "true"), ("timeoutSeconds", "4"))
    try:
        await worker.running.member.client.send(Request("GET", "/api/v1/nodes", query=query, timeout=1.0))
    except FleetError:
        return True
    return False


async def test_the_second_of_two_commits_replaces_the_first_that_is_not_applied_yet(theatre: Theatre) -> None:
    """H23: the rule is ``fleet.worker.work.merge``: the newest desired set, and all that the older one left."""
    theatre.repo.commit(
        {
            "apps/app/a.yaml": config("a", k="1"),
            "apps/app/goes.yaml": config("goes", k="1"),
            "apps/other/b.yaml": config("b", k="1"),
        }
    )
    meddler = Meddler()
    await begin(theatre, seams=meddled(meddler), poll_interval=0.1)
    for name in ("app", "other"):
        await theatre.application(name)
        await theatre.synced(name)
    moved = await uid(theatre, "ConfigMap", "goes")
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(cluster: str, request: Request) -> None:
        if cluster == "eu" and request.verb == "PATCH" and request.path.endswith("/configmaps/a"):
            begun.set()
            await go_on.wait()

    meddler.before = slow
    # The first adds one, moves one to the other Application, and is in the middle of it.
    theatre.repo.commit(
        {
            "apps/app/a.yaml": config("a", k="2"),
            "apps/app/z-new.yaml": config("z-new", k="2"),
            "apps/app/goes.yaml": None,
            "apps/other/goes.yaml": config("goes", k="1"),
        }
    )
    await asyncio.wait_for(begun.wait(), 20)
    # The second takes both back.
    second = theatre.repo.commit(
        {
            "apps/app/a.yaml": config("a", k="3"),
            "apps/app/z-new.yaml": None,
            "apps/app/goes.yaml": config("goes", k="1"),
            "apps/other/goes.yaml": None,
        }
    )

    async def known() -> bool:
        return all(
            theatre.hub.repositories.get(theatre.repo.url).resolve("main").commit == second
            for _ in theatre.hub.world.applications
        )

    await until(known, what="the second commit is known")
    go_on.set()
    await has(theatre, "a", k="3")
    await theatre.synced("app", second)
    await theatre.synced("other")
    await theatre.nowhere("ConfigMap", "z-new", ("eu",))
    assert await uid(theatre, "ConfigMap", "goes") == moved
    label = names.APPLYSET_PART_OF
    here, app = await live(theatre, "ConfigMap", "goes"), await live(theatre, "ConfigMap", "a")
    assert here
    assert app
    assert here["metadata"]["labels"][label] == app["metadata"]["labels"][label]
