"""A hub that stops and starts writes nothing where nothing changed, and mends what changed meanwhile."""

from __future__ import annotations

from fleet import names
from tests.stage.api import until
from tests.stage.seams import Journal, watched
from tests.stage.theatre import Theatre, config, deployment


async def settled(theatre: Theatre, *applications: str) -> None:
    """Wait until every parent carries its seal."""

    async def sealed() -> bool:
        for member in theatre.members.values():
            parents = await member.list("ConfigMap", names.MEMBER_NAMESPACE, names.APPLYSET_ID)
            if len(parents) != len(applications):
                return False
            if not all(names.SET_SEAL in p["metadata"]["annotations"] for p in parents):
                return False
        return True

    await until(sealed, 30, what="all parents are sealed")


async def versions(theatre: Theatre) -> dict[str, str]:
    """ResourceVersions of all that is in the test's namespace."""
    found = {}
    for name, member in theatre.members.items():
        for kind in ("ConfigMap", "Deployment"):
            for item in await member.list(kind, theatre.namespace):
                found[f"{name}/{kind}/{item['metadata']['name']}"] = item["metadata"]["resourceVersion"]
    return found


async def begin(theatre: Theatre) -> None:
    theatre.repo.commit(
        {
            "apps/one/web.yaml": deployment(),
            "apps/one/a.yaml": config("a", k="v"),
            "apps/two/b.yaml": config("b", k="v"),
        }
    )
    for name in theatre.members:
        await theatre.register(name, {"env": "test"})
    await theatre.start()
    await theatre.application("one")
    await theatre.application("two")
    await theatre.synced("one")
    await theatre.synced("two")
    await settled(theatre, "one", "two")


async def test_a_clean_restart_writes_nothing(theatre: Theatre) -> None:
    await begin(theatre)
    await theatre.keyed("hub", "test")
    before = await versions(theatre)
    await theatre.stop()
    journal = Journal()
    hub = await theatre.start(watched(journal))

    async def known() -> bool:
        return all(len(hub.board.outcomes(key)) == len(theatre.members) for key in hub.world.applications)

    await until(known, what="all targets are known again")
    await theatre.synced("one")
    await hub.clock.sleep(1.5)
    assert journal.writes == []
    assert await versions(theatre) == before


async def test_drift_made_while_the_hub_was_down_is_healed_and_nothing_else_is_touched(
    theatre: Theatre,
) -> None:
    await begin(theatre)
    before = await versions(theatre)
    await theatre.stop()
    await theatre.members["eu"].scale("web", theatre.namespace, 7)
    await theatre.members["us"].delete("ConfigMap", "b", theatre.namespace)
    await theatre.start()

    async def healed() -> bool:
        web = await theatre.members["eu"].get("Deployment", "web", theatre.namespace)
        other = await theatre.members["us"].get("ConfigMap", "b", theatre.namespace)
        return bool(web and web["spec"]["replicas"] == 2 and other)

    await until(healed, what="the drift is healed")
    await theatre.synced("one")
    await theatre.synced("two")
    after = await versions(theatre)
    touched = {key for key in before if after.get(key) != before[key]}
    assert touched == {"eu/Deployment/web", "us/ConfigMap/b"}


async def test_a_second_hub_writes_nothing_while_the_first_lives(theatre: Theatre) -> None:
    await begin(theatre)
    journal = Journal()
    second = Theatre(theatre.planes, theatre.api, theatre.members)
    starting = __import__("asyncio").ensure_future(second.start(watched(journal)))
    await theatre.hub.clock.sleep(2.0)
    assert not starting.done()
    assert journal.writes == []
    starting.cancel()
    await second.stop()


async def test_a_hub_whose_etcd_is_lost_takes_over_without_touching_a_healthy_object(
    theatre: Theatre,
) -> None:
    await begin(theatre)
    before = await versions(theatre)
    await theatre.stop()
    for kind in ("Application", "Cluster"):
        for found in await theatre.api.list(kind, names.HUB_NAMESPACE):
            await theatre.api.patch(
                kind, found["metadata"]["name"], names.HUB_NAMESPACE, {"metadata": {"finalizers": None}}
            )
            await theatre.api.delete(kind, found["metadata"]["name"], names.HUB_NAMESPACE)
    await theatre.api.delete("Lease", names.HUB_LEASE, names.HUB_NAMESPACE)
    for name in theatre.members:
        await theatre.register(name, {"env": "test"})
    await theatre.start()
    await theatre.application("one")
    await theatre.application("two")
    await theatre.synced("one")
    await theatre.synced("two")
    assert await versions(theatre) == before
