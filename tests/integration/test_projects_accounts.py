"""With a Project's ServiceAccount the hub does on members only what that account may do there."""

from __future__ import annotations

from typing import Any

from fleet import names
from tests.stage.api import Api, holds, until
from tests.stage.teams import Team
from tests.stage.theatre import Theatre, config, deployment, manifest

RBAC = "rbac.authorization.k8s.io"
ALL = ("create", "patch", "delete")


async def grant(
    api: Api, namespace: str, account: str, resources: list[str], verbs: tuple[str, ...] = ALL
) -> None:
    """Let the account (``namespace/name``, or ``group:NAME``) do this in a namespace, and nothing else."""
    metadata = {"name": "deployer", "namespace": namespace}
    rules = [{"apiGroups": ["*"], "resources": resources, "verbs": list(verbs)}]
    group = account.removeprefix("group:")
    place, _, name = account.partition("/")
    subject: dict[str, Any] = {"kind": "ServiceAccount", "namespace": place, "name": name}
    if group != account:
        subject = {"kind": "Group", "apiGroup": RBAC, "name": group}
    await api.apply(
        {"apiVersion": f"{RBAC}/v1", "kind": "Role", "metadata": metadata, "rules": rules}, "kubectl"
    )
    await api.apply(
        {
            "apiVersion": f"{RBAC}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": "deployer"},
            "subjects": [subject],
        },
        "kubectl",
    )


async def inventory(theatre: Theatre, team: Team, account: str) -> None:
    """Let the account keep the parents of the team's Applications on the first member."""
    api = theatre.members["eu"]
    name = f"{team.name}-inventory"
    metadata = {"name": name, "namespace": names.MEMBER_NAMESPACE}
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": list(ALL)}]
    place, _, plain = account.partition("/")
    await api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "fleethub"}}, "kubectl")
    await api.apply({"apiVersion": f"{RBAC}/v1", "kind": "Role", "metadata": metadata, "rules": rules})
    await api.apply(
        {
            "apiVersion": f"{RBAC}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "namespace": place, "name": plain}],
        }
    )


async def begin(theatre: Theatre, account: str, **rules: Any) -> Team:
    await theatre.register("eu")
    team = Team(theatre)
    await team.open(serviceAccount=account, **rules)
    await theatre.start()
    return team


async def test_an_account_without_rights_gets_nothing_there_and_the_condition_says_what_it_lacks(
    theatre: Theatre,
) -> None:
    account = f"deployer-{theatre.number}"
    team = await begin(theatre, account)
    theatre.repo.commit({"apps/web/a.yaml": config("a", k="1")})
    await team.application("web", team.spec("web"))
    who = f"ServiceAccount {names.MEMBER_NAMESPACE}/{account}"
    await team.told("web", f"{who} may not patch configmaps", "in namespace fleethub", kind="SyncFailed")
    await theatre.nowhere("ConfigMap", "a", ("eu",))
    await inventory(theatre, team, f"{names.MEMBER_NAMESPACE}/{account}")
    await team.told("web", f"{who} may not patch configmaps", theatre.namespace, kind="SyncFailed")
    await theatre.nowhere("ConfigMap", "a", ("eu",))
    await grant(
        theatre.members["eu"],
        theatre.namespace,
        f"{names.MEMBER_NAMESPACE}/{account}",
        ["configmaps"],
        ("create", "patch"),
    )
    await team.synced("web")
    # What it may not remove is not removed.
    theatre.repo.commit({"apps/web/a.yaml": None, "apps/web/b.yaml": config("b", k="1")})
    await team.told("web", f"{who} may not delete configmaps", kind="SyncFailed")
    assert await theatre.members["eu"].get("ConfigMap", "a", theatre.namespace)
    await grant(
        theatre.members["eu"], theatre.namespace, f"{names.MEMBER_NAMESPACE}/{account}", ["configmaps"]
    )
    await team.synced("web")
    assert not await theatre.members["eu"].get("ConfigMap", "a", theatre.namespace)
    # Deleting the Application is the account's too.
    await theatre.api.delete("Application", "web", team.name)
    await theatre.nowhere("ConfigMap", "b", ("eu",))


async def test_what_the_account_may_not_write_is_refused_and_the_rest_goes_on(theatre: Theatre) -> None:
    account = f"{theatre.namespace}/deployer"
    team = await begin(theatre, account, clusterScopedKinds=["*"])
    await inventory(theatre, team, account)
    # The right may be given to the group of all accounts of a namespace: the server adds the groups.
    await grant(
        theatre.members["eu"],
        theatre.namespace,
        f"group:system:serviceaccounts:{theatre.namespace}",
        ["configmaps"],
    )
    theatre.repo.commit(
        {
            "apps/web/a.yaml": config("a", k="1"),
            "apps/web/d.yaml": deployment("web"),
            "apps/web/r.yaml": manifest("ClusterRole", f"evil-{theatre.number}", rules=[]),
        }
    )
    await team.application("web", team.spec("web"))
    await team.told(
        "web",
        f"ServiceAccount {account} may not patch deployments",
        f"ServiceAccount {account} may not patch clusterroles",
        kind="SyncFailed",
    )
    await theatre.everywhere("ConfigMap", "a", ("eu",))
    await theatre.nowhere("Deployment", "web", ("eu",))
    assert await theatre.members["eu"].get("ClusterRole", f"evil-{theatre.number}") is None


async def test_a_role_that_the_account_does_not_hold_cannot_be_granted_through_the_hub(
    theatre: Theatre,
) -> None:
    account = f"{theatre.namespace}/deployer"
    team = await begin(theatre, account)
    await inventory(theatre, team, account)
    await grant(theatre.members["eu"], theatre.namespace, account, ["roles", "rolebindings", "configmaps"])
    rules = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]
    theatre.repo.commit({"apps/web/r.yaml": manifest("Role", "evil", rules=rules)})
    await team.application("web", team.spec("web"))
    await team.told("web", "Role", "evil", "permissions", kind="SyncFailed")
    assert await theatre.members["eu"].get("Role", "evil", theatre.namespace) is None


async def test_what_kubectl_made_is_taken_over_and_compared_as_the_account(theatre: Theatre) -> None:
    account = f"{theatre.namespace}/deployer"
    team = await begin(theatre, account)
    eu = theatre.members["eu"]
    made = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "a", "namespace": theatre.namespace},
    }
    await eu.create({**made, "data": {"k": "1", "drop": "2"}})
    await inventory(theatre, team, account)
    theatre.repo.commit({"apps/web/a.yaml": config("a", k="1")})
    await team.application("web", team.spec("web"))
    await team.told("web", f"ServiceAccount {account} may not patch configmaps", kind="SyncFailed")
    untouched = await eu.get("ConfigMap", "a", theatre.namespace)
    assert untouched
    assert names.APPLYSET_PART_OF not in untouched["metadata"].get("labels", {})
    await grant(eu, theatre.namespace, account, ["configmaps"])
    await team.synced("web")
    found = await eu.get("ConfigMap", "a", theatre.namespace)
    assert found
    assert found["data"] == {"k": "1"}


async def test_a_child_whose_project_names_another_account_than_its_parents_is_refused(
    theatre: Theatre,
) -> None:
    await theatre.register("eu")
    team, other = Team(theatre), Team(theatre, "other")
    await team.open(hub=True, serviceAccount="team")
    await other.open(serviceAccount="mighty")
    await other.project(sourceNamespaces=[team.name], serviceAccount="mighty")
    theatre.repo.commit(
        {
            "apps/root/web.yaml": team.child("web", other.spec("web")),
            "apps/web/a.yaml": config("a", k="1"),
        }
    )
    await theatre.start()
    await team.application("root", team.root("root"))
    await team.told("web", "serviceAccount", "fleethub/team", "fleethub/mighty")
    # One whose Project names none acts as its parent's.
    await other.project(sourceNamespaces=[team.name])
    await team.told("web", "ServiceAccount fleethub/team may not patch", kind="SyncFailed")

    async def absent() -> bool:
        return await theatre.members["eu"].get("ConfigMap", "a", theatre.namespace) is None

    await holds(absent, 0.5)


async def test_a_hub_that_may_not_act_as_the_account_says_so(theatre: Theatre) -> None:
    plane, eu = theatre.planes.members["eu"], theatre.members["eu"]
    user = f"hub-{theatre.number}"
    every = ["get", "list", "watch", "create", "update", "patch", "delete"]
    await eu.apply(
        {
            "apiVersion": f"{RBAC}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": user},
            "rules": [
                {"apiGroups": ["*"], "resources": ["*"], "verbs": every},
                {"nonResourceURLs": ["*"], "verbs": ["get"]},
            ],
        }
    )
    await eu.apply(
        {
            "apiVersion": f"{RBAC}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": user},
            "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": user},
            "subjects": [{"kind": "User", "apiGroup": RBAC, "name": user}],
        }
    )
    try:
        await theatre.register("eu", kubeconfig=plane.kubeconfig_for(user))
        team = Team(theatre)
        await team.open(serviceAccount="team")
        await theatre.start()
        theatre.repo.commit({"apps/web/a.yaml": config("a", k="1")})
        await team.application("web", team.spec("web"))
        await team.told("web", "the hub may not act as ServiceAccount fleethub/team", kind="SyncFailed")
    finally:
        await theatre.stop()
        await eu.delete("ClusterRoleBinding", user)


async def test_a_new_account_is_who_acts_from_the_next_write_on(theatre: Theatre) -> None:
    team = await begin(theatre, f"{theatre.namespace}/old")
    eu = theatre.members["eu"]
    await inventory(theatre, team, f"{theatre.namespace}/old")
    await grant(eu, theatre.namespace, f"{theatre.namespace}/old", ["configmaps"])
    theatre.repo.commit({"apps/web/a.yaml": config("a", k="1")})
    await team.application("web", team.spec("web"))
    await team.synced("web")
    await team.project(serviceAccount=f"{theatre.namespace}/new")
    theatre.repo.commit({"apps/web/a.yaml": config("a", k="2")})
    await team.told("web", f"ServiceAccount {theatre.namespace}/new may not patch", kind="SyncFailed")
    found = await eu.get("ConfigMap", "a", theatre.namespace)
    assert found
    assert found["data"] == {"k": "1"}
    await team.project()

    async def applied() -> bool:
        now = await eu.get("ConfigMap", "a", theatre.namespace)
        return now is not None and now["data"] == {"k": "2"}

    await until(applied, what="the hub acts as itself again")
