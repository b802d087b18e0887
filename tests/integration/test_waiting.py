"""What waits goes on when it can: a request over its waves, objects that change hands, drift that is no more."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fleet import names
from fleet.model import ApplicationKey, GroupKind, Outcome, Work
from fleet.sync.scope import Scoped
from fleet.worker import passes
from fleet.worker.member import Member
from tests.integration.test_sync_more import gone, healthy, live, one, wave
from tests.stage.api import holds, until
from tests.stage.theatre import Theatre, config, deployment

MANUAL = {"retry": {"backoff": {"duration": "1s", "maxDuration": "2s"}}}


async def phase(theatre: Theatre, wanted: str) -> None:
    async def look() -> bool:
        return ((await theatre.status()).get("lastSync") or {}).get("phase") == wanted

    await until(look, what=f"the request is {wanted}")


async def test_a_request_goes_on_over_waves_that_wait_for_health(theatre: Theatre) -> None:
    commit = theatre.repo.commit(
        {"apps/app/0.yaml": deployment("web"), "apps/app/1.yaml": wave(1, "late", data={"k": "1"})}
    )
    await one(theatre)
    await theatre.application(syncPolicy=MANUAL)
    await theatre.told("app", "Manual")
    await theatre.annotate("app", sync=f"{commit};by=me")
    await theatre.told("app", "WaveWaits", "web")
    await phase(theatre, "Running")
    assert not await live(theatre, "ConfigMap", "late")
    await healthy(theatre, "web")
    await theatre.everywhere("ConfigMap", "late", ("eu",))
    await phase(theatre, "Succeeded")


async def test_drift_of_what_git_names_no_more_is_none(theatre: Theatre) -> None:
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="1"), "apps/app/b.yaml": config("b", k="1")})
    await one(theatre)
    await theatre.application(syncPolicy={"automated": {"prune": True, "selfHeal": False}})
    await theatre.synced()
    await theatre.members["eu"].delete("ConfigMap", "b", theatre.namespace)
    await theatre.told("app", "SelfHealDisabled")
    commit = theatre.repo.commit({"apps/app/b.yaml": None})
    await theatre.synced(commit=commit)


async def test_what_an_application_held_that_is_deleted_before_it_was_heard_is_handed_over(
    theatre: Theatre,
) -> None:
    theatre.repo.commit({"apps/old/a.yaml": config("a", k="1"), "apps/new/b.yaml": config("b", k="1")})
    await one(theatre)
    for name in ("old", "new"):
        await theatre.application(name)
        await theatre.synced(name)
    before = await live(theatre, "ConfigMap", "a")
    await theatre.stop()
    # It does not render, so after the start nobody knows what it wants.
    commit = theatre.repo.commit(
        {"apps/old/kustomization.yaml": "resources: [gone.yaml]\n", "apps/new/a.yaml": config("a", k="1")}
    )
    await theatre.start()
    await theatre.told("new", "ClaimWaits", "old")
    await theatre.api.delete("Application", "old", names.HUB_NAMESPACE)
    await gone(theatre, "old")
    await theatre.synced("new", commit=commit)
    after = await live(theatre, "ConfigMap", "a")
    assert before
    assert after
    assert after["metadata"]["uid"] == before["metadata"]["uid"]


async def test_a_request_on_a_paused_cluster_is_carried_out_when_it_goes_on(theatre: Theatre) -> None:
    commit = theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    await one(theatre)
    await theatre.application(syncPolicy=MANUAL)
    await theatre.told("app", "Manual")
    await theatre.api.patch("Cluster", "eu", names.HUB_NAMESPACE, {"spec": {"paused": True}})
    await theatre.told("app", "Paused", "eu")
    await theatre.annotate("app", sync=commit)
    await phase(theatre, "Running")
    await theatre.api.patch("Cluster", "eu", names.HUB_NAMESPACE, {"spec": {"paused": None}})
    await phase(theatre, "Succeeded")
    assert await live(theatre, "ConfigMap", "a")


async def test_a_request_ends_without_a_cluster_that_is_gone_and_is_not_for_one_that_comes_later(
    theatre: Theatre,
) -> None:
    commit = theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    await theatre.register("us")
    await one(theatre)
    await theatre.application(syncPolicy=MANUAL)
    await theatre.told("app", "Manual")
    await theatre.api.patch("Cluster", "us", names.HUB_NAMESPACE, {"spec": {"paused": True}})
    await theatre.told("app", "Paused", "us")
    await theatre.annotate("app", sync=commit)
    record = theatre.hub.reconciler.records[ApplicationKey(names.HUB_NAMESPACE, "app")]

    async def answered() -> bool:
        return "eu" in record.answered

    await until(answered, what="eu has answered")
    await phase(theatre, "Running")
    await theatre.api.delete("Secret", "us", names.HUB_NAMESPACE)
    await phase(theatre, "Succeeded")
    await theatre.register("us")
    await theatre.told("app", "Manual", "us")

    async def bare() -> bool:
        return await live(theatre, "ConfigMap", "a", "us") is None

    await holds(bare, 0.5, what="nothing is applied to us")
    assert await live(theatre, "ConfigMap", "a")


async def test_what_a_leaving_application_holds_for_another_survives_a_restart(theatre: Theatre) -> None:
    theatre.repo.commit(
        {
            "apps/gold/a.yaml": config("a", k="1"),
            "apps/gold/b.yaml": config("b", k="1"),
            "apps/manual/c.yaml": config("c", k="1"),
        }
    )
    await theatre.register("eu", {"tier": "gold"})
    await theatre.start(grace=0)
    await theatre.application("gold", placement={"clusterSelector": {"matchLabels": {"tier": "gold"}}})
    await theatre.application("manual", syncPolicy=MANUAL)
    await theatre.synced("gold")
    moved = theatre.repo.move("apps/gold/a.yaml", "apps/manual/a.yaml")

    async def wanted() -> bool:
        return (await theatre.status("manual")).get("revision") == moved

    await until(wanted, what="the manual Application wants it")
    before = await live(theatre, "ConfigMap", "a")
    assert before
    await theatre.register("eu", {"tier": "tin"})

    async def left() -> bool:
        return await live(theatre, "ConfigMap", "b") is None

    await until(left, what="gold leaves, but for what another wants")
    assert await live(theatre, "ConfigMap", "a"), "before the restart"
    for _ in range(2):
        await theatre.stop()
        await theatre.start(grace=0)
        await theatre.told("manual", "Manual")
        await asyncio.sleep(1)  # time enough for a withdrawal that is not held
        after = await live(theatre, "ConfigMap", "a")
        assert after
        assert after["metadata"]["uid"] == before["metadata"]["uid"]


async def test_a_list_that_is_complete_before_the_pass_that_missed_it_ends_is_not_missed_again(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits looks again: ``fleet.worker.errands.Errands._work`` counts what became known while the pass ran."""
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="1"), "apps/app/b.yaml": config("b", k="1")})
    await one(theatre)
    await theatre.application()
    await theatre.synced()
    run, kind, blind = passes.run, GroupKind("", "ConfigMap"), [True]

    async def unlisted(work: Work, scoped: Scoped, member: Member, *given: Any) -> Outcome:
        if member.name != "eu" or not blind:
            return await run(work, scoped, member, *given)
        blind.clear()
        member.sightings.listed(kind, None)
        found = await run(work, scoped, member, *given)
        assert any("not completely listed" in one.text for one in found.holds)
        member.sightings.listed(kind, "1")
        eu = theatre.hub.roster.get("eu")
        assert eu is not None
        assert eu.running is not None
        eu.running.listed()
        return found

    monkeypatch.setattr(passes, "run", unlisted)
    theatre.repo.commit({"apps/app/b.yaml": None})
    await theatre.nowhere("ConfigMap", "b", ("eu",))
