"""H15: the parent leads to every object at every moment, and a lost one is made again from what is there."""

from __future__ import annotations

import asyncio

from fleet import names
from tests.hazards.scene import begin, gone, kinds, live, parent, sealed, uid
from tests.stage.api import until
from tests.stage.seams import Guillotine, Journal, Meddler, meddled, watched
from tests.stage.theatre import Theatre, config, manifest


def secret(name: str = "s") -> str:
    """A Secret's manifest."""
    return manifest("Secret", name, stringData={"p": "v"})


async def test_a_crash_after_the_first_object_of_a_kind_leaves_nothing_behind(theatre: Theatre) -> None:
    """H15: the rule is ``fleet.sync.parent.declare``: the parent names a kind before its first object is made."""
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    await begin(theatre)
    await theatre.application()
    await theatre.synced()
    await theatre.stop()
    path = f"/api/v1/namespaces/{theatre.namespace}/secrets/s"
    guillotine = Guillotine(f"eu PATCH {path} #1", after=True)
    theatre.repo.commit({"apps/app/s.yaml": secret()})
    await theatre.start(watched(Journal(), guillotine))
    await asyncio.wait_for(guillotine.fallen.wait(), 20)
    await theatre.kill()
    assert await live(theatre, "Secret", "s")
    # Before anybody comes back, Git wants it no more.
    theatre.repo.commit({"apps/app/s.yaml": None})
    await theatre.start()
    await theatre.nowhere("Secret", "s", ("eu",))
    await theatre.synced()


async def test_a_crash_before_the_last_object_of_a_kind_is_pruned_leaves_nothing_behind(
    theatre: Theatre,
) -> None:
    """H15: the rule is ``fleet.sync.parent.declare``: it unites what is wanted with what was there."""
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="1"), "apps/app/s.yaml": secret()})
    await theatre.register("eu")
    path = f"/api/v1/namespaces/{theatre.namespace}/secrets/s"
    guillotine = Guillotine(f"eu DELETE {path} #1")
    await theatre.start(watched(Journal(), guillotine))
    await theatre.application()
    await theatre.synced()
    commit = theatre.repo.commit({"apps/app/s.yaml": None, "apps/app/a.yaml": config("a", k="2")})
    await asyncio.wait_for(guillotine.fallen.wait(), 20)
    await theatre.kill()
    assert await live(theatre, "Secret", "s")
    await theatre.start()
    await theatre.nowhere("Secret", "s", ("eu",))
    await theatre.synced(commit=commit)
    # Only then does the parent forget the kind.
    await sealed(theatre)

    async def forgotten() -> bool:
        return await kinds(theatre) == {"ConfigMap"}

    await until(forgotten, what="the parent names what is left")


async def test_a_kind_whose_objects_cannot_be_removed_yet_stays_in_the_parent(theatre: Theatre) -> None:
    """H15: the rule is ``fleet.worker.passes.seal``: it names what members there are, not what Git wants."""
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="1"), "apps/app/s.yaml": secret()})
    await begin(theatre)
    # Without prune, what Git drops stays a member, as long as it may take.
    await theatre.application(syncPolicy={"automated": {"prune": False, "selfHeal": True}})
    await theatre.synced()
    await sealed(theatre)
    theatre.repo.commit({"apps/app/s.yaml": None, "apps/app/a.yaml": config("a", k="2")})
    await theatre.told("app", "PruneDisabled", f"{theatre.namespace}/s")
    theatre.hub.clock.advance(10.0)
    await theatre.stop()
    assert await kinds(theatre) == {"ConfigMap", "Secret"}
    await theatre.start()
    await theatre.told("app", "PruneDisabled", f"{theatre.namespace}/s")
    await theatre.application(syncPolicy={"automated": {"prune": True, "selfHeal": True}})
    await theatre.nowhere("Secret", "s", ("eu",))
    await theatre.synced()


async def test_a_parent_that_somebody_deleted_is_made_again_with_its_kinds(theatre: Theatre) -> None:
    """H15: the rule is ``fleet.worker.rebuild.kinds``: every listable kind is asked for members of the set."""
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="1"), "apps/app/s.yaml": secret()})
    await begin(theatre)
    await theatre.application(syncPolicy={"automated": {"prune": False, "selfHeal": True}})
    await theatre.synced()
    theatre.repo.commit({"apps/app/s.yaml": None, "apps/app/a.yaml": config("a", k="2")})
    await theatre.told("app", "PruneDisabled", f"{theatre.namespace}/s")
    await lose(theatre)

    async def again() -> bool:
        return await kinds(theatre) == {"ConfigMap", "Secret"}

    await until(again, what="the parent names both kinds again")


async def test_a_parent_lost_while_the_hub_was_away_is_made_again_with_its_kinds(theatre: Theatre) -> None:
    """H15: the rule is ``fleet.hub.knowing.Knowing.stood``: a target that was placed here had a parent."""
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="1"), "apps/app/s.yaml": secret()})
    await begin(theatre)
    await theatre.application()
    await theatre.synced()
    before = await uid(theatre, "ConfigMap", "a")
    await theatre.stop()
    await lose(theatre)
    commit = theatre.repo.commit({"apps/app/s.yaml": None})
    await theatre.start()
    await theatre.nowhere("Secret", "s", ("eu",))
    await theatre.synced(commit=commit)
    assert await uid(theatre, "ConfigMap", "a") == before


async def test_objects_whose_parent_was_lost_go_with_their_application(theatre: Theatre) -> None:
    """H15: the rule is ``fleet.worker.withdrawal.run``: it looks for what carries the label before it is done."""
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="1"), "apps/app/s.yaml": secret()})
    await begin(theatre)
    await theatre.application()
    await theatre.synced()
    await theatre.stop()
    await lose(theatre)
    await theatre.api.delete("Application", "app", names.HUB_NAMESPACE)
    await theatre.start()
    await gone(theatre)
    assert await live(theatre, "ConfigMap", "a") is None
    assert await live(theatre, "Secret", "s") is None
    assert await parent(theatre) is None


async def lose(theatre: Theatre) -> None:
    """Delete the parent, as somebody might who tidies up."""
    found = await parent(theatre)
    assert found
    await theatre.members["eu"].delete("ConfigMap", found["metadata"]["name"], names.MEMBER_NAMESPACE)


async def test_a_label_taken_off_while_the_hub_was_away_is_put_back(theatre: Theatre) -> None:
    """H15: the rule is ``fleet.worker.recover.settled``: a set that lost a member has another seal."""
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="1"), "apps/app/b.yaml": config("b", k="1")})
    await begin(theatre)
    await theatre.application()
    await theatre.synced()
    await sealed(theatre)
    before = await live(theatre, "ConfigMap", "b")
    await theatre.stop()
    found = await live(theatre, "ConfigMap", "a")
    assert found
    label = found["metadata"]["labels"][names.APPLYSET_PART_OF]
    off = {"metadata": {"labels": {names.APPLYSET_PART_OF: None}}}
    await theatre.members["eu"].patch("ConfigMap", "a", theatre.namespace, off)
    meddler = Meddler()
    await theatre.start(meddled(meddler))

    async def back() -> bool:
        now = await live(theatre, "ConfigMap", "a")
        return bool(now and now["metadata"].get("labels", {}).get(names.APPLYSET_PART_OF) == label)

    await until(back, what="the label is back")
    assert await live(theatre, "ConfigMap", "b") == before
