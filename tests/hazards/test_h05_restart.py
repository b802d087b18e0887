"""H5: after a restart the members tell what is applied; nobody's approval is assumed, and nothing is forgotten."""

from __future__ import annotations

import asyncio
import subprocess
from typing import Any

from fleet import names
from fleet.model import ApplicationKey
from tests.hazards.scene import begin, has, live, sealed, uid
from tests.integration.test_sync_more import healthy
from tests.stage.api import holds, until
from tests.stage.repository import ENVIRONMENT
from tests.stage.seams import Guillotine, Journal, Meddler, meddled, watched
from tests.stage.theatre import Theatre, config, deployment, manifest, manifest_of

SHOWN: dict[str, Any] = {
    "automated": {"prune": True, "selfHeal": False},
    "retry": {"backoff": {"duration": "1s", "maxDuration": "1s"}},
}
MANUAL: dict[str, Any] = {"retry": {"backoff": {"duration": "1s", "maxDuration": "2s"}}}


async def answered(theatre: Theatre, phase: str = "Succeeded") -> None:
    """Wait until the last request has come to this."""

    async def look() -> bool:
        return ((await theatre.status()).get("lastSync") or {}).get("phase") == phase

    await until(look, what=f"the request is {phase}")


async def passes(theatre: Theatre, count: int = 2) -> None:
    """Wait until so many more passes of app have ended."""
    seen: set[float] = set()

    async def look() -> bool:
        key = ApplicationKey(names.HUB_NAMESPACE, "app")
        seen.update(outcome.at for outcome in theatre.hub.board.outcomes(key))
        return len(seen) > count

    await until(look, interval=0.05, what="passes have ended")


async def replicas(theatre: Theatre, count: int) -> None:
    """Wait until the Deployment has so many."""

    async def look() -> bool:
        found = await live(theatre, "Deployment", "web")
        return bool(found and found["spec"]["replicas"] == count)

    await until(look, what=f"there are {count} replicas")


async def approved(theatre: Theatre) -> str:
    """A manual Application, synced at a commit that somebody asked for, while the branch went on; the commit."""
    commit = theatre.repo.commit(
        {"apps/app/a.yaml": config("a", k="1"), "apps/app/b.yaml": config("b", k="1")}
    )
    await begin(theatre)
    await theatre.application(syncPolicy=MANUAL)
    await theatre.told("app", "Manual")
    await theatre.annotate("app", sync=f"{commit};by=me")
    await answered(theatre)
    await theatre.synced(commit=commit)
    return commit


async def test_drift_made_while_the_hub_was_away_is_found_though_nothing_is_remembered(
    theatre: Theatre,
) -> None:
    """H5: the rule is ``fleet.worker.recover.settled``: only what the seal proves is left alone."""
    theatre.repo.commit({"apps/app/web.yaml": deployment(), "apps/app/a.yaml": config("a", k="1")})
    await begin(theatre)
    await theatre.application()
    await theatre.synced()
    await sealed(theatre)
    await theatre.stop()
    await theatre.members["eu"].scale("web", theatre.namespace, 7)
    untouched = await live(theatre, "ConfigMap", "a")
    await theatre.start()

    async def healed() -> bool:
        found = await live(theatre, "Deployment", "web")
        return bool(found and found["spec"]["replicas"] == 2)

    await until(healed, what="the drift is healed")
    assert await live(theatre, "ConfigMap", "a") == untouched


async def test_a_restart_neither_heals_nor_syncs_what_nobody_approved(theatre: Theatre) -> None:
    """H5: the rule is ``fleet.worker.recover.mode``: after a start, without self-heal, it compares."""
    theatre.repo.commit(
        {
            "apps/manual/m.yaml": config("m", k="1"),
            "apps/shown/s.yaml": config("s", k="1"),
        }
    )
    await begin(theatre)
    shown = {"automated": {"prune": True, "selfHeal": False}}
    await theatre.application("shown", syncPolicy=shown)
    await theatre.application("manual", syncPolicy=MANUAL)
    await theatre.told("manual", "Manual")
    await theatre.annotate("manual", sync=theatre.repo.head())
    await theatre.synced("manual")
    await theatre.synced("shown")
    await sealed(theatre, "shown")
    await theatre.members["eu"].patch("ConfigMap", "s", theatre.namespace, {"data": {"k": "by hand"}})
    await theatre.told("shown", "SelfHealDisabled")
    theatre.repo.commit({"apps/manual/m.yaml": config("m", k="2")})
    await theatre.told("manual", "Manual")
    await theatre.stop()
    meddler = Meddler()
    await theatre.start(meddled(meddler))

    async def known() -> bool:
        keys = [ApplicationKey(names.HUB_NAMESPACE, name) for name in ("manual", "shown")]
        return all(theatre.hub.board.outcomes(key) for key in keys)

    await until(known, what="both are compared")
    assert [(await theatre.status(name))["sync"] for name in ("manual", "shown")] == ["OutOfSync"] * 2
    await holds(lambda: _unsent(meddler), 1.0, what="nothing is written to the member")
    await has(theatre, "s", k="by hand")
    await has(theatre, "m", k="1")


async def test_what_is_only_shown_is_not_put_back_since_something_else_failed_or_the_hub_was_restarted(
    theatre: Theatre,
) -> None:
    """H5: the rule is ``fleet.worker.recover.spares``: a commit puts back, or a person's sync, and nothing else."""
    strange = {"apiVersion": "nobody.test/v1", "kind": "Unserved", "metadata": {"name": "strange"}}
    theatre.repo.commit(
        {
            "apps/app/web.yaml": deployment(),
            "apps/app/a.yaml": config("a", k="1"),
            "apps/app/strange.yaml": manifest_of(strange),
        }
    )
    await begin(theatre)
    await theatre.application(syncPolicy=SHOWN)
    await theatre.told("app", "SyncFailed", "Unserved")
    await theatre.members["eu"].scale("web", theatre.namespace, 7)
    await theatre.members["eu"].delete("ConfigMap", "a", theatre.namespace)
    await theatre.told("app", "SelfHealDisabled")
    await passes(theatre)
    await replicas(theatre, 7)
    assert await live(theatre, "ConfigMap", "a") is None
    await theatre.stop()
    await theatre.start()
    await theatre.told("app", "SelfHealDisabled")
    await passes(theatre)
    await replicas(theatre, 7)
    await theatre.told("app", "SelfHealDisabled")
    await theatre.annotate("app", sync=theatre.repo.head())
    await replicas(theatre, 2)
    await theatre.everywhere("ConfigMap", "a", ("eu",))
    await theatre.members["eu"].scale("web", theatre.namespace, 7)
    await theatre.told("app", "SelfHealDisabled")
    commit = theatre.repo.commit({"apps/app/strange.yaml": None})
    await theatre.synced(commit=commit)
    await replicas(theatre, 2)


async def test_what_is_only_shown_is_not_put_back_while_a_wave_waits(theatre: Theatre) -> None:
    """H5: the rule is ``fleet.worker.recover.spares``."""
    late = manifest("ConfigMap", "late", metadata={"annotations": {"fleethub.dev/sync-wave": "1"}})
    theatre.repo.commit(
        {
            "apps/app/web.yaml": deployment(),
            "apps/app/a.yaml": config("a", k="1"),
            "apps/app/late.yaml": late,
        }
    )
    await begin(theatre)
    await theatre.application(syncPolicy=SHOWN)
    await theatre.told("app", "WaveWaits", "web")
    await theatre.members["eu"].patch("ConfigMap", "a", theatre.namespace, {"data": {"k": "by hand"}})
    await theatre.told("app", "SelfHealDisabled")
    await healthy(theatre, "web")
    await theatre.everywhere("ConfigMap", "late", ("eu",))
    await has(theatre, "a", k="by hand")
    await theatre.told("app", "SelfHealDisabled")


async def _unsent(meddler: Meddler) -> bool:
    return not [request for request in meddler.writes("eu") if ("dryRun", "All") not in request.query]


async def test_a_sync_that_was_asked_for_goes_on_at_its_commit_when_the_hub_dies_meanwhile(
    theatre: Theatre,
) -> None:
    """H5: the rule is ``fleet.hub.asking.Asking.asked``: a request that runs is taken up where it stands."""
    first = theatre.repo.commit(
        {"apps/app/a.yaml": config("a", k="1"), "apps/app/b.yaml": config("b", k="1")}
    )
    await theatre.register("eu")
    path = f"/api/v1/namespaces/{theatre.namespace}/configmaps/a"
    guillotine = Guillotine(f"eu PATCH {path} #1", after=True)
    await theatre.start(watched(Journal(), guillotine))
    await theatre.application(syncPolicy=MANUAL)
    await theatre.told("app", "Manual")
    await theatre.annotate("app", sync=f"{first};by=me")
    await asyncio.wait_for(guillotine.fallen.wait(), 20)
    await theatre.kill()
    # The branch goes on, and the annotation is another's to take away: what stands in the status counts.
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="2"), "apps/app/b.yaml": config("b", k="2")})
    await theatre.annotate("app", sync=None)
    await theatre.start()
    await answered(theatre)
    await has(theatre, "a", k="1")
    await has(theatre, "b", k="1")


async def test_a_commit_that_a_member_runs_outlives_a_forced_push_and_a_clean_up_of_the_mirror(
    theatre: Theatre,
) -> None:
    """H5: the rule is ``fleet.git.keep.keep``: a recorded commit has a ref of its own in the mirror."""
    approved_commit = await approved(theatre)
    before = await uid(theatre, "ConfigMap", "a")
    theatre.repo.rewrite({"apps/app/a.yaml": config("a", k="9")})
    await theatre.told("app", "Manual")

    async def kept() -> bool:
        refs = _git(theatre, "for-each-ref", "--format=%(objectname)", "refs/fleethub/")
        return approved_commit in refs

    await until(kept, 5, what="the mirror keeps the commit")
    _git(theatre, "reflog", "expire", "--expire=now", "--all")
    _git(theatre, "gc", "--quiet", "--prune=now")
    # Somebody's edit is put back as it was approved; no branch leads there any more.
    await theatre.members["eu"].patch("ConfigMap", "a", theatre.namespace, {"data": {"k": "by hand"}})
    await theatre.annotate("app", sync=f"{approved_commit};by=me;at=again")
    await has(theatre, "a", k="1")
    assert await uid(theatre, "ConfigMap", "a") == before


def _git(theatre: Theatre, *arguments: str) -> str:
    (mirror,) = [path for path in (theatre.folder / "data" / "mirrors").iterdir() if path.is_dir()]
    done = subprocess.run(
        ["git", "--git-dir", str(mirror), *arguments],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout
