"""Objects that pass from one Application to another while something goes wrong: none is lost, none is forgotten."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fleet import names
from fleet.hub.desired import Desired
from fleet.hub.rendering import Rendering
from fleet.kube.request import Request
from fleet.model import ApplicationKey
from fleet.worker import existence, worker
from tests.stage.api import holds, until
from tests.stage.seams import Guillotine, Journal, watched
from tests.stage.theatre import Theatre, config, manifest

UNREADABLE = "kind: [unreadable\n"


async def one(theatre: Theatre, **settings: Any) -> None:
    """One member and a hub."""
    await theatre.register("eu")
    await theatre.start(**settings)


async def uid(theatre: Theatre, name: str) -> str:
    """The UID of a ConfigMap on the member; empty where there is none."""
    found = await theatre.members["eu"].get("ConfigMap", name, theatre.namespace)
    return found["metadata"]["uid"] if found else ""


async def has(theatre: Theatre, name: str, **data: str) -> None:
    """Wait until a ConfigMap has exactly this content."""

    async def look() -> bool:
        found = await theatre.members["eu"].get("ConfigMap", name, theatre.namespace)
        return found is not None and found["data"] == data

    await until(look, what=f"{name} is {data}")


async def gone(theatre: Theatre, name: str) -> None:
    """Wait until an Application is gone."""

    async def look() -> bool:
        return await theatre.api.get("Application", name, names.HUB_NAMESPACE) is None

    await until(look, what=f"{name} is gone")


def child(theatre: Theatre, name: str, path: str) -> str:
    """An Application's manifest, for an app of apps."""
    return manifest(
        "Application",
        name,
        spec={
            "source": {"repoURL": theatre.repo.url, "targetRevision": "main", "path": path},
            "placement": {"clusterSelector": {}},
            "namespace": theatre.namespace,
            "syncPolicy": {
                "automated": {"prune": True, "selfHeal": True},
                "retry": {"backoff": {"duration": "1s", "maxDuration": "1s"}},
            },
        },
    )


async def root(theatre: Theatre) -> None:
    """An app of apps."""
    await theatre.application(
        "root", source={"path": "root"}, placement={"hub": True}, namespace=names.HUB_NAMESPACE
    )


# --- a change that is not complete --------------------------------------------------------------------------


async def test_who_waits_for_the_same_commit_goes_on_waiting_when_it_is_looked_at_again(
    theatre: Theatre,
) -> None:
    """H3: ``fleet.hub.changes.Changes.of`` names the change also to an Application that has rendered."""
    theatre.repo.commit({"apps/from/a.yaml": config("a", k="1"), "apps/from/b.yaml": config("b", k="1")})
    theatre.repo.commit({"apps/to/c.yaml": config("c", k="1")})
    await one(theatre)
    for name in ("from", "to"):
        await theatre.application(name)
        await theatre.synced(name)
    before = await uid(theatre, "a")
    theatre.repo.commit({"apps/from/a.yaml": None, "apps/to/a.yaml": UNREADABLE})
    await theatre.told("from", "PruneWaits", "fleethub/to")
    # Anything may wake it: here a label, which takes nothing from it and gives it nothing.
    await theatre.register("eu", {"any": "label"})
    await theatre.annotate("from", refresh="1")
    await theatre.application("from", deletionPolicy="Delete")
    other = theatre.repo.commit({"apps/from/b.yaml": config("b", k="2"), "apps/to/a.yaml": UNREADABLE})
    await has(theatre, "b", k="2")
    assert await uid(theatre, "a") == before
    theatre.repo.commit({"apps/to/a.yaml": config("a", k="1")})
    await theatre.synced("to")
    await theatre.synced("from", other)
    assert await uid(theatre, "a") == before


async def test_what_moves_to_where_it_does_not_read_waits_over_commits_of_others(theatre: Theatre) -> None:
    """H3: ``fleet.hub.changes.Changes.settle`` closes no change whose own Applications have not rendered."""
    theatre.repo.commit(
        {
            "apps/from/a.yaml": config("a", k="1"),
            "apps/from/b.yaml": config("b", k="1"),
            "apps/to/c.yaml": config("c", k="1"),
            "apps/third/d.yaml": config("d", k="1"),
        }
    )
    await one(theatre)
    for name in ("from", "to", "third"):
        await theatre.application(name)
        await theatre.synced(name)
    before = await uid(theatre, "a")
    theatre.repo.commit({"apps/from/a.yaml": None, "apps/to/a.yaml": UNREADABLE})
    await theatre.told("from", "PruneWaits", "fleethub/to")
    third = theatre.repo.commit({"apps/third/d.yaml": config("d", k="2")})
    await theatre.synced("third", third)
    await theatre.told("from", "PruneWaits", "fleethub/to")
    assert await uid(theatre, "a") == before
    theatre.repo.commit({"apps/to/a.yaml": config("a", k="2")})
    await has(theatre, "a", k="2")
    assert await uid(theatre, "a") == before


async def test_what_a_child_that_goes_leaves_to_one_that_does_not_read_waits(theatre: Theatre) -> None:
    """H3: ``fleet.hub.changes.Changes.leave`` has a child leave with its root's changes."""
    theatre.repo.commit(
        {
            "root/goes.yaml": child(theatre, "goes", "apps/goes"),
            "root/stays.yaml": child(theatre, "stays", "apps/stays"),
            "apps/goes/a.yaml": config("a", k="1"),
            "apps/stays/b.yaml": config("b", k="1"),
        }
    )
    await one(theatre)
    await root(theatre)
    for name in ("goes", "stays"):
        await theatre.synced(name)
    before = await uid(theatre, "a")
    theatre.repo.commit(
        {"root/goes.yaml": None, "apps/goes/a.yaml": None, "apps/stays/a.yaml": UNREADABLE, "apps/goes/x": ""}
    )
    await theatre.told("goes", "DeletionWaits", "fleethub/stays")
    assert await uid(theatre, "a") == before
    theatre.repo.commit({"apps/stays/a.yaml": config("a", k="1")})
    await gone(theatre, "goes")
    await theatre.synced("stays")
    assert await uid(theatre, "a") == before


# --- a hub that dies on the way -----------------------------------------------------------------------------


async def test_a_child_whose_renaming_a_dead_hub_left_unfinished_is_handed_over(theatre: Theatre) -> None:
    """H3: ``fleet.hub.reconcile.Reconciler._leaves`` has it wait for what the root's commit concerns."""
    theatre.repo.commit(
        {"root/old.yaml": child(theatre, "old", "apps/it"), "apps/it/a.yaml": config("a", k="1")}
    )
    journal = Journal()
    at = f"@hub DELETE {Request('DELETE', _application('old')).path} #1"
    guillotine = Guillotine(at, after=True)
    await theatre.register("eu")
    await theatre.start(watched(journal, guillotine))
    await root(theatre)
    await theatre.synced("old")
    before = await uid(theatre, "a")
    theatre.repo.commit({"root/old.yaml": None, "root/new.yaml": child(theatre, "new", "apps/it")})
    await guillotine.fallen.wait()
    await theatre.kill()
    await theatre.start()
    await gone(theatre, "old")
    await theatre.synced("new")
    assert await uid(theatre, "a") == before


async def test_what_is_deleted_by_hand_while_no_hub_runs_is_handed_over_to_its_heir(theatre: Theatre) -> None:
    """H3: ``fleet.hub.changes.Changes.first`` has what is being deleted wait for those who may be its heirs."""
    theatre.repo.commit({"apps/it/a.yaml": config("a", k="1"), "apps/it/b.yaml": config("b", k="1")})
    await one(theatre)
    await theatre.application("old", source={"path": "apps/it"})
    await theatre.synced("old")
    before = await uid(theatre, "a")
    await theatre.stop()
    await theatre.application("new", source={"path": "apps/it"})
    await theatre.api.delete("Application", "old", names.HUB_NAMESPACE)
    await theatre.start()
    await gone(theatre, "old")
    await theatre.synced("new")
    assert await uid(theatre, "a") == before


def _application(name: str) -> str:
    return f"/apis/{names.GROUP}/{names.VERSION}/namespaces/{names.HUB_NAMESPACE}/applications/{name}"


# --- what nobody claims any more ----------------------------------------------------------------------------


async def test_what_was_meant_for_one_that_never_took_it_is_removed_by_whose_set_it_is_in(
    theatre: Theatre,
) -> None:
    """A manual Application names an object, is never synced, and lets it go again: ``Running._abandon``."""
    theatre.repo.commit(
        {
            "apps/from/a.yaml": config("a", k="1"),
            "apps/from/b.yaml": config("b", k="1"),
            "apps/manual/c.yaml": config("c", k="1"),
        }
    )
    await one(theatre)
    await theatre.application("from")
    await theatre.application("manual", syncPolicy={})
    await theatre.synced("from")
    before = await uid(theatre, "a")
    moved = theatre.repo.move("apps/from/a.yaml", "apps/manual/a.yaml")
    await theatre.synced("from", moved)
    assert await uid(theatre, "a") == before
    theatre.repo.commit({"apps/manual/a.yaml": None})
    await theatre.nowhere("ConfigMap", "a", ("eu",))


async def test_children_that_are_being_deleted_do_not_count_against_those_that_go_later(
    theatre: Theatre,
) -> None:
    """The deletion guard counts what one change deletes: ``fleet.worker.dooming._doomed``."""
    files = {f"root/c{number}.yaml": child(theatre, f"c{number}", f"apps/c{number}") for number in range(8)}
    files |= {f"apps/c{number}/a.yaml": config(f"a{number}") for number in range(8)}
    theatre.repo.commit(dict(files))
    await one(theatre)
    await root(theatre)
    for number in range(8):
        await theatre.synced(f"c{number}")
    await theatre.api.patch("Cluster", "eu", names.HUB_NAMESPACE, {"spec": {"paused": True}})

    async def leaving(*wanted: str) -> bool:
        items = await theatre.api.list("Application", names.HUB_NAMESPACE)
        return {i["metadata"]["name"] for i in items if "deletionTimestamp" in i["metadata"]} == set(wanted)

    # Each goes by a commit of its own, and none can be finished while the cluster is paused.
    going: list[str] = []
    for number in range(7):
        going.append(f"c{number}")
        theatre.repo.commit({f"root/c{number}.yaml": None})
        await until(lambda: leaving(*going), what=f"{going} are being deleted")
    await theatre.api.patch("Cluster", "eu", names.HUB_NAMESPACE, {"spec": {"paused": None}})
    for name in going:
        await gone(theatre, name)


async def test_a_child_that_was_deleted_while_the_hub_was_down_is_made_anew_though_its_sister_does_not_render(
    theatre: Theatre,
) -> None:
    theatre.repo.commit(
        {
            "root/a.yaml": child(theatre, "a", "apps/a"),
            "root/b.yaml": child(theatre, "b", "apps/b"),
            "apps/a/a.yaml": config("a", k="1"),
            "apps/b/b.yaml": config("b", k="1"),
        }
    )
    await one(theatre)
    await root(theatre)
    await has(theatre, "a", k="1")
    await theatre.synced("b")
    before = await theatre.api.get("Application", "a", names.HUB_NAMESPACE)
    assert before is not None
    await theatre.stop()
    theatre.repo.commit({"apps/b/b.yaml": UNREADABLE})
    await theatre.api.delete("Application", "a", names.HUB_NAMESPACE)
    await theatre.start()

    async def anew() -> bool:
        found = await theatre.api.get("Application", "a", names.HUB_NAMESPACE)
        return found is not None and found["metadata"]["uid"] != before["metadata"]["uid"]

    await until(anew, 20, what="the child is made anew")
    await theatre.synced("a")
    await has(theatre, "a", k="1")


async def test_a_child_that_is_deleted_while_its_root_does_not_render_is_made_anew_when_it_does(
    theatre: Theatre,
) -> None:
    """It does not wait for the root that waits for it: ``fleet.hub.changes.Changes.leaves``."""
    theatre.repo.commit(
        {
            "root/a.yaml": child(theatre, "a", "apps/a"),
            "root/b.yaml": child(theatre, "b", "apps/b"),
            "apps/a/a.yaml": config("a", k="1"),
            "apps/b/b.yaml": config("b", k="1"),
        }
    )
    await one(theatre)
    await root(theatre)
    await has(theatre, "a", k="1")
    await theatre.synced("b")
    before = await theatre.api.get("Application", "a", names.HUB_NAMESPACE)
    assert before is not None
    theatre.repo.commit({"root/x.yaml": UNREADABLE})
    await theatre.told("root", "RenderFailed", "root/x.yaml")
    await theatre.api.delete("Application", "a", names.HUB_NAMESPACE)
    await theatre.told("a", "DeletionWaits", "waiting for fleethub/root to render")
    await theatre.api.patch("Cluster", "eu", names.HUB_NAMESPACE, {"spec": {"paused": True}})
    theatre.repo.commit({"root/x.yaml": None})
    await theatre.told("a", "Paused", "")
    await theatre.api.delete("Application", "b", names.HUB_NAMESPACE)
    await theatre.told("b", "DeletionWaits", "waits for fleethub/a")
    await theatre.api.patch("Cluster", "eu", names.HUB_NAMESPACE, {"spec": {"paused": None}})

    async def anew(name: str) -> bool:
        found = await theatre.api.get("Application", name, names.HUB_NAMESPACE)
        return found is not None and "deletionTimestamp" not in found["metadata"]

    for name in ("a", "b"):
        await until(lambda name=name: anew(name), 20, what="the child is made anew")  # type: ignore[misc]
        await theatre.synced(name)
        await has(theatre, name, k="1")


async def test_what_was_deleted_by_hand_leaves_it_to_the_child_that_a_commit_makes_in_its_stead_over_a_restart(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """H3: a root has not been looked at before its children are there: ``fleet.hub.expected.Expected.coming``."""
    theatre.repo.commit(
        {"root/old.yaml": child(theatre, "old", "apps/a"), "apps/a/a.yaml": config("a", k="1")}
    )
    await one(theatre)
    await root(theatre)
    await has(theatre, "a", k="1")
    await theatre.synced("old")
    before = await uid(theatre, "a")
    await theatre.stop()
    await theatre.api.delete("Application", "old", names.HUB_NAMESPACE)
    theatre.repo.commit({"root/old.yaml": None, "root/new.yaml": child(theatre, "new", "apps/a")})
    compute = Desired.compute

    async def slowly(self: Desired, key: ApplicationKey, *given: Any) -> Any:
        if key.name == "new":
            await asyncio.sleep(1)  # time enough for a deletion that does not wait
        return await compute(self, key, *given)

    monkeypatch.setattr(Desired, "compute", slowly)
    await theatre.start()
    await gone(theatre, "old")
    await theatre.synced("new")
    assert await uid(theatre, "a") == before


async def test_a_root_whose_child_is_refused_delays_no_deletion_of_others_after_a_restart(
    theatre: Theatre,
) -> None:
    theatre.repo.commit(
        {
            "root/a.yaml": child(theatre, "a", "apps/a"),
            "apps/a/a.yaml": config("a", k="1"),
            "apps/b/b.yaml": config("b", k="1"),
        }
    )
    await one(theatre)
    await root(theatre)
    await theatre.application("b")
    for name in ("a", "b"):
        await theatre.synced(name)
    await theatre.stop()
    await theatre.api.delete("Application", "b", names.HUB_NAMESPACE)
    refused = child(theatre, "c", "apps/c").replace('"name":"c"', '"name":"c","namespace":"nowhere"')
    theatre.repo.commit({"root/c.yaml": refused, "apps/c/c.yaml": config("c", k="1")})
    await theatre.start()
    await gone(theatre, "b")
    await theatre.told("root", "SyncFailed", "nowhere")


def chart(path: str, name: str, before: str = "") -> dict[str, str]:
    """A chart whose one object depends on what the cluster serves; ``before`` stands before it."""
    return {
        f"{path}/Chart.yaml": f"apiVersion: v2\nname: {name}\nversion: 0.1.0\n",
        f"{path}/templates/{name}.yaml": before + config(name, k="{{ .Capabilities.KubeVersion.Major }}"),
    }


@pytest.fixture
def dark(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Until it is set, eu is not reached; after that every render takes time enough for a removal that does not wait."""
    connect, render, back = worker.connect, Rendering._one, asyncio.Event()
    back.set()

    async def later(name: str, *given: Any, **more: Any) -> Any:
        if name == "eu":
            await back.wait()
        return await connect(name, *given, **more)

    async def slowly(self: Rendering, *asked: Any) -> Any:
        if back.is_set():
            await asyncio.sleep(1)
        return await render(self, *asked)

    monkeypatch.setattr(worker, "connect", later)
    monkeypatch.setattr(Rendering, "_one", slowly)
    return back


async def leaves(theatre: Theatre, name: str) -> None:
    """Wait until an Application is being deleted."""

    async def look() -> bool:
        found = await theatre.api.get("Application", name, names.HUB_NAMESPACE)
        return found is not None and "deletionTimestamp" in found["metadata"]

    await until(look, what=f"{name} is being deleted")


# It renders where an API is served that every cluster has, and that nobody is taken to have who was not asked.
NEEDS = '{{ if not (.Capabilities.APIVersions.Has "coordination.k8s.io/v1/Lease") }}{{ fail "no Leases" }}{{ end }}\n'


@pytest.mark.parametrize("before", ["", NEEDS], ids=["renders", "fails unless it knows the cluster"])
async def test_a_chart_that_waits_for_its_cluster_takes_over_there_before_what_leaves_is_removed(
    theatre: Theatre, dark: asyncio.Event, before: str
) -> None:
    """H3: the rule is ``fleet.hub.knowing.Knowing.retains``: who renders nothing yet may claim what is there."""
    theatre.repo.commit({"root/old.yaml": child(theatre, "old", "apps/a"), **chart("apps/a", "a", before)})
    await one(theatre)
    await root(theatre)
    await has(theatre, "a", k="1")
    await theatre.synced("old")
    first = await uid(theatre, "a")
    await theatre.stop()
    dark.clear()
    theatre.repo.commit({"root/old.yaml": None, "root/new.yaml": child(theatre, "new", "apps/a")})
    await theatre.start()
    if before:
        # It has not rendered, so nobody is deleted for it yet; a person does it.
        await theatre.told("new", "RenderFailed", "no Leases")
        await theatre.api.delete("Application", "old", names.HUB_NAMESPACE)
    await leaves(theatre, "old")
    dark.set()
    await gone(theatre, "old")
    await theatre.synced("new")
    assert await uid(theatre, "a") == first


async def test_two_charts_that_leave_before_their_cluster_is_reached_do_not_wait_for_each_other(
    theatre: Theatre, dark: asyncio.Event
) -> None:
    theatre.repo.commit({**chart("apps/a", "a"), **chart("apps/b", "b")})
    await one(theatre)
    for name in ("a", "b"):
        await theatre.application(name)
        await theatre.synced(name)
    await theatre.stop()
    dark.clear()
    await theatre.start()
    for name in ("a", "b"):
        await until(lambda name=name: _waits(theatre, name), what=f"{name} waits for eu")  # type: ignore[misc]
        await theatre.api.delete("Application", name, names.HUB_NAMESPACE)
        await leaves(theatre, name)
    dark.set()
    for name in ("a", "b"):
        await gone(theatre, name)
        assert await uid(theatre, name) == ""


async def _waits(theatre: Theatre, name: str) -> bool:
    return any(key.name == name for key in theatre.hub.unready.at("eu"))


async def test_what_was_there_when_the_cluster_was_listed_and_has_left_since_is_made_anew(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody wakes who is refused an object by a set that is gone: ``fleet.worker.existence.Existence.look``."""
    monkeypatch.setattr(existence, "FRESH", 60.0)
    many = {f"apps/many/{n}.yaml": config(f"m{n}", k="1") for n in range(existence.SINGLES + 1)}
    theatre.repo.commit(
        {"apps/from/a.yaml": config("a", k="1"), "apps/to/b.yaml": config("b", k="1"), **many}
    )
    await one(theatre)
    await theatre.application("from")
    await theatre.synced("from")
    await theatre.application("many")  # has the whole namespace listed
    await theatre.application("to")
    for name in ("many", "to"):
        await theatre.synced(name)
    await theatre.api.delete("Application", "from", names.HUB_NAMESPACE)
    await gone(theatre, "from")
    theatre.repo.commit({"apps/to/a.yaml": config("a", k="2")})
    await has(theatre, "a", k="2")
    await theatre.synced("to")


@pytest.mark.parametrize("deleted", [False, True])
async def test_what_a_hand_takes_out_of_a_set_goes_to_the_older_of_two_who_name_it(
    theatre: Theatre, *, deleted: bool
) -> None:
    """Neither waits for the other: ``fleet.worker.taking.Taking.lost`` wakes whose it is from then on."""
    member = theatre.members["eu"]
    theatre.repo.commit({"apps/older/o.yaml": config("o", k="1"), "apps/younger/x.yaml": config("x", k="1")})
    await one(theatre)
    for name in ("older", "younger"):
        await theatre.application(name)
        await theatre.synced(name)
    theatre.repo.commit({"apps/older/x.yaml": config("x", k="2")})
    await theatre.told("older", "ClaimRefused", "younger")
    await has(theatre, "x", k="1")
    if deleted:
        await member.delete("ConfigMap", "x", theatre.namespace)
    else:
        none = {"metadata": {"labels": {names.APPLYSET_PART_OF: None}}}
        await member.patch("ConfigMap", "x", theatre.namespace, none)
    await has(theatre, "x", k="2")
    await theatre.told("younger", "ClaimRefused", "older")
    await theatre.synced("older")


@pytest.mark.parametrize("leaving", [False, True])
async def test_what_passes_on_before_it_was_taken_waits_for_the_next_to_claim_it(
    theatre: Theatre, *, leaving: bool
) -> None:
    """H3: whoever still has it in its set is not concerned by that commit: ``fleet.worker.taking.Taking._abandon``."""
    theatre.repo.commit(
        {
            "apps/from/a.yaml": config("a", k="1"),
            "apps/from/b.yaml": config("b", k="1"),
            "apps/manual/c.yaml": config("c", k="1"),
            "apps/to/d.yaml": config("d", k="1"),
        }
    )
    await one(theatre)
    for name in ("from", "to"):
        await theatre.application(name)
        await theatre.synced(name)
    await theatre.application("manual", syncPolicy={})
    before = await uid(theatre, "a")
    moved = theatre.repo.move("apps/from/a.yaml", "apps/manual/a.yaml")
    await theatre.synced("from", moved)
    if leaving:
        await theatre.api.delete("Application", "from", names.HUB_NAMESPACE)
        await theatre.told("from", "DeletionWaits", "fleethub/manual")
    theatre.repo.commit(
        {
            "apps/manual/a.yaml": None,
            "apps/to/a.yaml": config("a", k="2"),
            "apps/to/x.yaml": UNREADABLE,
            "apps/to/kustomization.yaml": "resources: [a.yaml, d.yaml, none.yaml]\n",
        }
    )
    await theatre.told("to", "RenderFailed", "none.yaml")

    async def stays() -> bool:
        return await uid(theatre, "a") == before

    await holds(stays, 1.5, what="it stays where it is")
    theatre.repo.commit({"apps/to/x.yaml": None, "apps/to/kustomization.yaml": None})
    await has(theatre, "a", k="2")
    assert await stays()
    await theatre.synced("to")
    if leaving:
        await gone(theatre, "from")
