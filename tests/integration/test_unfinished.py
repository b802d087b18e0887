"""Without self-heal: what a commit began is finished, whatever came between; what drifted is left as it is."""

from __future__ import annotations

import pytest

from fleet import names
from tests.stage.api import until
from tests.stage.seams import Guillotine, Journal, watched
from tests.stage.theatre import Theatre, config

LOOSE = {"automated": {"prune": True, "selfHeal": False}, "retry": {"backoff": {"duration": "1s"}}}


async def content(theatre: Theatre) -> dict[str, dict[str, str]]:
    """Names and data of the ConfigMaps on the member."""
    items = await theatre.members["eu"].list("ConfigMap", theatre.namespace)
    return {item["metadata"]["name"]: item["data"] for item in items}


async def begin(theatre: Theatre) -> None:
    """An Application without self-heal on one member, synced and sealed."""
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="1"), "apps/app/b.yaml": config("b", k="1")})
    await theatre.register("eu")
    await theatre.start()
    await theatre.application(syncPolicy=LOOSE)
    await theatre.synced()

    async def sealed() -> bool:
        parents = await theatre.members["eu"].list("ConfigMap", names.MEMBER_NAMESPACE, names.APPLYSET_ID)
        return bool(parents) and all(names.SET_SEAL in p["metadata"]["annotations"] for p in parents)

    await until(sealed, what="the parent is sealed")


@pytest.mark.parametrize("last", ["the parent", "an apply", "a prune"])
async def test_a_commit_that_a_dead_hub_left_half_done_is_finished(theatre: Theatre, last: str) -> None:
    """``fleet.worker.recover.mode`` tells a pass that did not end from drift."""
    await begin(theatre)
    await theatre.stop()
    place = f"/api/v1/namespaces/{theatre.namespace}/configmaps"
    inventory = f"/api/v1/namespaces/{names.MEMBER_NAMESPACE}/configmaps/app.{names.HUB_NAMESPACE}.app"
    at = {
        "the parent": f"eu PATCH {inventory} #1",
        "an apply": f"eu PATCH {place}/c #1",
        "a prune": f"eu DELETE {place}/b #1",
    }[last]
    guillotine = Guillotine(at, after=last != "a prune")
    await theatre.start(watched(Journal(), guillotine))
    await theatre.synced()
    theatre.repo.commit(
        {
            "apps/app/a.yaml": config("a", k="2"),
            "apps/app/b.yaml": None,
            "apps/app/c.yaml": config("c", k="1"),
        }
    )
    await guillotine.fallen.wait()
    await theatre.kill()
    await theatre.start()

    async def finished() -> bool:
        return await content(theatre) == {"a": {"k": "2"}, "c": {"k": "1"}}

    await until(finished, what="the commit is live")


async def test_a_pause_puts_nothing_back_that_drifted_before(theatre: Theatre) -> None:
    """``Worker.pause`` has targets begun with as after a start."""
    await begin(theatre)
    member = theatre.members["eu"]
    await member.patch("ConfigMap", "a", theatre.namespace, {"data": {"k": "by hand"}})
    await theatre.told("app", "SelfHealDisabled")
    await theatre.api.patch("Cluster", "eu", names.HUB_NAMESPACE, {"spec": {"paused": True}})
    await theatre.told("app", "Paused")
    await theatre.api.patch("Cluster", "eu", names.HUB_NAMESPACE, {"spec": {"paused": None}})

    async def resumed() -> bool:
        return await theatre.condition("app", "Paused") is None

    await until(resumed, what="the cluster is resumed")
    # A commit is brought about as ever, and is a whole pass: so the next thing that is applied proves the rest.
    assert await content(theatre) == {"a": {"k": "by hand"}, "b": {"k": "1"}}
    commit = theatre.repo.commit({"apps/app/c.yaml": config("c", k="1")})
    await theatre.synced(commit=commit)
    assert (await content(theatre))["c"] == {"k": "1"}
