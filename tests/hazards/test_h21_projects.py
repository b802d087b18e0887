"""H21: whoever may write an Application, or a repository that one reads, gets no further than its Project."""

from __future__ import annotations

from typing import Any

import pytest

from fleet import names
from tests.stage.api import holds, until
from tests.stage.repository import Repository
from tests.stage.seams import Journal, watched
from tests.stage.teams import Team, sent
from tests.stage.theatre import Theatre, config, definition, join, manifest, manifest_of

EVERYWHERE = [{"clusters": ["*"], "namespaces": ["*"]}]


async def begin(theatre: Theatre, **rules: Any) -> tuple[Team, Journal]:
    """Two members, a team, and a hub whose every write is noted."""
    for name in theatre.members:
        await theatre.register(name, {"region": name})
    team = Team(theatre)
    await team.open(**rules)
    journal = Journal()
    await theatre.start(watched(journal))
    return team, journal


async def absent(theatre: Theatre, kind: str, name: str, namespace: str = "") -> None:
    for api in (*theatre.members.values(), theatre.api):
        assert await api.get(kind, name, namespace) is None


RULE = {"rules": []}
BINDING = {
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
    "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "evil"}],
}
REGISTRATION = {"labels": {names.SECRET_TYPE: names.SECRET_CLUSTER}}


@pytest.mark.parametrize(
    ("hostile", "words"),
    [
        (manifest("ConfigMap", "evil", "kube-system"), ("destinations.namespaces", "kube-system")),
        (manifest("ConfigMap", "evil", "default"), ("destinations.namespaces", "namespace default")),
        (manifest("ServiceAccount", "evil", "fleethub"), ("destinations.namespaces", "fleethub")),
        (manifest("ClusterRole", "evil", **RULE), ("clusterScopedKinds", "ClusterRole.rbac")),
        (manifest("ClusterRoleBinding", "evil", **BINDING), ("clusterScopedKinds", "ClusterRoleBinding")),
        (manifest("Namespace", "evil"), ("clusterScopedKinds", "Namespace evil")),
        (manifest_of(definition("evil.test")), ("clusterScopedKinds", "CustomResourceDefinition")),
        (manifest("Secret", "evil", metadata=REGISTRATION), ("Cluster.fleethub.dev", names.SECRET_TYPE)),
    ],
)
async def test_an_object_that_the_project_does_not_allow_is_not_sent_and_its_neighbours_are(
    theatre: Theatre, hostile: str, words: tuple[str, ...]
) -> None:
    """H21: the rule is ``fleet.projects.objects.breach``."""
    team, journal = await begin(theatre)
    theatre.repo.commit({"apps/web/good.yaml": config("good", k="1"), "apps/web/evil.yaml": hostile})
    await team.application("web", team.spec("web"))
    message = await team.told("web", f"Project {team.name}", "evil", *words)
    assert message
    await theatre.everywhere("ConfigMap", "good")
    assert not sent(journal, "evil")
    for kind, namespace in (
        ("ConfigMap", "kube-system"),
        ("ConfigMap", "default"),
        ("ServiceAccount", "fleethub"),
        ("ClusterRole", ""),
        ("ClusterRoleBinding", ""),
        ("Namespace", ""),
        ("Secret", theatre.namespace),
    ):
        await absent(theatre, kind, "evil", namespace)
    # What follows from it is not sent either: the parent names no kind that is not there.
    parents = await theatre.members["eu"].list("ConfigMap", "fleethub", names.APPLYSET_ID)
    assert [one["metadata"]["annotations"][names.APPLYSET_KINDS] for one in parents] == ["ConfigMap"]


@pytest.mark.parametrize(
    "hostile",
    [
        manifest("ConfigMap", "app.fleethub.web", "fleethub", data={"k": "evil"}),
        manifest("Secret", names.DIGEST_KEY_SECRET, "fleethub", stringData={"key": "evil"}),
        manifest("ConfigMap", "evil", metadata={"labels": {names.APPLYSET_ID: "evil"}}),
    ],
)
async def test_the_inventory_is_nobodys_also_where_every_namespace_is_allowed(
    theatre: Theatre, hostile: str
) -> None:
    """H21: the rule is ``fleet.sync.scope.fill``."""
    team, journal = await begin(theatre, destinations=EVERYWHERE)
    theatre.repo.commit({"apps/web/good.yaml": config("good", k="1"), "apps/web/evil.yaml": hostile})
    await team.application("web", team.spec("web"))
    await team.told("web", "inventory", kind="SyncFailed")
    await theatre.everywhere("ConfigMap", "good")
    assert not sent(journal, "/configmaps/evil")
    assert not sent(journal, "app.fleethub.web")
    # The hub makes the key with a POST, once a member; a PATCH would be the repository's.
    assert not [write for write in sent(journal, names.DIGEST_KEY_SECRET) if "PATCH" in write]


async def test_a_definition_that_is_refused_makes_no_kind_known(theatre: Theatre) -> None:
    """H21: the rule is ``fleet.worker.fencing.scoped``."""
    team, journal = await begin(theatre)
    group = f"evil{theatre.number}.test"
    widget = {"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": {"name": "evil"}}
    theatre.repo.commit({"apps/web/evil.yaml": join(manifest_of(definition(group)), manifest_of(widget))})
    await team.application("web", team.spec("web"))
    await team.told("web", "CustomResourceDefinition")
    await team.told("web", "does not serve Widget", kind="SyncFailed")
    assert not sent(journal, "widgets")
    await absent(theatre, "CustomResourceDefinition", f"widgets.{group}")


async def test_a_repository_that_the_project_does_not_cover_is_not_even_read(theatre: Theatre) -> None:
    """H21: the rule is ``fleet.projects.sources.breaches``."""
    other = Repository(
        theatre.planes.git, theatre.planes.folder / "repositories", f"secret-{theatre.number}", theatre.folder
    )
    other.commit({"apps/web/evil.yaml": config("evil", k="1")})
    team, journal = await begin(theatre)
    # One segment that begins alike is another repository.
    await team.project(sourceRepos=[theatre.repo.url, other.url.removesuffix(".git")[:-1]])
    await team.application("web", team.spec("web", source={"repoURL": other.url}))
    await team.told("web", f"Project {team.name} (sourceRepos)", f"secret-{theatre.number}")
    assert other.url not in theatre.hub.readers.repositories()
    assert not (theatre.folder / "data" / "mirrors").exists() or not list(
        (theatre.folder / "data" / "mirrors").iterdir()
    )
    assert not sent(journal, "web")


@pytest.mark.parametrize("whose", ["nobody", "another", "default"])
async def test_a_project_that_is_not_there_or_not_the_teams_lets_nothing_through(
    theatre: Theatre, whose: str
) -> None:
    """H21: the rule is ``fleet.projects.rules.admits``."""
    team, journal = await begin(theatre)
    other = Team(theatre, "other")
    await other.open()
    theatre.repo.commit({"apps/web/evil.yaml": config("evil", k="1")})
    named = {"nobody": "nobodys", "another": other.name, "default": "default"}[whose]
    await team.application("web", team.spec("web", project=named))
    words = ("there is no valid Project",) if whose == "nobody" else ("sourceNamespaces", team.name)
    await team.told("web", *words, named)
    assert not sent(journal, "web")
    assert not sent(journal, "evil")
    await theatre.nowhere("ConfigMap", "evil")


async def test_another_teams_cluster_gets_nothing_and_ones_own_does(theatre: Theatre) -> None:
    """H21: the rule is ``fleet.projects.sources.barred``."""
    mine = [{"clusterSelector": {"matchLabels": {"region": "eu"}}, "namespaces": [theatre.namespace]}]
    team, journal = await begin(theatre, destinations=mine)
    theatre.repo.commit({"apps/web/a.yaml": config("a", k="1")})
    await team.application("web", team.spec("web"))
    await team.told("web", f"Project {team.name} (destinations)", "cluster us")
    await theatre.everywhere("ConfigMap", "a", ("eu",))
    assert not [write for write in journal.writes if write.startswith("us ") and "secrets" not in write]
    await theatre.nowhere("ConfigMap", "a", ("us",))
    found = await theatre.api.get("Application", "web", team.name)
    assert found
    assert found["metadata"]["annotations"][names.PLACED] == "eu"


async def test_a_project_without_hub_holds_no_app_of_apps(theatre: Theatre) -> None:
    """H21: the rule is ``fleet.projects.sources.barred``."""
    team, journal = await begin(theatre)
    theatre.repo.commit({"apps/root/evil.yaml": team.child("evil", team.spec("evil"))})
    await team.application("root", team.root("root"))
    await team.told("root", f"Project {team.name} (hub)")
    assert not sent(journal, "evil")
    assert not sent(journal, "configmaps")
    await absent(theatre, "Application", "evil", team.name)


@pytest.mark.parametrize(
    ("kind", "namespace", "words"),
    [
        ("Project", "fleethub", ("move its own walls",)),
        ("Cluster", "fleethub", ("move its own walls",)),
        ("Project", "", ("move its own walls",)),
        ("Application", "fleethub", ("stays there", "fleethub")),
        ("Application", "default", ("stays there", "default")),
    ],
)
async def test_a_root_of_a_team_moves_no_walls_and_stays_in_its_namespace(
    theatre: Theatre, kind: str, namespace: str, words: tuple[str, ...]
) -> None:
    """H21: the rule is ``fleet.projects.children.refusal``."""
    team, journal = await begin(theatre, hub=True)
    specs = {
        "Application": {**team.spec("evil"), "project": "default"},
        "Cluster": {"server": "https://evil.test"},
        "Project": {"sourceRepos": ["*"]},
    }
    theatre.repo.commit(
        {
            "apps/root/evil.yaml": manifest(kind, "evil", namespace, spec=specs[kind]),
            "apps/root/good.yaml": team.child("good", team.spec("good")),
            "apps/good/a.yaml": config("a", k="1"),
        }
    )
    await team.application("root", team.root("root"))
    await team.told("root", "evil", *words)
    await theatre.everywhere("ConfigMap", "a")
    assert not sent(journal, "evil")
    await absent(theatre, kind, "evil", namespace or team.name)


async def test_a_child_of_a_child_gains_nothing_also_right_after_a_restart(theatre: Theatre) -> None:
    """H21: the rule is ``fleet.hub.lineage.Lineage.chain``."""
    team, journal = await begin(theatre, hub=True)
    # The platform's own root reads the team's repository: what it holds is the team's, whatever it names.
    hostile = team.spec("deep", project="default", namespace="kube-system")
    middle = team.root("middle", project="default")
    theatre.repo.commit(
        {
            "apps/root/middle.yaml": team.child("middle", middle),
            "apps/middle/deep.yaml": team.child("deep", hostile),
            "apps/deep/good.yaml": manifest("ConfigMap", "good", theatre.namespace),
            "apps/deep/evil.yaml": config("evil", k="1"),
            "apps/deep/role.yaml": manifest("ClusterRole", "evil", **RULE),
        }
    )
    await team.application("root", team.root("root"), names.HUB_NAMESPACE)
    words = (f"Project {team.name} (destinations.namespaces)", "kube-system", "clusterScopedKinds")
    await team.told("deep", *words, namespace=names.HUB_NAMESPACE)
    await theatre.everywhere("ConfigMap", "good")
    assert not sent(journal, "evil")
    await theatre.stop()
    again = Journal()
    hub = await theatre.start(watched(again))
    commit = theatre.repo.commit({"apps/deep/more.yaml": manifest("ConfigMap", "more", theatre.namespace)})
    await theatre.everywhere("ConfigMap", "more")
    assert hub.readers.repositories()

    async def told() -> bool:
        return (await team.status("deep", names.HUB_NAMESPACE)).get("revision") == commit

    await until(told, what="the newest commit is told")
    await team.told("deep", *words, namespace=names.HUB_NAMESPACE)
    assert not sent(again, "evil")
    await absent(theatre, "ConfigMap", "evil", "kube-system")
    await absent(theatre, "ClusterRole", "evil")


async def test_a_limited_root_of_the_hubs_namespace_takes_over_nothing_of_the_platform(
    theatre: Theatre,
) -> None:
    """H21: the rule is ``fleet.projects.children.refusal``."""
    team, journal = await begin(theatre, hub=True)
    theatre.repo.commit(
        {
            "apps/platform/a.yaml": config("a", k="1"),
            "apps/root/platform.yaml": team.child("platform", team.spec("nothing")),
            "apps/root/default.yaml": manifest("Project", "default", spec={"sourceRepos": ["*"]}),
            "apps/root/away.yaml": team.child("away", team.spec("nothing"), "default"),
        }
    )
    await theatre.application("platform")
    await theatre.synced("platform")
    before = await theatre.api.get("Application", "platform", names.HUB_NAMESPACE)
    assert before
    await team.application("root", team.root("root"), names.HUB_NAMESPACE)
    words = ("take it over", "move its own walls", "does not admit children in namespace default")
    await team.told("root", *words, namespace=names.HUB_NAMESPACE)
    after = await theatre.api.get("Application", "platform", names.HUB_NAMESPACE)
    assert after
    assert after["spec"] == before["spec"]
    assert not sent(journal, "/projects/")
    assert not sent(journal, "/namespaces/default/")


async def test_the_label_of_a_set_whose_application_is_gone_is_no_way_out(theatre: Theatre) -> None:
    """H21: the rule is ``fleet.hub.lineage.Lineage.chain``."""
    team, journal = await begin(theatre, hub=True)
    theatre.repo.commit(
        {
            "apps/root/child.yaml": team.child("child", team.spec("child", project="default")),
            "apps/child/evil.yaml": manifest("ConfigMap", "evil", "kube-system"),
        }
    )
    await team.application("root", team.root("root"), names.HUB_NAMESPACE)
    await team.told("child", "kube-system", namespace=names.HUB_NAMESPACE)
    await theatre.stop()
    # Somebody forces the root out while no hub looks: nobody withdraws the child.
    await theatre.api.patch("Application", "root", names.HUB_NAMESPACE, {"metadata": {"finalizers": None}})
    await theatre.api.delete("Application", "root", names.HUB_NAMESPACE)
    again = Journal()
    await theatre.start(watched(again))
    await team.told("child", "an app of apps made this Application", namespace=names.HUB_NAMESPACE)
    assert not sent(again, "evil")
    assert not sent(journal, "evil")

    async def nothing() -> bool:
        return await theatre.members["eu"].get("ConfigMap", "evil", "kube-system") is None

    await holds(nothing, 1.0, what="nothing of it is there")
