"""A Project that becomes narrower stops writes at once and deletes nothing; one that becomes wider lets go on."""

from __future__ import annotations

from typing import Any

import pytest

from fleet import names
from fleet.projects import default
from tests.integration.test_cli import fleethub
from tests.stage.api import holds, until
from tests.stage.seams import Journal, watched
from tests.stage.teams import Team, sent
from tests.stage.theatre import Theatre, config, manifest

NARROWED: dict[str, dict[str, Any]] = {
    "namespaces": {"destinations": [{"clusters": ["*"], "namespaces": ["elsewhere"]}]},
    "clusters": {"destinations": [{"clusters": ["nowhere"], "namespaces": ["*"]}]},
    "repositories": {"sourceRepos": ["https://git.test/other"]},
    "sources": {"sourceNamespaces": []},
}


async def begin(theatre: Theatre, seams: Any = None, **rules: Any) -> Team:
    for name in theatre.members:
        await theatre.register(name, {"region": name})
    team = Team(theatre)
    await team.open(**rules)
    await theatre.start(seams)
    return team


async def data(theatre: Theatre, name: str, member: str = "eu") -> dict[str, str] | None:
    found = await theatre.members[member].get("ConfigMap", name, theatre.namespace)
    return None if found is None else dict(found.get("data") or {})


@pytest.mark.parametrize("rule", [*NARROWED, "project"])
async def test_a_narrower_rule_stops_every_write_and_deletes_nothing_and_a_wider_one_goes_on(
    theatre: Theatre, rule: str
) -> None:
    journal = Journal()
    team = await begin(theatre, watched(journal))
    files = {f"apps/web/{name}.yaml": config(name, k="1") for name in ("kept", "edited", "gone", "changed")}
    theatre.repo.commit(dict(files))
    await team.application("web", team.spec("web"))
    await team.synced("web")
    if rule == "project":
        await team.unproject()
        await team.told("web", "there is no valid Project")
    else:
        await team.project(**NARROWED[rule])
        await team.told("web", f"Project {team.name}")
    journal.writes.clear()
    # Drift, a deletion by hand, a change, a new and a removed file: nobody acts on any of it.
    eu = theatre.members["eu"]
    await eu.patch("ConfigMap", "edited", theatre.namespace, {"data": {"k": "by hand"}})
    await eu.delete("ConfigMap", "gone", theatre.namespace)
    commit = theatre.repo.commit(
        {
            "apps/web/changed.yaml": config("changed", k="2"),
            "apps/web/new.yaml": config("new", k="1"),
            "apps/web/kept.yaml": None,
        }
    )

    async def still() -> bool:
        return (
            await data(theatre, "edited") == {"k": "by hand"}
            and await data(theatre, "gone") is None
            and await data(theatre, "changed") == {"k": "1"}
            and await data(theatre, "kept") == {"k": "1"}
            and await data(theatre, "new") is None
        )

    await holds(still, 2.5, what="nothing is written")
    assert not sent(journal, f"/namespaces/{theatre.namespace}/")
    await team.project()
    await team.synced("web", commit)
    assert await data(theatre, "edited") == await data(theatre, "gone") == {"k": "1"}
    assert await data(theatre, "changed") == {"k": "2"}
    assert await data(theatre, "new") == {"k": "1"}
    assert await data(theatre, "kept") is None


async def test_of_an_application_what_is_allowed_goes_on_and_the_rest_stays_as_it_is(
    theatre: Theatre,
) -> None:
    other = f"{theatre.namespace}-other"
    for member in theatre.members.values():
        await member.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": other}})
    both = [{"clusters": ["*"], "namespaces": [theatre.namespace, other]}]
    team = await begin(theatre, destinations=both)
    theatre.repo.commit(
        {
            "apps/web/a.yaml": config("a", k="1"),
            "apps/web/b.yaml": manifest("ConfigMap", "b", other, data={"k": "1"}),
            "apps/web/stale.yaml": manifest("ConfigMap", "stale", other, data={"k": "1"}),
        }
    )
    await team.application("web", team.spec("web"))
    await team.synced("web")
    await team.project()
    await team.told("web", other, f"ConfigMap {other}/b")
    eu = theatre.members["eu"]
    await eu.delete("ConfigMap", "b", other)
    theatre.repo.commit({"apps/web/a.yaml": config("a", k="2"), "apps/web/b.yaml": None})

    async def applied() -> bool:
        return await data(theatre, "a") == {"k": "2"}

    await until(applied, what="what is allowed is applied")
    theatre.repo.commit({"apps/web/stale.yaml": None})
    await team.told("web", "not removed", f"{other}/stale")

    async def kept() -> bool:
        return (
            await eu.get("ConfigMap", "stale", other) is not None
            and await eu.get("ConfigMap", "b", other) is None
        )

    await holds(kept, 1.5, what="what is no longer allowed is neither made nor removed")
    await team.project(destinations=both)

    async def pruned() -> bool:
        return await eu.get("ConfigMap", "stale", other) is None

    await until(pruned, what="the prune goes on")
    await team.synced("web")


async def test_a_pass_under_way_stops_when_the_project_narrows(theatre: Theatre) -> None:
    journal = Journal()
    hub_of = watched(journal)
    team = await begin(theatre, hub_of)
    theatre.repo.commit({f"apps/web/c{number:03}.yaml": config(f"c{number:03}") for number in range(200)})
    await team.application("web", team.spec("web"))

    async def begun() -> bool:
        return bool(sent(journal, "/configmaps/c"))

    await until(begun, interval=0.002, what="the pass has begun")
    await team.project(**NARROWED["namespaces"])
    await team.told("web", "destinations.namespaces")

    async def made() -> int:
        return sum(
            [
                len(await member.list("ConfigMap", theatre.namespace, names.APPLYSET_PART_OF))
                for member in theatre.members.values()
            ]
        )

    count = await made()
    assert count < 400

    async def still() -> bool:
        return await made() == count

    await holds(still, 1.0, what="nothing more is made")


async def test_what_a_stopped_application_holds_is_nobody_elses(theatre: Theatre) -> None:
    team = await begin(theatre)
    theatre.repo.commit(
        {"apps/web/a.yaml": config("a", by="web"), "apps/next/a.yaml": config("a", by="next")}
    )
    await team.application("web", team.spec("web"))
    await team.synced("web")
    other = Team(theatre, "other")
    await other.open()
    await other.application("next", other.spec("next"))
    await other.told("next", f"{team.name}/web", kind="ClaimRefused")
    await team.unproject()
    await team.told("web", "there is no valid Project")
    await other.told("next", f"waits for Application {team.name}/web", kind="ClaimWaits")
    assert await data(theatre, "a") == {"by": "web"}
    await team.project()
    await team.synced("web")
    assert await data(theatre, "a") == {"by": "web"}


async def test_a_stopped_application_that_is_deleted_takes_its_own_along_and_nothing_else(
    theatre: Theatre,
) -> None:
    team = await begin(theatre)
    theatre.repo.commit({"apps/web/a.yaml": config("a"), "apps/other/b.yaml": config("b")})
    await team.application("web", team.spec("web"))
    await team.application("other", team.spec("other"))
    await team.synced("web")
    await team.synced("other")
    await team.project(**NARROWED["clusters"])
    await team.told("web", "destinations")
    await theatre.api.delete("Application", "web", team.name)
    await theatre.nowhere("ConfigMap", "a")
    assert await data(theatre, "b") == {}

    async def gone() -> bool:
        return await theatre.api.get("Application", "web", team.name) is None

    await until(gone, what="the Application is gone")


async def test_a_cluster_that_changes_its_labels_leaves_the_project_at_once_and_keeps_what_it_has(
    theatre: Theatre,
) -> None:
    mine = [{"clusterSelector": {"matchLabels": {"region": "eu"}}, "namespaces": [theatre.namespace]}]
    team = await begin(theatre, destinations=mine)
    theatre.repo.commit({"apps/web/a.yaml": config("a", k="1")})
    await team.application("web", team.spec("web", placement={"clusters": ["eu"]}))
    await team.synced("web")
    await theatre.register("eu", {"region": "moon"})
    await team.told("web", "destinations", "cluster eu")
    commit = theatre.repo.commit({"apps/web/a.yaml": config("a", k="2")})

    async def still() -> bool:
        return await data(theatre, "a") == {"k": "1"}

    await holds(still, 1.5, what="nothing is written and nothing is deleted")
    await theatre.register("eu", {"region": "eu"})
    await team.synced("web", commit)
    assert await data(theatre, "a") == {"k": "2"}


async def test_a_narrower_project_of_the_root_stops_what_the_root_made(theatre: Theatre) -> None:
    team = await begin(theatre, hub=True)
    child = Team(theatre, "child")
    await child.open()
    await child.project(sourceNamespaces=[team.name])
    theatre.repo.commit(
        {
            "apps/root/web.yaml": team.child("web", child.spec("web")),
            "apps/web/a.yaml": config("a", k="1"),
        }
    )
    await team.application("root", team.root("root"))
    await team.synced("web")
    await team.project(hub=True, **NARROWED["namespaces"])
    await team.told("web", f"Project {team.name} (destinations.namespaces)")
    commit = theatre.repo.commit({"apps/web/a.yaml": config("a", k="2")})

    async def still() -> bool:
        return await data(theatre, "a") == {"k": "1"}

    await holds(still, 1.5, what="nothing is written")
    await team.project(hub=True)
    await team.synced("web", commit)
    assert await data(theatre, "a") == {"k": "2"}


async def test_the_namespace_of_an_application_is_made_only_where_the_project_allows_namespaces(
    theatre: Theatre,
) -> None:
    wanted = f"{theatre.namespace}-new"
    allowed = [{"clusters": ["*"], "namespaces": [wanted]}]
    team = await begin(theatre, destinations=allowed)
    theatre.repo.commit({"apps/web/a.yaml": config("a", k="1")})
    policy = {**team.spec("web")["syncPolicy"], "syncOptions": ["CreateNamespace=true"]}
    await team.application("web", team.spec("web", namespace=wanted, syncPolicy=policy))
    await team.told("web", "clusterScopedKinds", f"Namespace {wanted}")
    assert await theatre.members["eu"].get("Namespace", wanted) is None
    await team.project(destinations=allowed, clusterScopedKinds=["Namespace"])
    await team.synced("web")
    assert await theatre.members["eu"].get("ConfigMap", "a", wanted)


async def test_an_edited_default_project_is_what_it_says(theatre: Theatre) -> None:
    await theatre.register("eu")
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    await theatre.start()
    await theatre.application("app")
    await theatre.synced()
    body = default.manifest(names.HUB_NAMESPACE)
    try:
        spec = {**body["spec"], "sourceRepos": ["https://git.test/platform"]}
        await theatre.api.apply({**body, "spec": spec})
        await theatre.told("app", "ProjectRefused", "Project default (sourceRepos)")
    finally:
        await theatre.api.apply(body)
    await theatre.synced()


async def test_check_says_what_is_allowed_and_each_breach(theatre: Theatre) -> None:
    mine = [{"clusterSelector": {"matchLabels": {"region": "eu"}}, "namespaces": [theatre.namespace]}]
    team = await begin(theatre, destinations=mine, serviceAccount="deployer")
    theatre.repo.commit({"apps/web/a.yaml": config("a", k="1")})
    await team.application("web", team.spec("web"))
    await team.application("good", team.spec("good", placement={"clusters": ["eu"]}))
    done = await fleethub(theatre, "project", "check", f"{team.name}/web", code=1)
    assert f"Project {team.name} (destinations) does not cover cluster us" in done.out
    assert "fleethub/deployer" in done.out
    good = await fleethub(theatre, "project", "check", f"{team.name}/good", "-o", "json")
    assert good.json["allowed"]
    assert good.json["clusters"][0]["namespaces"] == {team.name: [theatre.namespace]}
    listed = await fleethub(theatre, "project", "list")
    assert team.name in listed.out
    assert "deployer" in listed.out
    await fleethub(theatre, "project", "check", f"{team.name}/nothing", code=1)
