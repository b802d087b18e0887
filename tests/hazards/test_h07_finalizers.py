"""H7: nothing is placed without a record, and nothing is released before it is gone or let go of by name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from fleet import names
from tests.hazards.scene import begin, cluster_told, gone, live, parent, root, uid
from tests.stage.api import holds, until
from tests.stage.proxy import Proxy
from tests.stage.seams import Guillotine, Journal, watched
from tests.stage.teams import sent
from tests.stage.theatre import Theatre, config, manifest

PROD = {"clusterSelector": {"matchLabels": {"env": "prod"}}}


@pytest.fixture
async def line(theatre: Theatre) -> AsyncIterator[Proxy]:
    """The only way to the member ``eu``; closed, nobody answers there."""
    proxy = Proxy(theatre.planes.members["eu"])
    await proxy.start()
    await theatre.register("eu", {"env": "prod"}, kubeconfig=proxy.kubeconfig(theatre.folder))
    yield proxy
    await theatre.stop()
    await proxy.close()


async def event(theatre: Theatre, reason: str, *words: str) -> None:
    """Wait for an Event."""

    async def look() -> bool:
        for found in await theatre.api.list("Event", names.HUB_NAMESPACE):
            if found["reason"] == reason and all(word in found["message"] for word in words):
                return True
        return False

    await until(look, what=f"an Event {reason} {words}")


async def finalizers(theatre: Theatre) -> list[str]:
    """Finalizers of the Application; it is there."""
    found = await theatre.api.get("Application", "app", names.HUB_NAMESPACE)
    assert found, "the Application is gone"
    return list(found["metadata"].get("finalizers", ()))


async def placed(theatre: Theatre) -> str:
    """An Application on ``eu`` through the line; the UID of its object."""
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    await theatre.start()
    await theatre.application(placement=PROD)
    await theatre.synced()
    return await uid(theatre, "ConfigMap", "a")


async def test_a_cluster_that_went_dark_before_anything_was_told_still_holds_the_deletion(
    theatre: Theatre, line: Proxy
) -> None:
    """H7: the rule is ``fleet.hub.finalizer.Finalizer.hold``: the name stands there before the first write."""
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    path = f"/api/v1/namespaces/{theatre.namespace}/configmaps/a"
    guillotine = Guillotine(f"eu PATCH {path} #1", after=True)
    await theatre.start(watched(Journal(), guillotine))
    await theatre.application(placement=PROD)
    await asyncio.wait_for(guillotine.fallen.wait(), 20)
    await line.close()
    await theatre.kill()
    # It is no longer selected, and it is deleted, and no status ever said that eu has anything.
    await theatre.application(placement={"clusterSelector": {"matchLabels": {"env": "none"}}})
    await theatre.api.delete("Application", "app", names.HUB_NAMESPACE)
    await theatre.start()
    await theatre.told("app", "DeletionWaits", "eu")
    # And kopf holds nothing: the finalizer is ours alone.
    assert await finalizers(theatre) == [names.FINALIZER]
    assert await live(theatre, "ConfigMap", "a")
    await line.start()
    await gone(theatre)
    assert await live(theatre, "ConfigMap", "a") is None
    assert await parent(theatre) is None


async def test_a_dark_cluster_is_let_go_of_by_name_and_an_event_says_so(
    theatre: Theatre, line: Proxy
) -> None:
    """H7: the rule is ``fleet.hub.withdraw.Withdrawals.deleted``: it waits for names, or for a person's word."""
    before = await placed(theatre)
    await line.close()
    await cluster_told(theatre, "eu", "Reachable", "False")
    await theatre.api.delete("Application", "app", names.HUB_NAMESPACE)
    await theatre.told("app", "DeletionWaits", "eu", "--abandon eu")

    async def waits() -> bool:
        return await finalizers(theatre) == [names.FINALIZER]

    await holds(waits, 1.0, what="the finalizer holds")
    await theatre.annotate("app", abandon="eu")
    await gone(theatre)
    await event(theatre, "Abandoned", "eu")
    assert await uid(theatre, "ConfigMap", "a") == before


@pytest.mark.usefixtures("line")
async def test_a_registration_that_is_gone_does_not_hold_an_application_for_ever(theatre: Theatre) -> None:
    """H7: the rule is ``fleet.hub.withdraw.Withdrawals.deleted``: a cluster without Cluster is let go of."""
    before = await placed(theatre)
    await theatre.api.delete("Secret", "eu", names.HUB_NAMESPACE)

    async def deregistered() -> bool:
        return await theatre.api.get("Cluster", "eu", names.HUB_NAMESPACE) is None

    await until(deregistered, what="the Cluster is gone with its Secret")
    await theatre.api.delete("Application", "app", names.HUB_NAMESPACE)
    await gone(theatre)
    await event(theatre, "Abandoned", "eu")
    assert await uid(theatre, "ConfigMap", "a") == before


async def test_finalizer_and_names_that_somebody_takes_off_are_put_back_by_one_write(
    theatre: Theatre,
) -> None:
    """H7: the rule is ``fleet.hub.finalizer.Finalizer.stands``, also of one that is compared, or does not render."""
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    journal = Journal()
    await begin(theatre, seams=watched(journal))
    await theatre.application()
    await theatre.synced()

    async def taken() -> None:
        before = len(sent(journal, "/applications/app "))
        bare: dict[str, Any] = {"finalizers": None, "annotations": {names.PLACED: None}}
        await theatre.api.patch("Application", "app", names.HUB_NAMESPACE, {"metadata": bare})

        async def back() -> bool:
            found = await theatre.api.get("Application", "app", names.HUB_NAMESPACE)
            metadata = (found or {}).get("metadata", {})
            marks = metadata.get("annotations", {}), metadata.get("finalizers")
            return (marks[0].get(names.PLACED), marks[1]) == ("eu", [names.FINALIZER])

        async def once() -> bool:
            return len(sent(journal, "/applications/app ")) == before + 1

        await until(back, what="finalizer and names are back")
        await holds(once, 0.5, what="one write puts them back")

    await taken()
    await theatre.application(syncPolicy={"retry": {"limit": 1}})
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="2")})
    await theatre.told("app", "Manual")
    await taken()
    theatre.repo.commit({"apps/app/kustomization.yaml": "resources: [gone.yaml]\n"})
    await theatre.told("app", "RenderFailed")
    await taken()
    await theatre.api.delete("Application", "app", names.HUB_NAMESPACE)
    await gone(theatre)
    assert await live(theatre, "ConfigMap", "a") is None
    assert await parent(theatre) is None


async def test_an_orphan_keeps_everything_that_we_gave_it(theatre: Theatre) -> None:
    """H7: the rule is ``fleet.sync.orphan.release``: our entry and label go, by one patch, and no field does."""
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="1", other="2")})
    await begin(theatre)
    await theatre.application(deletionPolicy="Orphan")
    await theatre.synced()
    before = await live(theatre, "ConfigMap", "a")
    assert before
    await theatre.api.delete("Application", "app", names.HUB_NAMESPACE)
    await gone(theatre)
    after = await live(theatre, "ConfigMap", "a")
    assert after
    assert (after["data"], after["metadata"]["uid"]) == (before["data"], before["metadata"]["uid"])
    metadata: dict[str, Any] = after["metadata"]
    assert names.APPLYSET_PART_OF not in metadata.get("labels", {})
    assert names.FIELD_MANAGER not in [entry["manager"] for entry in metadata.get("managedFields", ())]
    assert await parent(theatre) is None


@pytest.mark.usefixtures("line")
async def test_a_child_exported_with_the_marks_of_the_hub_does_not_bring_them_along(theatre: Theatre) -> None:
    """H7: the rule is ``fleet.sync.shape.body``: where it is placed, and that it is held, the hub alone says."""
    marks = {names.PLACED: "us", names.LEAVING: "eu,us"}
    child: dict[str, Any] = {
        "project": "default",
        "source": {"repoURL": theatre.repo.url, "targetRevision": "main", "path": "apps/app"},
        "placement": PROD,
        "namespace": theatre.namespace,
        "syncPolicy": {"automated": {"prune": True, "selfHeal": True}},
    }
    exported = manifest(
        "Application",
        "app",
        names.HUB_NAMESPACE,
        metadata={"annotations": marks, "finalizers": [names.FINALIZER]},
        spec=child,
    )
    other = manifest(
        "Application",
        "other",
        names.HUB_NAMESPACE,
        spec={**child, "source": {**child["source"], "path": "apps/other"}},
    )
    theatre.repo.commit(
        {
            "apps/app/a.yaml": config("a", k="1"),
            "apps/other/b.yaml": config("b", k="1"),
            "root/app.yaml": exported,
            "root/other.yaml": other,
        }
    )
    await theatre.start()
    await root(theatre)
    await theatre.synced("root")
    await theatre.synced()
    # The root says it all once more; what the hub wrote meanwhile stays.
    await theatre.synced("root", theatre.repo.commit({"root/app.yaml": exported.replace("true", "false", 1)}))
    found = await theatre.api.get("Application", "app", names.HUB_NAMESPACE)
    assert found is not None
    assert found["metadata"]["annotations"].get(names.PLACED) == "eu"
    assert names.LEAVING not in found["metadata"]["annotations"]
    # What a restarted hub goes by is what stands there.
    await theatre.kill()
    await theatre.start()
    theatre.repo.commit({"root/app.yaml": None})
    await gone(theatre)
    assert await live(theatre, "ConfigMap", "a") is None
    assert await parent(theatre) is None
