"""An empty cluster, one command, and all else comes from Git; and the way back."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bootstrap.local.plane import Plane
from bootstrap.local.servers import Components
from fleet import names
from fleet.documents import write
from fleet.secrets import keys
from tests.integration.test_cli import fleethub
from tests.integration.test_seal_commands import given
from tests.stage.api import Api, until
from tests.stage.theatre import Planes, Theatre, config, manifest, manifest_of

HUB = names.HUB_NAMESPACE
PRUNED = {"automated": {"prune": True, "selfHeal": True}, "syncOptions": ["CreateNamespace=true"]}


@pytest.fixture
async def empty(planes: Planes, member_apis: dict[str, Api], tmp_path: Path) -> AsyncIterator[Theatre]:
    """A cluster on which nothing has been installed."""
    with Plane.create(
        "empty",
        tmp_path / "plane",
        components=Components.API_ONLY,
        etcd=planes.hub.etcd,
        prefix=f"/{tmp_path.name}",
    ) as plane:
        api = await Api.of(plane.kubeconfig)
        made = Theatre(replace(planes, hub=plane), api, member_apis)
        await made.open()
        yield made
        await made.stop()
        for member in member_apis.values():
            for parent in await member.list("ConfigMap", names.MEMBER_NAMESPACE, names.APPLYSET_ID):
                await member.delete("ConfigMap", parent["metadata"]["name"], names.MEMBER_NAMESPACE)
            await member.delete("Lease", names.MEMBER_LEASE, names.MEMBER_NAMESPACE)
        await api.close()


def registration(theatre: Theatre, name: str) -> dict[str, object]:
    """A member's registration, in clear."""
    content = theatre.planes.members[name].kubeconfig.read_bytes()
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": HUB, "labels": {names.SECRET_TYPE: names.SECRET_CLUSTER}},
        "data": {"kubeconfig": base64.b64encode(content).decode()},
    }


def project() -> str:
    """The team's Project."""
    spec = {
        "sourceRepos": ["*"],
        "destinations": [{"clusters": ["*"], "namespaces": ["*"]}],
        "clusterScopedKinds": ["Namespace"],
    }
    return manifest("Project", "team", HUB, spec=spec)


def application(theatre: Theatre) -> str:
    """The team's Application, for every cluster."""
    source = {"repoURL": theatre.repo.url, "targetRevision": "main", "path": "apps/app"}
    spec = {
        "project": "team",
        "source": source,
        "placement": {"clusterSelector": {}},
        "namespace": theatre.namespace,
        "syncPolicy": PRUNED,
    }
    return manifest("Application", "app", spec=spec)


def password(url: str, **more: str) -> dict[str, object]:
    """A credential of the Git server."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "git", "namespace": HUB, "labels": {names.SECRET_TYPE: names.SECRET_REPOSITORY}},
        "stringData": {"url": url, "username": "deploy", "password": "hunter2", **more},
    }


@pytest.mark.timeout(240)
async def test_registrations_projects_and_secrets_come_from_git_after_one_command(
    empty: Theatre, tmp_path: Path
) -> None:
    theatre = empty
    key = keys.make("hub", HUB, 1_700_000_000.0)
    key["metadata"] = {**key["metadata"], "name": "sealed-secrets-key-first"}
    key["metadata"].pop("generateName", None)
    certificate = tmp_path / "hub.pem"
    certificate.write_bytes(base64.b64decode(key["data"]["tls.crt"]))
    seal = ("seal", "--cert", str(certificate))
    theatre.repo.commit(
        {
            "fleet/eu.yaml": await given(theatre, manifest_of(registration(theatre, "eu")), *seal),
            "fleet/us.yaml": await given(theatre, manifest_of(registration(theatre, "us")), *seal),
            "fleet/git.yaml": await given(
                theatre, manifest_of(password("https://other.example/team")), *seal
            ),
            "fleet/team.yaml": project(),
            "fleet/app.yaml": application(theatre),
            "apps/app/a.yaml": config("a", k="1"),
        }
    )
    (tmp_path / "keys.yaml").write_text(write.yaml({"apiVersion": "v1", "kind": "List", "items": [key]}))
    (tmp_path / "git.yaml").write_text(write.yaml(password(theatre.planes.git.url + "/")))
    install = ("install", "--root", theatre.repo.url, "--path", "fleet", "--revision", "main")
    more = ("--repository-credential", str(tmp_path / "git.yaml"), "--seal-key", str(tmp_path / "keys.yaml"))
    done = await fleethub(theatre, *install, *more, "--register-self", "home", "--self-label", "tier=hub")
    assert "hunter2" not in done.out + done.err
    await theatre.start()
    await theatre.synced("root")
    await theatre.synced("app")
    await theatre.everywhere("ConfigMap", "a")
    here = await theatre.api.get("ConfigMap", "a", theatre.namespace)
    assert here is not None
    assert {one["metadata"]["name"] for one in await theatre.api.list("Cluster")} == {"eu", "us", "home"}
    home = await theatre.api.get("Cluster", "home", HUB)
    assert home is not None
    assert home["metadata"]["labels"]["tier"] == "hub"
    assert {one["metadata"]["name"] for one in await theatre.api.list("Project")} == {"default", "team"}
    # What the hub keeps for itself is no set of the member that is the same cluster.
    assert theatre.hub.clearing.unclaimed("home") == ()
    lease = await theatre.api.get("Lease", names.MEMBER_LEASE, names.SELF_NAMESPACE)
    assert lease is not None
    await let_in_again(theatre)
    assert {url.url_prefix for url in theatre.hub.registrations.credentials()} >= {
        "https://other.example/team"
    }

    # Again changes nothing that Git has, and nothing of what runs.
    before = [
        await theatre.api.get(kind, name, HUB) for kind, name in (("Application", "root"), ("Cluster", "eu"))
    ]
    again = await fleethub(theatre, *install, *more)
    assert "Made 0 of 1 sealing keys" in again.out
    after = [
        await theatre.api.get(kind, name, HUB) for kind, name in (("Application", "root"), ("Cluster", "eu"))
    ]
    assert [one["spec"] for one in after if one] == [one["spec"] for one in before if one]
    again_with_all = (*install, *more, "--register-self", "home", "--self-label", "tier=hub")
    await leaves_and_comes_back(theatre, again_with_all)
    await leaves_for_good(theatre)


async def let_in_again(theatre: Theatre) -> None:
    """The hub's own cluster is let in by the account that it has as a member, and what is the hub's stays as it is."""

    async def own() -> list[object]:
        found = [
            await theatre.api.get("ServiceAccount", "fleethub", HUB),
            await theatre.api.get("Role", "fleethub", HUB),
            await theatre.api.get("ClusterRole", "fleethub"),
            await theatre.api.get("ClusterRoleBinding", "fleethub"),
        ]
        assert all(found)
        return found

    before, admin = await own(), str(theatre.planes.hub.kubeconfig)
    done = await fleethub(theatre, "cluster", "rotate", "home", "--member-kubeconfig", admin)
    assert f"ServiceAccount {names.SELF_NAMESPACE}/fleethub" in done.out
    revoked = await fleethub(theatre, "cluster", "revoke", "home", "--yes")
    assert f"ServiceAccount {names.SELF_NAMESPACE}/fleethub of home is deleted" in revoked.out
    await fleethub(theatre, "cluster", "rotate", "home", "--member-kubeconfig", admin)
    assert await own() == before


async def leaves_and_comes_back(theatre: Theatre, install: tuple[str, ...]) -> None:
    """Gone from its cluster, and back: nothing of what runs has noticed."""
    runs = await running(theatre)
    busy = await fleethub(theatre, "uninstall", "--yes", "--timeout", "1s", code=4)
    assert "is active: stop it" in busy.err
    await theatre.stop()
    left = await fleethub(theatre, "uninstall", "--yes")
    assert "The kinds stay, since there are 2 Applications, 3 Clusters, 1 Project" in left.out
    assert "sealing keys that are not backed up" in left.out
    for kind, name in (("Role", "fleethub"), ("Secret", names.API_SECRET), ("ServiceAccount", "fleethub")):
        assert await theatre.api.get(kind, name, HUB) is None
    assert await theatre.api.get("ClusterRole", "fleethub") is None
    assert await theatre.api.get("Secret", "sealed-secrets-key-first", HUB) is not None
    assert await running(theatre) == runs
    await fleethub(theatre, *install)
    await theatre.start()
    await theatre.synced("root")
    await theatre.synced("app")
    assert await running(theatre) == runs


async def leaves_for_good(theatre: Theatre) -> None:
    """Gone with all that it brought."""
    leaving = asyncio.ensure_future(fleethub(theatre, "uninstall", "--members", "clean", "--crds", "--yes"))

    async def clean() -> bool:
        return not await running(theatre)

    await until(clean, what="nothing is left on any member")

    async def asked() -> bool:
        clusters = await theatre.api.list("Cluster")
        said = [one for body in clusters for one in body["status"]["conditions"] if one["status"] == "True"]
        return [one["type"] for one in said].count("Cleaned") == len(clusters)

    await until(asked, what="each cluster says that it is clean")
    await theatre.stop()
    gone = await leaving
    assert "Removed CustomResourceDefinition applications.fleethub.dev" in gone.out
    kinds = [one["metadata"]["name"] for one in await theatre.api.list("CustomResourceDefinition")]
    assert [name for name in kinds if name.endswith(names.GROUP)] == []


async def running(theatre: Theatre) -> dict[str, str]:
    """What runs on the members, the hub's own cluster among them."""
    return {
        f"{name}/{one['metadata']['name']}": one["metadata"]["resourceVersion"]
        for name, member in {**theatre.members, "home": theatre.api}.items()
        for one in await member.list("ConfigMap", theatre.namespace)
    }


async def test_what_cannot_be_used_is_told_before_anything_is_made(empty: Theatre, tmp_path: Path) -> None:
    theatre = empty
    root = ("install", "--root", "https://git.example/acme/fleet.git", "--path", "clusters")
    (tmp_path / "broken.yaml").write_text("a: [hunter2\n")
    (tmp_path / "other.yaml").write_text(write.yaml(password("https://elsewhere.example")))
    (tmp_path / "key.yaml").write_text(
        write.yaml({**keys.make("hub", HUB, 1.0), "data": {"tls.key": "aHVudGVyMg=="}})
    )
    for arguments, words in (
        (("install", "--root", "no url", "--path", "x"), ("--root",)),
        ((*root[:3],), ("--path",)),
        (
            (*root, "--repository-credential", str(tmp_path / "none.yaml")),
            ("--repository-credential", "cannot be read"),
        ),
        (
            (*root, "--repository-credential", str(tmp_path / "broken.yaml")),
            ("--repository-credential", "broken.yaml"),
        ),
        (
            (*root, "--repository-credential", str(tmp_path / "other.yaml")),
            ("elsewhere.example", "does not lie"),
        ),
        ((*root, "--seal-key", str(tmp_path / "key.yaml")), ("--seal-key", "key.yaml")),
        ((*root, "--seal-key", str(tmp_path)), ("--seal-key", "cannot be read")),
    ):
        done = await fleethub(theatre, *arguments, code=1)
        assert all(word in done.err for word in words), done
        assert done.err.startswith("Error: ")
        assert "hunter2" not in done.err
        assert "aHVudGVyMg" not in done.err
    assert await theatre.api.get("Namespace", HUB) is None


async def test_what_people_put_beside_the_hub_outlives_it_and_its_rights_do_not(empty: Theatre) -> None:
    theatre, offered = empty, empty.namespace
    await theatre.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": offered}})
    await fleethub(theatre, "install", "--image", "registry.test/fleethub:1", "--discover", f"capi={offered}")
    # Again without the image changes nothing for the Pods that are there.
    await fleethub(theatre, "install")
    space = await theatre.api.get("Namespace", HUB)
    assert space is not None
    assert space["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"

    # Whoever mistakes the namespace changes nothing.
    for command in (("install",), ("uninstall", "--crds", "--yes")):
        for mistaken in (("--hub-namespace", "gitops"), ("--namespace", "gitops")):
            done = await fleethub(theatre, *command, *mistaken, code=1)
            assert "--hub-namespace" in done.err
    assert await theatre.api.get("Namespace", "gitops") is None
    assert await theatre.api.get("ClusterRoleBinding", "fleethub") is not None

    app = json.loads(application(theatre))
    app["metadata"]["namespace"] = HUB
    await theatre.api.apply(app)
    finalizers = [names.FINALIZER, "acme.example/keep"]
    await theatre.api.patch("Application", "app", HUB, {"metadata": {"finalizers": finalizers}})
    left = await fleethub(theatre, "uninstall", "--yes")
    assert "The kinds stay, since there are 1 Application." in left.out
    assert f"Namespace {HUB} stays: it holds Application app, Project default." in left.out
    for kind, name, place in (
        ("RoleBinding", "fleethub-discovery", offered),
        ("Role", "fleethub-discovery", offered),
        ("RoleBinding", "fleethub", HUB),
        ("ClusterRoleBinding", "fleethub", ""),
        ("Deployment", "fleethub", HUB),
        ("Lease", names.HUB_LEASE, HUB),
    ):
        assert await theatre.api.get(kind, name, place) is None, kind
    space, app = await theatre.api.get("Namespace", HUB), await theatre.api.get("Application", "app", HUB)
    assert space is not None
    assert app is not None
    assert "deletionTimestamp" not in {**space["metadata"], **app["metadata"]}

    gone = await fleethub(theatre, "uninstall", "--crds", "--yes")
    assert f"Removed Namespace {HUB}" in gone.out
    app = await theatre.api.get("Application", "app", HUB)
    assert app is not None
    assert app["metadata"]["finalizers"] == ["acme.example/keep"]
    # What is made in a namespace that ends would go with it.
    early = await fleethub(theatre, "install", "--timeout", "1s", code=4)
    assert f"Namespace {HUB} is being deleted" in early.err
