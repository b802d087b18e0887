"""H16: what is not known yet is no reason to delete, nor is what somebody will put back in a minute."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from typing import Any

import pytest

from fleet import names
from fleet.hub.hub import Hub
from fleet.kube.request import Request
from tests.hazards.scene import begin, child, live, root, uid, versions
from tests.stage.api import holds, until
from tests.stage.seams import Meddler, meddled
from tests.stage.theatre import Theatre, config

PROD = {"clusterSelector": {"matchLabels": {"env": "prod"}}}


async def placed(theatre: Theatre) -> str:
    """The annotation that says where the Application is."""
    found = await theatre.api.get("Application", "app", names.HUB_NAMESPACE)
    assert found
    text: str = found["metadata"]["annotations"].get(names.PLACED, "")
    return text


@contextlib.asynccontextmanager
async def unknowing(theatre: Theatre, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """A hub that has rendered the Application and looked at it again, and is told of no Cluster until the end."""
    known = asyncio.Event()
    saw = Hub.saw

    def partly(hub: Hub, kind: str, body: Any) -> None:
        if kind != names.CLUSTER or known.is_set():
            saw(hub, kind, body)

    async def late(_: str, request: Request) -> None:
        if request.path.endswith("/clusters"):
            await known.wait()

    monkeypatch.setattr(Hub, "saw", partly)
    starting = asyncio.ensure_future(theatre.start(meddled(Meddler(before=late)), grace=0.01))

    async def rendered() -> bool:
        hub = theatre.running.hub if theatre.running else None
        records = hub.reconciler.records.values() if hub is not None and hasattr(hub, "reconciler") else ()
        return any(record.begun for record in records)

    await until(rendered, what="the Application has rendered")
    for _ in range(3):
        theatre.hub.wake(next(iter(theatre.hub.world.applications)))
        await asyncio.sleep(0.2)
    assert not starting.done()
    yield
    known.set()
    await starting


async def test_a_hub_that_does_not_know_the_clusters_yet_withdraws_nothing(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """H16: the rule is ``fleet.world.objects.World.complete``: before it, absence means nothing."""
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    await begin(theatre)
    await theatre.application(placement=PROD)
    await theatre.synced()
    before = await versions(theatre)
    await theatre.stop()
    async with unknowing(theatre, monkeypatch):
        assert await placed(theatre) == "eu"
    await theatre.synced()
    assert await placed(theatre) == "eu"
    assert await versions(theatre) == before


async def test_a_hub_that_does_not_know_the_clusters_yet_ends_no_request(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """H16: the rule is ``fleet.world.objects.World.complete``: a cluster that is not known yet may still answer."""
    commit = theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    await begin(theatre)
    await theatre.application(placement=PROD, syncPolicy={"retry": {"limit": 1}})
    await theatre.told("app", "Manual")
    await theatre.api.patch("Cluster", "eu", names.HUB_NAMESPACE, {"spec": {"paused": True}})
    await theatre.told("app", "Paused", "eu")
    await theatre.annotate("app", sync=commit)

    async def runs() -> bool:
        return (await theatre.status()).get("lastSync", {}).get("phase") == "Running"

    await until(runs, what="the request is taken up")
    await theatre.stop()
    async with unknowing(theatre, monkeypatch):
        assert await runs()
    await theatre.api.patch("Cluster", "eu", names.HUB_NAMESPACE, {"spec": {"paused": None}})
    await theatre.everywhere("ConfigMap", "a", ("eu",))


async def test_a_cluster_is_kept_until_the_application_that_lost_it_has_rendered(theatre: Theatre) -> None:
    """H16: the rule is ``fleet.hub.withdraw.Withdrawals.unselected``: first it renders, then a grace begins."""
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    await begin(theatre)
    await theatre.application(placement=PROD)
    await theatre.synced()
    before = await uid(theatre, "ConfigMap", "a")
    await theatre.stop()
    await theatre.register("eu", {"env": "other"})
    away = theatre.repo.served.with_suffix(".away")
    theatre.repo.served.rename(away)
    shutil.rmtree(theatre.folder / "data")
    await theatre.start(grace=0.01)
    await theatre.told("app", "RenderFailed")
    for _ in range(3):
        theatre.hub.wake(next(iter(theatre.hub.world.applications)))
        await asyncio.sleep(0.2)
    assert await uid(theatre, "ConfigMap", "a") == before
    away.rename(theatre.repo.served)
    await theatre.nowhere("ConfigMap", "a", ("eu",))


async def test_the_sets_of_applications_that_a_new_hub_does_not_know_are_left_alone(theatre: Theatre) -> None:
    """H16: the rule is ``fleet.worker.pruning.stale``: a target removes members of its own set alone."""
    theatre.repo.commit({"apps/one/a.yaml": config("a", k="1"), "apps/two/b.yaml": config("b", k="1")})
    await begin(theatre)
    for name in ("one", "two"):
        await theatre.application(name)
        await theatre.synced(name)
    before = await versions(theatre)
    await theatre.stop()
    # The hub's store is lost; the new one is told of half of it.
    for kind in ("Application", "Cluster"):
        for found in await theatre.api.list(kind, names.HUB_NAMESPACE):
            name = found["metadata"]["name"]
            await theatre.api.patch(kind, name, names.HUB_NAMESPACE, {"metadata": {"finalizers": None}})
            await theatre.api.delete(kind, name, names.HUB_NAMESPACE)
    theatre.repo.commit({"apps/one/c.yaml": config("c", k="1")})
    await begin(theatre)
    await theatre.application("one")
    await theatre.everywhere("ConfigMap", "c", ("eu",))
    theatre.repo.commit({"apps/one/c.yaml": None})
    await theatre.nowhere("ConfigMap", "c", ("eu",))
    assert await versions(theatre) == before


async def test_a_wrong_label_put_back_within_the_grace_deletes_nothing(theatre: Theatre) -> None:
    """H16: the rule is ``fleet.hub.withdraw.Withdrawals.unselected``: a lost cluster has five minutes."""
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    await theatre.register("us", {"env": "prod"})
    await begin(theatre, lease_duration=3600.0)
    await theatre.application(placement=PROD)
    await theatre.synced()
    before = await live(theatre, "ConfigMap", "a", "us")
    for _ in range(2):
        await theatre.register("us", {"env": "prdo"})
        await theatre.told("app", "WithdrawalPending", "us")
        theatre.hub.clock.advance(200.0)
        await asyncio.sleep(0.2)
        assert await live(theatre, "ConfigMap", "a", "us") == before
        await theatre.register("us", {"env": "prod"})

        async def calm() -> bool:
            return await theatre.condition("app", "WithdrawalPending") is None

        await until(calm, what="the withdrawal is called off")
    theatre.hub.clock.advance(400.0)

    async def same() -> bool:
        return await live(theatre, "ConfigMap", "a", "us") == before

    await holds(same, 0.5, what="the object stays")
    await theatre.register("us", {"env": "prdo"})
    await theatre.told("app", "WithdrawalPending", "us")
    theatre.hub.clock.advance(310.0)
    await theatre.nowhere("ConfigMap", "a", ("us",))
    assert await live(theatre, "ConfigMap", "a")


async def test_an_emptied_environment_folder_deletes_nothing(theatre: Theatre) -> None:
    """H16: the rule is ``fleet.sync.gate.holds``: nothing in place of everything is taken for a mistake."""
    theatre.repo.commit(
        {
            "environments/prod/one.yaml": child(theatre, "one"),
            "environments/prod/two.yaml": child(theatre, "two"),
            "environments/prod/readme.txt": "\n",
            "apps/one/a.yaml": config("a", k="1"),
            "apps/two/b.yaml": config("b", k="1"),
            "apps/two/readme.txt": "\n",
        }
    )
    await begin(theatre)
    await root(theatre, "root", "environments/prod")
    for name in ("root", "one", "two"):
        await theatre.synced(name)
    before = await versions(theatre)
    theatre.repo.commit({"environments/prod/one.yaml": None, "environments/prod/two.yaml": None})
    await theatre.told("root", "EmptySource", "one", "two")
    # The folder itself goes, and the folder of an application too.
    theatre.repo.commit({"environments/prod/readme.txt": None, "apps/one/a.yaml": None})
    await theatre.told("one", "RenderFailed")
    theatre.repo.commit({"apps/two/b.yaml": None})
    await theatre.told("two", "EmptySource", f"{theatre.namespace}/b")
    assert await versions(theatre) == before
    for name in ("one", "two"):
        found = await theatre.api.get("Application", name, names.HUB_NAMESPACE)
        assert found
        assert "deletionTimestamp" not in found["metadata"]
    # Everything comes back, and everything was there all the time.
    theatre.repo.revert("HEAD")
    theatre.repo.revert("HEAD~2")
    theatre.repo.revert("HEAD~4")
    for name in ("root", "one", "two"):
        await theatre.synced(name)
    assert await versions(theatre) == before
