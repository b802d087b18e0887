"""H8: kopf only wakes the hub: what it misses, doubles or breaks is found by the hub's own lists, or ends it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from kopf._cogs.clients import api as kopf_api

from controllers.operator import OperatorEnded
from fleet import names
from fleet.kube.request import Request
from fleet.model import ApplicationKey
from fleet.world.relist import HistoryLost
from tests.hazards.conftest import Mortal
from tests.hazards.scene import begin, gone, has, hurried
from tests.stage.api import Api, until
from tests.stage.theatre import Theatre, config, install


@dataclass(slots=True)
class Streams:
    """What kopf's watches bring: everything, nothing, or an error in an event's place."""

    deaf: bool = False
    code: int = 0
    broken: asyncio.Event = field(default_factory=asyncio.Event)


@pytest.fixture
def streams(monkeypatch: pytest.MonkeyPatch) -> Streams:
    """A hand on kopf's watch streams, which are real."""
    found = Streams()
    real = kopf_api.stream

    async def stream(*arguments: Any, **more: Any) -> AsyncIterator[Any]:
        async for event in real(*arguments, **more):
            if found.code:
                found.broken.set()
                yield {"type": "ERROR", "object": {"code": found.code}}
                return
            if not found.deaf:
                yield event

    monkeypatch.setattr(kopf_api, "stream", stream)
    return found


async def test_what_vanished_while_a_watch_had_expired_is_noticed(theatre: Theatre, streams: Streams) -> None:
    """H8: the rule is ``fleet.world.relist.check``: what memory has and no list shows is gone."""
    theatre.repo.commit(
        {"apps/a-ghost/a.yaml": config("a", by="ghost"), "apps/app/a.yaml": config("a", by="app")}
    )
    await begin(theatre)
    # Nobody has asked it to sync: it holds no finalizer and is gone in a moment. But it has the first claim.
    await theatre.application("a-ghost", syncPolicy={})
    await theatre.told("a-ghost", "Manual")
    await theatre.application()
    await theatre.told("app", "ClaimRefused", "ghost")
    streams.deaf = True
    await theatre.api.delete("Application", "a-ghost", names.HUB_NAMESPACE)
    # 410: kopf lists again, and a list does not tell what is missing in it.
    streams.code = 410
    await theatre.annotate("app", refresh="1")
    await asyncio.wait_for(streams.broken.wait(), 10)
    streams.code, streams.deaf = 0, False
    ghost = ApplicationKey(names.HUB_NAMESPACE, "a-ghost")
    assert ghost in theatre.hub.world.applications
    theatre.hub.clock.advance(340.0)
    await has(theatre, "a", by="app")
    await theatre.synced()
    assert ghost not in theatre.hub.world.applications


async def test_a_hub_whose_watches_bring_nothing_at_all_still_gets_there(
    theatre: Theatre, streams: Streams
) -> None:
    """H8: the rule is ``fleet.world.relist.check``: what memory lacks or has older is read."""
    theatre.repo.commit({"apps/old/a.yaml": config("a", k="1"), "apps/app/b.yaml": config("b", k="1")})
    await begin(theatre, lease_duration=3600.0)
    await theatre.application("old")
    await theatre.synced("old")
    streams.deaf = True
    await theatre.application()
    await theatre.api.delete("Application", "old", names.HUB_NAMESPACE)
    async with hurried(theatre, 20.0):
        await has(theatre, "b", k="1")
        await gone(theatre, "old")
        await theatre.nowhere("ConfigMap", "a", ("eu",))


async def test_a_watch_error_ends_the_process_with_an_error(theatre: Theatre, streams: Streams) -> None:
    """H8: the rule is ``controllers.operator.Operator.ended``: a hub that sees nothing must not look alive."""
    await begin(theatre)
    running = theatre.running
    assert running
    streams.code = 500
    await theatre.application()
    with pytest.raises(OperatorEnded):
        await asyncio.wait_for(asyncio.shield(running.task), 20)


async def test_another_operator_of_kopf_does_not_pause_the_hub(theatre: Theatre) -> None:
    """H8: the rule is ``controllers.operator.Operator.start``: standalone, so that nobody's peering counts."""
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    await peering(theatre.api)
    try:
        await begin(theatre)
        await theatre.application()
        await has(theatre, "a", k="1")
    finally:
        await theatre.stop()
        await theatre.api.delete("CustomResourceDefinition", "clusterkopfpeerings.kopf.dev")


async def peering(api: Api) -> None:
    """A peer of kopf's default priority, alive for the next minute, in the place where kopf looks for one."""
    kinds = {"kind": "ClusterKopfPeering", "plural": "clusterkopfpeerings", "singular": "clusterkopfpeering"}
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    await api.apply(
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": "clusterkopfpeerings.kopf.dev"},
            "spec": {"group": "kopf.dev", "names": kinds, "scope": "Cluster", "versions": [version]},
        }
    )

    async def served() -> bool:
        try:
            await api.list("clusterkopfpeerings.kopf.dev")
        except Exception:  # noqa: BLE001 (not served yet, in whatever words)
            return False
        return True

    await until(served, what="the kind is served")
    peer = {"priority": 0, "lastseen": datetime.now(UTC).isoformat(), "lifetime": 60}
    body = {
        "apiVersion": "kopf.dev/v1",
        "kind": "ClusterKopfPeering",
        "metadata": {"name": "default"},
        "status": {"another": peer},
    }
    await api.send(Request("POST", "/apis/kopf.dev/v1/clusterkopfpeerings", body=orjson.dumps(body)))


@pytest.fixture
async def scene(theatre: Theatre, mortal: Mortal) -> AsyncIterator[Theatre]:
    """A theatre whose hub has a store of its own."""
    api = await Api.of(mortal.plane.kubeconfig)
    await install(api)
    made = Theatre(replace(theatre.planes, hub=mortal.plane), api, theatre.members)
    made.namespace, made.repo = theatre.namespace, theatre.repo
    await free(theatre)
    yield made
    await made.close()
    await api.close()
    await free(theatre)


async def test_a_hub_whose_store_is_restored_from_a_backup_begins_anew(
    scene: Theatre, mortal: Mortal
) -> None:
    """H8: the rule is ``fleet.world.relist.check``: news older than memory means that memory is of no use."""
    scene.repo.commit(
        {
            "apps/app/a.yaml": config("a", k="1"),
            "apps/other/b.yaml": config("b", k="1"),
        }
    )
    await scene.register("eu")
    await scene.application()
    await mortal.backup()
    await scene.start(lease_duration=60.0)
    await scene.synced()
    await scene.application(namespace=scene.namespace, source={"path": "apps/other"})
    await has(scene, "b", k="1")
    await mortal.restore()
    running = scene.running
    assert running
    scene.hub.clock.advance(340.0)
    with pytest.raises(HistoryLost):
        await asyncio.wait_for(asyncio.shield(running.task), 30)
    # Whoever starts processes starts it again: it follows what the restored store says.
    await scene.stop()
    await scene.api.delete("Lease", names.HUB_LEASE, names.HUB_NAMESPACE)
    await scene.start()
    await has(scene, "a", k="1")
    await scene.synced()
    await scene.nowhere("ConfigMap", "b", ("eu",))


async def free(theatre: Theatre) -> None:
    """Have no hub's Lease on the member."""
    await theatre.members["eu"].delete("Lease", names.MEMBER_LEASE, names.MEMBER_NAMESPACE)
