"""H6: one hub writes to a cluster, and knows at each write that it is still the one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bootstrap.local.plane import Plane
from bootstrap.local.servers import Components
from fleet import clock, names
from fleet.hub.lease import LeaseLost
from fleet.kube.request import Request
from tests.hazards.scene import begin, cluster_told, has, live, sealed, versions
from tests.stage.api import Api, until
from tests.stage.seams import Meddler, meddled
from tests.stage.theatre import Planes, Theatre, config, deployment, install

LONG = 1200.0


@pytest.fixture(scope="module")
async def elsewhere(planes: Planes) -> AsyncIterator[tuple[Plane, Api]]:
    """Another hub's API server, with a store of its own."""
    folder = planes.folder / "elsewhere"
    with Plane.create(
        "elsewhere", folder, components=Components.API_ONLY, etcd=planes.hub.etcd, prefix="/elsewhere"
    ) as plane:
        api = await Api.of(plane.kubeconfig)
        await install(api)
        yield plane, api
        await api.close()


@pytest.fixture
async def other(theatre: Theatre, elsewhere: tuple[Plane, Api]) -> AsyncIterator[Theatre]:
    """A second hub with its own store, that is told of the same member and the same repository."""
    plane, api = elsewhere
    made = Theatre(replace(theatre.planes, hub=plane), api, theatre.members)
    made.namespace, made.repo = theatre.namespace, theatre.repo
    yield made
    await made.close()
    # The next test's hub need not wait until this one's Lease has stood still.
    await theatre.members["eu"].delete("Lease", names.MEMBER_LEASE, names.MEMBER_NAMESPACE)


async def test_a_second_hub_with_a_store_of_its_own_writes_nothing_while_the_first_lives(
    theatre: Theatre, other: Theatre
) -> None:
    """H6: the rule is ``fleet.worker.member_lease.MemberLease.acquire``: a live Lease of another is respected."""
    theatre.repo.commit({"apps/app/web.yaml": deployment(), "apps/app/a.yaml": config("a", k="1")})
    # Both clocks are moved by more than a hub's own Lease of the usual length lasts.
    await begin(theatre, lease_duration=LONG)
    await theatre.application()
    await theatre.synced()
    await sealed(theatre)
    before = await versions(theatre)
    # The same Application, of the same name: the same set. And Git says something else to it.
    meddler = Meddler()
    await begin(other, seams=meddled(meddler), lease_duration=LONG)
    await other.application(source={"path": "apps/theirs"})
    theatre.repo.commit({"apps/theirs/a.yaml": config("a", k="theirs")})
    await cluster_told(other, "eu", "ForeignHub", "True", "take-over")
    assert meddler.writes("eu") == []
    # Ten minutes go by, on both clocks: the first renews, so its Lease is never taken for dead.
    for _ in range(5):
        lease = await theatre.members["eu"].get("Lease", names.MEMBER_LEASE, names.MEMBER_NAMESPACE)
        assert lease
        version = lease["metadata"]["resourceVersion"]
        theatre.hub.clock.advance(140.0)

        async def renewed(was: str = version) -> bool:
            found = await theatre.members["eu"].get("Lease", names.MEMBER_LEASE, names.MEMBER_NAMESPACE)
            return found is not None and found["metadata"]["resourceVersion"] != was

        await until(renewed, what="the first hub renews its Lease on the member")
        other.hub.clock.advance(140.0)
        await asyncio.sleep(0.1)
    assert meddler.writes("eu") == []
    assert await versions(theatre) == before
    # The first is gone for good. Who was told so by nobody waits until the Lease stood still for its time.
    await theatre.stop()
    other.hub.clock.advance(200.0)
    await cluster_told(other, "eu", "ForeignHub", "True")
    assert meddler.writes("eu") == []
    for _ in range(3):
        other.hub.clock.advance(140.0)
        await asyncio.sleep(0.1)
    await has(other, "a", k="theirs")


async def test_a_hub_that_slept_through_its_lease_writes_nothing_when_it_wakes(theatre: Theatre) -> None:
    """H6: the rule is ``fleet.hub.lease.Authority.may_write``: what it may is over by the clock, not by news."""
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    meddler = Meddler()
    await begin(theatre, seams=meddled(meddler), lease_duration=15.0)
    await theatre.application()
    await theatre.synced()
    awake = asyncio.Event()
    tried = asyncio.Event()

    async def slow(cluster: str, request: Request) -> None:
        if cluster == names.HUB_CLUSTER and request.path.endswith(f"/leases/{names.HUB_LEASE}"):
            await awake.wait()
        if cluster == "eu" and request.verb == "PATCH" and request.path.endswith("/configmaps/a"):
            tried.set()

    meddler.before = slow
    # The machine slept for a minute, and another process has taken over meanwhile.
    lease = await theatre.api.get("Lease", names.HUB_LEASE, names.HUB_NAMESPACE)
    assert lease
    theatre.hub.clock.advance(60.0)
    await theatre.api.patch(
        "Lease", names.HUB_LEASE, names.HUB_NAMESPACE, {"spec": {"holderIdentity": "another"}}, "another"
    )
    # It still hears its watches, and would like to heal.
    await theatre.members["eu"].patch("ConfigMap", "a", theatre.namespace, {"data": {"k": "the other's"}})
    await asyncio.wait_for(tried.wait(), 10)
    theatre.repo.commit({"apps/app/b.yaml": config("b", k="1")})
    await asyncio.sleep(1.0)
    await has(theatre, "a", k="the other's")
    assert await live(theatre, "ConfigMap", "b") is None
    # Awake, it reads whose the Lease is, and ends.
    running = theatre.running
    assert running
    awake.set()
    theatre.hub.clock.advance(15.0)
    with pytest.raises(LeaseLost, match="another"):
        await asyncio.wait_for(asyncio.shield(running.task), 20)
    await has(theatre, "a", k="the other's")


def test_time_counts_on_while_the_machine_sleeps(monkeypatch: pytest.MonkeyPatch) -> None:
    """H6: the rule is ``fleet.clock.Clock.boottime``, read from a clock that does not stand still."""
    source = getattr(time, "CLOCK_BOOTTIME", None)
    if source is None:
        # Such a system has no other clock; there the monotonic one is as good as it gets.
        assert clock._reader() is time.monotonic
        return
    asked: list[int] = []

    def read(which: int) -> float:
        asked.append(which)
        return 86_400.0

    monkeypatch.setattr(clock.time, "clock_gettime", read)
    monkeypatch.setattr(clock, "_read", clock._reader())
    assert clock.Clock().boottime() == 86_400.0
    assert asked == [source]
