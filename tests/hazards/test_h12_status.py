"""H12: a status is small, written seldom, and only where something of its own has changed."""

from __future__ import annotations

import asyncio
import base64
import itertools

import orjson

from fleet import names
from fleet.report import problems
from tests.hazards.scene import begin, cluster_told, has, sealed
from tests.stage.api import until
from tests.stage.proxy import Proxy
from tests.stage.seams import Meddler, Sent, meddled
from tests.stage.theatre import Theatre, config


async def version(theatre: Theatre, kind: str, name: str) -> str:
    """The resourceVersion of an object of the hub."""
    found = await theatre.api.get(kind, name, names.HUB_NAMESPACE)
    assert found
    value: str = found["metadata"]["resourceVersion"]
    return value


def statuses(meddler: Meddler, name: str) -> list[Sent]:
    """Writes of an Application's status."""
    return [sent for sent in meddler.sent if sent.request.path.endswith(f"/applications/{name}/status")]


async def test_a_commit_does_not_write_an_application_that_it_does_not_touch(theatre: Theatre) -> None:
    """H12: the rule is ``fleet.hub.readers.Readers.concerned``: whom a commit concerns, and nobody else."""
    theatre.repo.commit({"apps/one/a.yaml": config("a", k="0"), "apps/two/b.yaml": config("b", k="1")})
    meddler = Meddler()
    await begin(theatre, seams=meddled(meddler), poll_interval=0.15)
    for name in ("one", "two"):
        await theatre.application(name)
    first = (await theatre.synced("two"))["revision"]
    await theatre.synced("one")
    await sealed(theatre, "one", "two")
    before = await version(theatre, "Application", "two")
    for number in range(1, 4):
        commit = theatre.repo.commit({"apps/one/a.yaml": config("a", k=str(number))})
        await theatre.synced("one", commit)
    assert await version(theatre, "Application", "two") == before
    assert (await theatre.status("two"))["revision"] == first
    # Woken for whatever reason, it still says the commit at which its own inputs changed last.
    await theatre.annotate("two", refresh="now")
    theatre.hub.clock.advance(5.0)
    await asyncio.sleep(0.5)
    assert (await theatre.status("two"))["revision"] == first


async def test_an_application_is_written_at_most_once_a_second(theatre: Theatre) -> None:
    """H12: the rule is ``fleet.report.status.StatusWriter._earliest``."""
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="0")})
    meddler = Meddler()
    await begin(theatre, seams=meddled(meddler), poll_interval=0.1)
    await theatre.application()
    await theatre.synced()
    for number in range(1, 9):
        theatre.repo.commit({"apps/app/a.yaml": config("a", k=str(number))})
        await has(theatre, "a", k=str(number))
    await theatre.synced(commit=theatre.repo.head())
    times = [sent.at for sent in statuses(meddler, "app")]
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert gaps
    assert min(gaps) >= 0.95, gaps


async def _idle(theatre: Theatre) -> bool:
    return theatre.hub.budget.inflight == 0


async def test_nothing_is_written_while_nothing_happens_however_long(theatre: Theatre) -> None:
    """H12: the rule is ``fleet.report.status.StatusWriter.put``: what is the same is not written again."""
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    meddler = Meddler()
    await begin(
        theatre,
        seams=meddled(meddler),
        poll_interval=180.0,
        lease_duration=1200.0,
        audit_interval=30 * 86400.0,  # the first comes anywhere within it
    )
    await theatre.application()
    await theatre.synced()
    await sealed(theatre)
    await asyncio.sleep(1.2)  # the last status of the beginning
    written = len(meddler.writes())
    before = await version(theatre, "Application", "app"), await version(theatre, "Cluster", "eu")
    # An hour in which lists are compared, Leases renewed, refs listed and clusters probed.
    for _ in range(36):
        theatre.hub.clock.advance(100.0)
        await asyncio.sleep(0.03)
        # A request that is under way while the clock moves would have timed out.
        await until(lambda: _idle(theatre), what="no request is under way", interval=0.01)
    new = [request.path for request in meddler.writes()[written:]]
    assert new == []
    assert (await version(theatre, "Application", "app"), await version(theatre, "Cluster", "eu")) == before


async def test_a_cluster_that_flaps_is_written_once_and_its_applications_are_not(theatre: Theatre) -> None:
    """H12: the rule is ``fleet.report.standing.silent``: Applications follow when it has lasted a minute."""
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    line = Proxy(theatre.planes.members["eu"])
    await line.start()
    meddler = Meddler()
    try:
        await theatre.register("eu", kubeconfig=line.kubeconfig(theatre.folder))
        await theatre.start(meddled(meddler), lease_duration=300.0)
        await theatre.application()
        await theatre.synced()
        await sealed(theatre)
        await asyncio.sleep(1.2)
        before = await version(theatre, "Application", "app")
        for _ in range(2):
            await line.close()
            await cluster_told(theatre, "eu", "Reachable", "False")
            await line.start()
            theatre.hub.clock.advance(20.0)
            await cluster_told(theatre, "eu", "Reachable", "True")
        assert await version(theatre, "Application", "app") == before
        await line.close()
        await cluster_told(theatre, "eu", "Reachable", "False")
        theatre.hub.clock.advance(70.0)

        async def shown() -> bool:
            return any("ClusterUnreachable" in text for text in (await theatre.status()).get("problems", ()))

        await until(shown, what="the Application follows after a minute")
    finally:
        await theatre.stop()
        await line.close()


async def test_a_status_of_many_clusters_stays_small(theatre: Theatre) -> None:
    """H12: the rule is ``fleet.report.problems.lines``: 50 lines of at most 100 bytes."""
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    await asyncio.gather(*(nobody(theatre, f"dark-{number}-{'x' * 40}") for number in range(60)))
    await theatre.start()
    await theatre.application()

    async def shown() -> bool:
        status = await theatre.status()
        told = status.get("problems", ())
        return (
            (status.get("targets") or {}).get("total") == 60
            and len(told) == problems.MOST
            and all("ClusterUnreachable" in line for line in told)
        )

    await until(shown, 60, what="the dark clusters are shown")
    status = await theatre.status()
    assert max(len(line.encode()) for line in status["problems"]) <= problems.BYTES
    assert len(orjson.dumps(status)) < 10_000


async def nobody(theatre: Theatre, name: str) -> None:
    """Register a cluster at whose address nobody answers."""
    plane = theatre.planes.members["eu"]
    content = plane.kubeconfig.read_text().replace(f"127.0.0.1:{plane.port}", "127.0.0.1:9")
    await theatre.api.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": name,
                "namespace": names.HUB_NAMESPACE,
                "labels": {names.SECRET_TYPE: names.SECRET_CLUSTER},
            },
            "data": {"kubeconfig": base64.b64encode(content.encode()).decode()},
        }
    )
