"""A commit reaches every selected cluster; drift is put back; what leaves Git leaves the clusters."""

from __future__ import annotations

from fleet import names
from tests.stage.api import until
from tests.stage.theatre import Theatre, config, deployment, join, manifest


async def both(theatre: Theatre) -> None:
    for name in theatre.members:
        await theatre.register(name)


async def test_a_commit_reaches_every_selected_cluster(theatre: Theatre) -> None:
    service = manifest("Service", "web", spec={"selector": {"app": "web"}, "ports": [{"port": 80}]})
    first = theatre.repo.commit({"apps/app/all.yaml": join(deployment(), service)})
    await both(theatre)
    await theatre.start()
    await theatre.application()
    found = await theatre.everywhere("Deployment", "web")
    assert [item["spec"]["replicas"] for item in found.values()] == [2, 2]
    await theatre.synced(commit=first)

    second = theatre.repo.commit({"apps/app/all.yaml": join(deployment(replicas=5), service)})
    await theatre.synced(commit=second)
    found = await theatre.everywhere("Deployment", "web")
    assert [item["spec"]["replicas"] for item in found.values()] == [5, 5]

    third = theatre.repo.revert()
    await theatre.synced(commit=third)
    found = await theatre.everywhere("Deployment", "web")
    assert [item["spec"]["replicas"] for item in found.values()] == [2, 2]


async def test_scaling_by_hand_is_put_back_and_the_event_names_who_did_it(theatre: Theatre) -> None:
    theatre.repo.commit({"apps/app/web.yaml": deployment(replicas=3)})
    await both(theatre)
    await theatre.start()
    await theatre.application()
    await theatre.synced()
    member = theatre.members["eu"]
    await member.scale("web", theatre.namespace, 1)

    async def back() -> bool:
        found = await member.get("Deployment", "web", theatre.namespace)
        return bool(found and found["spec"]["replicas"] == 3)

    await until(back, what="the replicas are back")

    async def named() -> bool:
        events = await theatre.api.list("Event", names.HUB_NAMESPACE)
        told = [e["message"] for e in events if e["reason"] == "DriftHealed"]
        return any("set by kubectl (Update, 20" in message for message in told)

    await until(named, what="an event names kubectl")


async def test_a_file_removed_from_git_is_pruned_and_other_objects_are_left_alone(theatre: Theatre) -> None:
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="v"), "apps/app/b.yaml": config("b", k="v")})
    await both(theatre)
    await theatre.start()
    await theatre.application()
    await theatre.synced()
    foreign = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "foreign", "namespace": theatre.namespace},
        "data": {"k": "v"},
    }
    await theatre.members["eu"].create(foreign)
    theatre.repo.commit({"apps/app/b.yaml": None})
    await theatre.nowhere("ConfigMap", "b")
    await theatre.everywhere("ConfigMap", "a")
    assert await theatre.members["eu"].get("ConfigMap", "foreign", theatre.namespace)


async def test_a_deleted_application_takes_its_objects_and_its_inventory(theatre: Theatre) -> None:
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="v")})
    await both(theatre)
    await theatre.start()
    await theatre.application()
    await theatre.synced()
    await theatre.api.delete("Application", "app", names.HUB_NAMESPACE)
    await theatre.nowhere("ConfigMap", "a")

    async def gone() -> bool:
        return await theatre.api.get("Application", "app", names.HUB_NAMESPACE) is None

    await until(gone, what="the Application is gone")
    for member in theatre.members.values():
        assert await member.list("ConfigMap", names.MEMBER_NAMESPACE, names.APPLYSET_ID) == []


async def test_orphan_leaves_the_objects_and_lets_go_of_them(theatre: Theatre) -> None:
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="v")})
    await both(theatre)
    await theatre.start()
    await theatre.application(deletionPolicy="Orphan")
    await theatre.synced()
    await theatre.api.delete("Application", "app", names.HUB_NAMESPACE)

    async def gone() -> bool:
        return await theatre.api.get("Application", "app", names.HUB_NAMESPACE) is None

    await until(gone, what="the Application is gone")
    for found in (await theatre.everywhere("ConfigMap", "a")).values():
        assert found["data"] == {"k": "v"}
        assert names.APPLYSET_PART_OF not in found["metadata"].get("labels", {})
        assert not any(m["manager"] == "fleethub" for m in found["metadata"].get("managedFields", ()))
