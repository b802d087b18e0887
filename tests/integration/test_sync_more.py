"""Order, ownership and policy: what is applied when, whose it is, and who has to be asked first."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fleet import names
from fleet.git import diff
from fleet.model import ApplicationKey
from tests.stage.api import holds, until
from tests.stage.theatre import Theatre, config, definition, deployment, join, manifest, manifest_of

KUBECTL = Path(sys.executable).parent / "kubectl"
MANUAL: dict[str, Any] = {"automated": None}


async def one(theatre: Theatre, **settings: Any) -> None:
    """One member and a hub."""
    await theatre.register("eu")
    await theatre.start(**settings)


async def live(theatre: Theatre, kind: str, name: str, member: str = "eu") -> dict[str, Any] | None:
    return await theatre.members[member].get(kind, name, theatre.namespace)


async def has(theatre: Theatre, name: str, **data: str) -> dict[str, Any]:
    """Wait until a ConfigMap has exactly this content; the object."""
    found: dict[str, Any] | None = None

    async def look() -> bool:
        nonlocal found
        found = await live(theatre, "ConfigMap", name)
        return found is not None and found.get("data", {}) == data

    await until(look, what=f"{name} is {data}")
    assert found is not None
    return found


async def gone(theatre: Theatre, name: str) -> None:
    """Wait until an Application is gone."""

    async def look() -> bool:
        return await theatre.api.get("Application", name, names.HUB_NAMESPACE) is None

    await until(look, what=f"{name} is gone")


def wave(number: int, name: str, **parts: Any) -> str:
    """A ConfigMap of a sync wave."""
    annotations = {"argocd.argoproj.io/sync-wave": str(number)}
    return manifest("ConfigMap", name, metadata={"annotations": annotations}, **parts)


# --- what was there before --------------------------------------------------------------------------------


async def kubectl(theatre: Theatre, *arguments: str, stdin: str = "") -> str:
    """Run the real kubectl against the member."""
    process = await asyncio.create_subprocess_exec(
        str(KUBECTL),
        "--kubeconfig",
        str(theatre.planes.members["eu"].kubeconfig),
        "--namespace",
        theatre.namespace,
        *arguments,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"HOME": str(theatre.folder), "PATH": "/usr/bin:/bin"},
    )
    out, error = await process.communicate(stdin.encode())
    assert process.returncode == 0, error.decode()
    return out.decode()


async def test_what_kubectl_apply_made_is_taken_over_with_all_its_fields(theatre: Theatre) -> None:
    both = config("a", keep="1", drop="2")
    await kubectl(theatre, "apply", "-f", "-", stdin=both)
    before = await live(theatre, "ConfigMap", "a")
    assert before
    assert names.LAST_APPLIED in before["metadata"]["annotations"]
    theatre.repo.commit({"apps/app/a.yaml": both})
    await one(theatre)
    await theatre.application()
    await theatre.synced()
    commit = theatre.repo.commit({"apps/app/a.yaml": config("a", keep="1")})
    await theatre.synced(commit=commit)
    after = await live(theatre, "ConfigMap", "a")
    assert after
    assert after["data"] == {"keep": "1"}
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert names.LAST_APPLIED not in after["metadata"]["annotations"]


async def test_what_kubectl_create_and_a_server_side_apply_made_is_taken_over_too(theatre: Theatre) -> None:
    web = deployment("web", env=[{"name": "KEEP", "value": "1"}, {"name": "DROP", "value": "2"}])
    await kubectl(theatre, "create", "-f", "-", stdin=web)
    await kubectl(theatre, "apply", "--server-side", "-f", "-", stdin=config("a", keep="1", drop="2"))
    slim = deployment("web", env=[{"name": "KEEP", "value": "1"}])
    commit = theatre.repo.commit({"apps/app/all.yaml": join(slim, config("a", keep="1"))})
    await one(theatre)
    await theatre.application()
    await theatre.synced(commit=commit)
    await has(theatre, "a", keep="1")
    found = await live(theatre, "Deployment", "web")
    assert found
    assert found["spec"]["template"]["spec"]["containers"][0]["env"] == [{"name": "KEEP", "value": "1"}]


# --- order ------------------------------------------------------------------------------------------------


async def test_a_definition_and_its_first_object_come_in_one_commit(theatre: Theatre) -> None:
    group = f"more{theatre.number}.test"
    widget = {"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"size": 1}}
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    await one(theatre)
    await theatre.application()
    await theatre.synced()
    member = theatre.members["eu"]
    try:
        files = {"apps/app/crd.yaml": manifest_of(definition(group)), "apps/app/0.yaml": manifest_of(widget)}
        commit = theatre.repo.commit(dict(files))
        await theatre.synced(commit=commit)
        found = await member.get(f"widgets.{group}", "w", theatre.namespace)
        assert found
        assert found["spec"] == {"size": 1}
        # Both leave in one commit too: nothing else uses the definition.
        commit = theatre.repo.commit(dict.fromkeys(files))
        await theatre.synced(commit=commit)

        async def undefined() -> bool:
            return await member.get("CustomResourceDefinition", f"widgets.{group}") is None

        await until(undefined, what="the definition is gone")
    finally:
        await theatre.stop()
        await member.delete("CustomResourceDefinition", f"widgets.{group}")


async def test_sync_waves_go_in_order_whatever_the_kinds(theatre: Theatre) -> None:
    theatre.repo.commit(
        {
            "apps/app/a.yaml": wave(5, "last"),
            "apps/app/b.yaml": manifest(
                "ServiceAccount", "middle", metadata={"annotations": {"fleethub.dev/sync-wave": "2"}}
            ),
            "apps/app/c.yaml": join(wave(-3, "first"), config("second")),
        }
    )
    await one(theatre)
    await theatre.application()
    await theatre.synced()
    order = [
        ("ConfigMap", "first"),
        ("ConfigMap", "second"),
        ("ServiceAccount", "middle"),
        ("ConfigMap", "last"),
    ]
    versions = []
    for kind, name in order:
        found = await live(theatre, kind, name)
        assert found
        versions.append(int(found["metadata"]["resourceVersion"]))
    assert versions == sorted(versions)


async def test_a_wave_waits_for_the_health_of_the_one_before_and_drift_does_not_stop_it(
    theatre: Theatre,
) -> None:
    theatre.repo.commit(
        {
            "apps/app/0.yaml": join(config("early", k="1"), deployment("web")),
            "apps/app/1.yaml": wave(1, "late"),
        }
    )
    await one(theatre)
    await theatre.application()
    await theatre.told("app", "WaveWaits", "web")
    assert not await live(theatre, "ConfigMap", "late")
    # What is applied already is kept as Git says meanwhile.
    await theatre.members["eu"].delete("ConfigMap", "early", theatre.namespace)
    await has(theatre, "early", k="1")
    assert not await live(theatre, "ConfigMap", "late")
    await healthy(theatre, "web")
    await theatre.everywhere("ConfigMap", "late", ("eu",))
    status = await theatre.synced()
    assert status["health"] == "Healthy"


async def test_drift_of_several_waves_is_put_back_in_their_order(theatre: Theatre) -> None:
    theatre.repo.commit(
        {"apps/app/0.yaml": deployment("web"), "apps/app/1.yaml": wave(1, "late", data={"k": "1"})}
    )
    await one(theatre)
    await theatre.application()
    await theatre.told("app", "WaveWaits", "web")
    await healthy(theatre, "web")
    await theatre.synced()
    member = theatre.members["eu"]
    await member.delete("Deployment", "web", theatre.namespace)
    await member.delete("ConfigMap", "late", theatre.namespace)
    await theatre.everywhere("Deployment", "web", ("eu",))
    await healthy(theatre, "web")
    await has(theatre, "late", k="1")
    await theatre.synced()


async def healthy(theatre: Theatre, name: str) -> None:
    """Play the controller of a Deployment whose Pods all run."""
    member = theatre.members["eu"]
    found = await member.get("Deployment", name, theatre.namespace)
    assert found
    replicas = found["spec"]["replicas"]
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), replicas)
    status = {"observedGeneration": found["metadata"]["generation"], **counts}
    await member.patch("Deployment", f"{name}/status", theatre.namespace, {"status": status}, "controller")


# --- whose it is ------------------------------------------------------------------------------------------


async def test_a_second_application_that_claims_an_object_is_refused_with_the_firsts_name(
    theatre: Theatre,
) -> None:
    theatre.repo.commit(
        {
            "apps/first/a.yaml": config("a", by="first"),
            "apps/second/a.yaml": join(config("a", by="second"), config("b", by="second")),
        }
    )
    await one(theatre)
    await theatre.application("first")
    await theatre.synced("first")
    await theatre.application("second")
    await theatre.told("second", "ClaimRefused", f"ConfigMap {theatre.namespace}/a", "fleethub/first")
    await has(theatre, "b", by="second")
    await has(theatre, "a", by="first")
    await theatre.synced("first")
    # Once the first has gone, the second has it, without a moment of absence.
    before = await live(theatre, "ConfigMap", "a")
    assert before
    await theatre.api.delete("Application", "first", names.HUB_NAMESPACE)
    after = await has(theatre, "a", by="second")
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    await gone(theatre, "first")
    await theatre.synced("second")


async def test_an_object_that_moves_between_applications_in_one_commit_is_handed_over(
    theatre: Theatre,
) -> None:
    theatre.repo.commit(
        {
            "apps/zeta/a.yaml": config("a", k="1"),
            "apps/zeta/z.yaml": config("z", k="1"),
            "apps/alpha/b.yaml": config("b", k="1"),
        }
    )
    await one(theatre)
    for name in ("zeta", "alpha"):
        await theatre.application(name)
    for name in ("zeta", "alpha"):
        await theatre.synced(name)
    first = await live(theatre, "ConfigMap", "a")
    assert first
    for source, target in (("zeta", "alpha"), ("alpha", "zeta"), ("zeta", "alpha")):
        commit = theatre.repo.move(f"apps/{source}/a.yaml", f"apps/{target}/a.yaml")
        await theatre.synced(source, commit)
        await theatre.synced(target, commit)
        found = await live(theatre, "ConfigMap", "a")
        assert found, f"lost on its way from {source} to {target}"
        assert found["metadata"]["uid"] == first["metadata"]["uid"]
        assert found["metadata"]["labels"] != first["metadata"]["labels"] or target == "zeta"


async def test_whoever_renders_a_commit_before_it_is_known_whom_it_concerns_waits_with_pruning(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    theatre.repo.commit(
        {
            "apps/zeta/a.yaml": config("a", k="1"),
            "apps/zeta/z.yaml": config("z", k="1"),
            "apps/alpha/b.yaml": config("b", k="1"),
        }
    )
    await one(theatre)
    for name in ("zeta", "alpha"):
        await theatre.application(name)
    for name in ("zeta", "alpha"):
        await theatre.synced(name)
    first = await live(theatre, "ConfigMap", "a")
    assert first
    looking, known = asyncio.Event(), asyncio.Event()

    async def slow(*arguments: Any) -> diff.Changed:
        looking.set()
        await known.wait()
        return await changed(*arguments)

    changed = diff.changed
    monkeypatch.setattr(diff, "changed", slow)
    commit = theatre.repo.move("apps/zeta/a.yaml", "apps/alpha/a.yaml")
    await looking.wait()
    # Something else wakes the one that loses the object, before the one that gains it is known to be concerned.
    theatre.hub.wake(ApplicationKey(names.HUB_NAMESPACE, "zeta"))
    await theatre.told("zeta", "PruneWaits", "the same commit")
    known.set()
    await theatre.synced("zeta", commit)
    await theatre.synced("alpha", commit)
    after = await live(theatre, "ConfigMap", "a")
    assert after
    assert after["metadata"]["uid"] == first["metadata"]["uid"]


# --- who has to be asked ----------------------------------------------------------------------------------


async def test_a_manual_application_waits_to_be_asked_and_syncs_the_commit_that_was_asked_for(
    theatre: Theatre,
) -> None:
    first = theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    await one(theatre)
    await theatre.application(syncPolicy={})
    await theatre.told("app", "Manual", "sync")
    assert (await theatre.status())["sync"] == "OutOfSync"
    assert not await live(theatre, "ConfigMap", "a")
    await theatre.annotate("app", sync=f"{first};by=me")
    await has(theatre, "a", k="1")
    status = await theatre.synced(commit=first)

    async def recorded() -> dict[str, Any] | None:
        found = (await theatre.status()).get("lastSync") or {}
        return found if found.get("phase") == "Succeeded" else None

    last = await until(recorded, what="the sync is recorded")
    assert (last["revision"], last["by"]) == (first, "me")
    assert status["targets"] == {"total": 1, "synced": 1, "healthy": 1}

    second = theatre.repo.commit({"apps/app/a.yaml": config("a", k="2"), "apps/app/b.yaml": config("b")})
    await theatre.told("app", "Manual", "sync")
    assert (await live(theatre, "ConfigMap", "a") or {})["data"] == {"k": "1"}
    await theatre.annotate("app", sync=f"{second};by=you")
    await has(theatre, "a", k="2")
    await theatre.synced(commit=second)
    # A commit that went by is what is asked for, though the branch has gone on.
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="3")})
    await theatre.annotate("app", sync=f"{first};by=me;at=later")
    await has(theatre, "a", k="1")


async def test_a_manual_application_shows_drift_and_leaves_it(theatre: Theatre) -> None:
    commit = theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    await one(theatre)
    await theatre.application(syncPolicy={})
    await theatre.told("app", "Manual")
    await theatre.annotate("app", sync=commit)
    await theatre.synced()
    await theatre.members["eu"].patch("ConfigMap", "a", theatre.namespace, {"data": {"k": "by hand"}})

    async def shown() -> bool:
        return (await theatre.status())["sync"] == "OutOfSync"

    await until(shown, what="the drift is shown")
    await has(theatre, "a", k="by hand")


async def test_an_emptied_source_removes_nothing_without_allow_empty(theatre: Theatre) -> None:
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    await one(theatre)
    await theatre.application()
    await theatre.synced()
    theatre.repo.commit({"apps/app/a.yaml": "# nothing\n"})
    await theatre.told("app", "EmptySource", f"ConfigMap {theatre.namespace}/a")
    assert await live(theatre, "ConfigMap", "a")
    policy = {"automated": {"prune": True, "selfHeal": True, "allowEmpty": True}}
    await theatre.application(syncPolicy=policy)
    await theatre.nowhere("ConfigMap", "a", ("eu",))
    await theatre.synced()


async def test_a_paused_cluster_is_not_written_and_catches_up(theatre: Theatre) -> None:
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="1"), "apps/app/b.yaml": config("b", k="1")})
    await theatre.register("us")
    await one(theatre)
    await theatre.application()
    await theatre.synced()
    await theatre.api.patch("Cluster", "eu", names.HUB_NAMESPACE, {"spec": {"paused": True}})
    await theatre.told("app", "Paused", "eu")
    await theatre.members["eu"].delete("ConfigMap", "b", theatre.namespace)
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="2")})

    async def other() -> bool:
        found = await live(theatre, "ConfigMap", "a", "us")
        return bool(found and found["data"] == {"k": "2"})

    await until(other, what="the other cluster has the commit")

    async def behind() -> bool:
        return any("eu: OutOfSync" in line for line in (await theatre.status())["problems"])

    await until(behind, what="the paused cluster is shown as behind")
    assert (await live(theatre, "ConfigMap", "a") or {})["data"] == {"k": "1"}
    assert not await live(theatre, "ConfigMap", "b")
    await theatre.api.patch("Cluster", "eu", names.HUB_NAMESPACE, {"spec": {"paused": False}})
    await has(theatre, "a", k="2")
    await has(theatre, "b", k="1")
    await theatre.synced()


# --- where it goes ----------------------------------------------------------------------------------------

PROD = {"clusterSelector": {"matchLabels": {"env": "prod"}}}


async def test_a_relabelled_cluster_gains_at_once_and_loses_after_the_grace(theatre: Theatre) -> None:
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    await theatre.register("eu", {"env": "prod"})
    await theatre.register("us", {"env": "test"})
    await theatre.start(grace=4.0)
    await theatre.application(placement=PROD)
    await theatre.synced()
    assert not await live(theatre, "ConfigMap", "a", "us")
    await theatre.register("us", {"env": "prod"})
    await theatre.everywhere("ConfigMap", "a", ("us",))
    # A label that comes back within the grace changes nothing.
    before = await live(theatre, "ConfigMap", "a", "us")
    await theatre.register("us", {"env": "test"})
    await theatre.told("app", "WithdrawalPending", "us")
    await theatre.register("us", {"env": "prod"})

    async def calm() -> bool:
        return await theatre.condition("app", "WithdrawalPending") is None

    await until(calm, what="the withdrawal is called off")
    await holds(lambda: _same(theatre, before), 4.2, what="what is on the cluster stays")
    await theatre.register("us", {"env": "test"})
    await theatre.nowhere("ConfigMap", "a", ("us",))
    assert await live(theatre, "ConfigMap", "a")

    async def alone() -> bool:
        status = await theatre.synced()
        return bool(status["targets"]["total"] == 1)

    await until(alone, what="it is on one cluster")

    async def let_go() -> bool:
        return not await theatre.members["us"].list("ConfigMap", names.MEMBER_NAMESPACE, names.APPLYSET_ID)

    await until(let_go, 3.0, what="its inventory is gone too")


async def _same(theatre: Theatre, before: dict[str, Any] | None) -> bool:
    return before is not None and await live(theatre, "ConfigMap", "a", "us") == before


async def test_a_cluster_that_lost_its_label_while_the_hub_was_down_loses_after_the_grace(
    theatre: Theatre,
) -> None:
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    for name in ("eu", "us"):
        await theatre.register(name, {"env": "prod"})
    await theatre.start(grace=0.5)
    await theatre.application(placement=PROD)
    await theatre.synced()
    await theatre.stop()
    await theatre.register("us", {"env": "test"})
    await theatre.start()
    await theatre.nowhere("ConfigMap", "a", ("us",))
    assert await live(theatre, "ConfigMap", "a")
    await theatre.synced()


async def test_a_person_who_takes_a_cluster_off_the_list_need_not_wait_for_the_grace(
    theatre: Theatre,
) -> None:
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    await theatre.register("us")
    await one(theatre, grace=300.0)
    await theatre.application(placement={"clusters": ["eu", "us"]})
    await theatre.synced()
    await theatre.application(placement={"clusters": ["eu"]})
    await theatre.nowhere("ConfigMap", "a", ("us",))
    assert await live(theatre, "ConfigMap", "a")


# --- an app of apps ---------------------------------------------------------------------------------------


def child(theatre: Theatre, name: str, **spec: Any) -> str:
    """An Application's manifest, of this test's repository."""
    body: dict[str, Any] = {
        "source": {"repoURL": theatre.repo.url, "targetRevision": "main", "path": f"apps/{name}"},
        "placement": {"clusterSelector": {}},
        "namespace": theatre.namespace,
        "syncPolicy": {"automated": {"prune": True, "selfHeal": True}},
        **spec,
    }
    return manifest("Application", name, names.HUB_NAMESPACE, spec=body)


async def root(theatre: Theatre, name: str = "root", path: str = "root") -> None:
    """An app of apps."""
    await theatre.application(name, placement={"hub": True}, source={"path": path})


async def test_an_app_of_apps_makes_its_children_and_takes_them_back(theatre: Theatre) -> None:
    theatre.repo.commit(
        {
            "apps/one/a.yaml": config("a", k="1"),
            "apps/two/b.yaml": config("b", k="1"),
            "root/one.yaml": child(theatre, "one"),
            "root/two.yaml": child(theatre, "two"),
        }
    )
    await one(theatre)
    await root(theatre)
    await theatre.everywhere("ConfigMap", "a", ("eu",))
    await theatre.everywhere("ConfigMap", "b", ("eu",))
    status = await theatre.synced("root")
    assert status["targets"]["total"] == 1
    # A child that somebody changes or deletes is put back like anything else.
    await theatre.api.patch(
        "Application", "one", names.HUB_NAMESPACE, {"spec": {"source": {"path": "apps/two"}}}
    )

    async def back() -> bool:
        found = await theatre.api.get("Application", "one", names.HUB_NAMESPACE)
        return bool(found and found["spec"]["source"]["path"] == "apps/one")

    await until(back, what="the child is as Git says")
    # A child that leaves Git goes, and its objects with it.
    commit = theatre.repo.commit({"root/two.yaml": None})
    await gone(theatre, "two")
    await theatre.nowhere("ConfigMap", "b", ("eu",))
    await theatre.synced("root", commit)
    await theatre.synced("one")
    assert await live(theatre, "ConfigMap", "a")
    # The root goes with all.
    await theatre.api.delete("Application", "root", names.HUB_NAMESPACE)
    await gone(theatre, "root")
    await gone(theatre, "one")
    await theatre.nowhere("ConfigMap", "a", ("eu",))


async def test_an_object_that_moves_to_a_new_child_in_one_commit_is_handed_over(theatre: Theatre) -> None:
    theatre.repo.commit({"apps/old/a.yaml": config("a", k="1"), "root/old.yaml": child(theatre, "old")})
    await one(theatre)
    await root(theatre)
    await theatre.synced("old")
    before = await live(theatre, "ConfigMap", "a")
    assert before
    theatre.repo.commit(
        {
            "apps/old/a.yaml": None,
            "root/old.yaml": None,
            "apps/new/a.yaml": config("a", k="1"),
            "root/new.yaml": child(theatre, "new"),
        }
    )
    await theatre.synced("new")
    await gone(theatre, "old")
    after = await live(theatre, "ConfigMap", "a")
    assert after
    assert after["metadata"]["uid"] == before["metadata"]["uid"]


async def test_an_object_that_moves_from_a_child_to_one_made_by_the_same_commit_is_handed_over(
    theatre: Theatre,
) -> None:
    theatre.repo.commit(
        {
            "apps/stays/a.yaml": config("a", k="1"),
            "apps/stays/z.yaml": config("z", k="1"),
            "root/stays.yaml": child(theatre, "stays"),
        }
    )
    await one(theatre)
    await root(theatre)
    await theatre.synced("stays")
    before = await live(theatre, "ConfigMap", "a")
    assert before
    commit = theatre.repo.commit(
        {
            "apps/stays/a.yaml": None,
            "apps/new/a.yaml": config("a", k="1"),
            "root/new.yaml": child(theatre, "new"),
        }
    )
    await theatre.synced("new")
    await theatre.synced("stays", commit)
    after = await live(theatre, "ConfigMap", "a")
    assert after
    assert after["metadata"]["uid"] == before["metadata"]["uid"]


async def test_an_object_that_moves_to_a_child_pointed_elsewhere_by_the_same_commit_is_handed_over(
    theatre: Theatre,
) -> None:
    theatre.repo.commit(
        {
            "apps/from/a.yaml": config("a", k="1"),
            "apps/from/z.yaml": config("z", k="1"),
            "apps/to/b.yaml": config("b", k="1"),
            "root/from.yaml": child(theatre, "from"),
            "root/to.yaml": child(theatre, "to"),
        }
    )
    await one(theatre)
    await root(theatre)
    await theatre.synced("from")
    await theatre.synced("to")
    before = await live(theatre, "ConfigMap", "a")
    assert before
    elsewhere = {"repoURL": theatre.repo.url, "targetRevision": "main", "path": "apps/elsewhere"}
    commit = theatre.repo.commit(
        {
            "apps/from/a.yaml": None,
            "apps/elsewhere/a.yaml": config("a", k="1"),
            "apps/elsewhere/b.yaml": config("b", k="1"),
            "root/to.yaml": child(theatre, "to", source=elsewhere),
        }
    )
    await theatre.synced("from", commit)
    await theatre.synced("to", commit)
    after = await live(theatre, "ConfigMap", "a")
    assert after
    assert after["metadata"]["uid"] == before["metadata"]["uid"]


async def test_an_application_that_holds_itself_is_refused(theatre: Theatre) -> None:
    nested = {"placement": {"hub": True}, "source": {"repoURL": theatre.repo.url, "path": "inner"}}
    outer = {"placement": {"hub": True}, "source": {"repoURL": theatre.repo.url, "path": "root"}}
    theatre.repo.commit(
        {
            "apps/one/a.yaml": config("a", k="1"),
            "root/inner.yaml": child(theatre, "inner", **nested),
            "inner/one.yaml": child(theatre, "one"),
            "inner/root.yaml": child(theatre, "root", **outer),
        }
    )
    await one(theatre)
    await root(theatre)
    await theatre.synced("one")
    await theatre.told("inner", "SyncFailed", "Application.fleethub.dev fleethub/root", "itself")
    found = await theatre.api.get("Application", "root", names.HUB_NAMESPACE)
    assert found
    assert names.APPLYSET_PART_OF not in found["metadata"].get("labels", {})
