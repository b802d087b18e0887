"""The command line against a real hub and real members, each command a process as people start it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bootstrap.local import binaries
from fleet import names
from fleet.cli.cluster import secrets
from fleet.kube import trusted
from fleet.kube.connection import Connection
from fleet.kube.request import Request
from tests.stage.api import until
from tests.stage.theatre import API_TOKEN, Theatre, config, manifest


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its output, asked for as JSON."""
        return json.loads(self.out)


async def fleethub(theatre: Theatre, *arguments: str, code: int | None = 0) -> Done:
    """Run a command as the hub's administrator; it must end with ``code``, None for any."""
    environment = {**os.environ, "KUBECONFIG": str(theatre.planes.hub.kubeconfig)}
    environment.pop("FLEETHUB_URL", None)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "fleet.cli",
        *arguments,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    done = Done(process.returncode or 0, out.decode(), err.decode())
    assert code is None or done.code == code, done
    assert API_TOKEN not in done.out + done.err
    return done


async def add(theatre: Theatre, name: str, *more: str) -> Done:
    kubeconfig = str(theatre.planes.members[name].kubeconfig)
    return await fleethub(theatre, "cluster", "add", name, "--member-kubeconfig", kubeconfig, *more)


async def test_install_prepares_a_cluster_and_again_changes_nothing(theatre: Theatre) -> None:
    async def versions() -> list[str]:
        kinds = ("CustomResourceDefinition", "ClusterRole", "Project", "Secret")
        return [
            one["metadata"]["resourceVersion"]
            for kind in kinds
            for one in await theatre.api.list(kind)
            if one["metadata"]["name"]
            in ("applications.fleethub.dev", "fleethub", "default", names.API_SECRET)
        ]

    first = await fleethub(theatre, "install")
    assert "Applied ClusterRole fleethub" in first.out
    before = await versions()
    assert len(before) == 4
    await fleethub(theatre, "install")
    assert await versions() == before


async def test_a_cluster_is_added_once_the_hub_itself_has_reached_it(theatre: Theatre) -> None:
    await theatre.start()
    done = await add(theatre, "eu", "--label", "env=prod", "--annotation", "acme.example/zone=Z1")
    assert "Granted: ClusterRoleBinding fleethub: cluster-admin" in done.out
    assert done.out.endswith("The hub has reached eu.\n")
    cluster = await theatre.api.get("Cluster", "eu", names.HUB_NAMESPACE)
    assert cluster is not None
    assert cluster["metadata"]["labels"]["env"] == "prod"
    again = await add(theatre, "eu", "--label", "env=prod", "--annotation", "acme.example/zone=Z1")
    assert again.out.endswith("The hub has reached eu.\n")

    listed = (await fleethub(theatre, "cluster", "list")).out.splitlines()
    assert listed[1].split()[:2] == ["eu", "True"]
    assert "env=prod" in listed[1]
    shown = await fleethub(theatre, "cluster", "get", "eu", "-o", "json")
    assert shown.json["live"]["reach"]["reachable"]

    removed = await fleethub(theatre, "cluster", "remove", "eu")
    assert "What runs on eu stays" in removed.out

    async def gone() -> bool:
        return await theatre.api.get("Cluster", "eu", names.HUB_NAMESPACE) is None

    await until(gone, what="the Cluster is gone")
    await fleethub(theatre, "cluster", "remove", "eu", code=1)


async def test_a_cluster_that_is_added_again_keeps_what_is_not_given(theatre: Theatre) -> None:
    await theatre.start()
    elsewhere = theatre.planes.members["eu"].server.replace("127.0.0.1", "localhost")
    await add(
        theatre, "eu", "--label", "env=prod", "--annotation", "acme.example/zone=Z1", "--server", elsewhere
    )

    async def stands() -> tuple[dict[str, str], str, str]:
        found = await theatre.api.get("Cluster", "eu", names.HUB_NAMESPACE)
        assert found is not None
        metadata = found["metadata"]
        return metadata["labels"], metadata["annotations"]["acme.example/zone"], found["status"]["server"]

    before = await stands()
    assert before == ({"env": "prod"}, "Z1", elsewhere)
    again = await add(theatre, "eu")
    assert f"keeps to {elsewhere}" in again.err
    assert await stands() == before
    await add(theatre, "eu", "--label", "env-", "--label", "tier=one")

    async def relabelled() -> bool:
        return await stands() == ({"tier": "one"}, "Z1", elsewhere)

    await until(relabelled, what="the labels are those of before, but for what was given")
    here = theatre.planes.members["eu"].server
    await add(theatre, "eu", "--server", here)
    assert (await stands())[2] == here


async def test_without_a_hub_adding_ends_out_of_time(theatre: Theatre) -> None:
    kubeconfig = str(theatre.planes.members["us"].kubeconfig)
    given = ("cluster", "add", "us", "--member-kubeconfig", kubeconfig, "--timeout", "1s")
    done = await fleethub(theatre, *given, code=4)
    assert "the hub has not seen it yet" in done.err


async def test_an_application_is_seen_synced_and_deleted(theatre: Theatre) -> None:
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="v")})
    await theatre.start()
    await theatre.register("eu")
    await theatre.application()
    waited = await fleethub(theatre, "app", "wait", "app", "--timeout", "30s")
    assert "Synced Healthy 1/1" in waited.out

    listed = (await fleethub(theatre, "app", "list")).out.splitlines()
    assert listed[1].split()[:5] == ["fleethub", "app", "Synced", "Healthy", "1/1"]
    shown = await fleethub(theatre, "app", "get", "app")
    assert "eu" in shown.out
    assert "Status alone" not in shown.err
    objects = (await fleethub(theatre, "app", "resources", "app", "-o", "json")).json["items"]
    assert [(one["kind"], one["name"], one["health"]) for one in objects] == [("ConfigMap", "a", "Healthy")]
    dry = await fleethub(theatre, "app", "sync", "app", "--dry-run")
    assert "All 1 clusters are in sync." in dry.err
    await fleethub(theatre, "app", "refresh", "app")

    await fleethub(theatre, "app", "delete", "app", "--wait", "--yes", "--timeout", "30s")
    await theatre.nowhere("ConfigMap", "a")
    await fleethub(theatre, "app", "get", "app", code=1)


async def test_a_manual_application_is_synced_on_request_and_the_status_says_who_asked(
    theatre: Theatre,
) -> None:
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="v")})
    await theatre.start()
    await theatre.register("eu")
    await theatre.application(syncPolicy={})

    async def known() -> bool:
        return bool((await theatre.status()).get("revision"))

    await until(known, what="the hub knows a revision")
    await fleethub(theatre, "app", "wait", "app", "--timeout", "0", code=3)
    await fleethub(theatre, "app", "sync", "app", "--wait", "--timeout", "30s")
    await theatre.everywhere("ConfigMap", "a", ("eu",))
    asked = (await theatre.status())["lastSync"]
    assert asked["by"]
    assert asked["at"].endswith("Z")


async def test_without_the_hubs_api_the_status_is_shown_alone_and_it_says_so(theatre: Theatre) -> None:
    await theatre.application()
    shown = await fleethub(theatre, "app", "get", "app", "--hub-url", "http://127.0.0.1:1")
    assert "Source:" in shown.out
    assert "Status alone" in shown.err
    await fleethub(theatre, "app", "resources", "app", "--hub-url", "http://127.0.0.1:1", code=1)


async def test_pause_resume_and_take_over_stand_on_the_cluster(theatre: Theatre) -> None:
    await theatre.start()
    await theatre.register("eu")

    async def cluster() -> dict[str, Any]:
        return await theatre.api.get("Cluster", "eu", names.HUB_NAMESPACE) or {}

    await until(cluster, what="the Cluster is made")
    await fleethub(theatre, "cluster", "pause", "eu")
    assert (await cluster())["spec"]["paused"]
    await fleethub(theatre, "cluster", "resume", "eu")
    assert not (await cluster())["spec"]["paused"]
    await fleethub(theatre, "cluster", "take-over", "--all")
    assert names.TAKE_OVER in (await cluster())["metadata"]["annotations"]


async def test_projects_are_shown(theatre: Theatre) -> None:
    listed = (await fleethub(theatre, "project", "list")).out.splitlines()
    assert listed[1].split()[0] == "default"
    shown = await fleethub(theatre, "project", "get", "default")
    assert "clusterScopedKinds:" in shown.out


async def account(theatre: Theatre) -> Path:
    """A kubeconfig with the rights that an installation gives the hub, and no more."""
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    path = f"/api/v1/namespaces/{names.HUB_NAMESPACE}/serviceaccounts/{names.PRODUCT}/token"
    answer = await theatre.api.send(Request("POST", path, body=json.dumps(asked).encode()))
    admin = await trusted.load(str(theatre.planes.hub.kubeconfig))
    connection = Connection(
        admin.server, ca_data=admin.ca_data, token=json.loads(answer.body)["status"]["token"]
    )
    kubeconfig = theatre.folder / "account.kubeconfig"
    kubeconfig.write_text(secrets.kubeconfig("hub", connection))
    return kubeconfig


async def test_the_hub_is_a_command_that_works_with_the_rights_of_its_account_and_ends_when_told(
    theatre: Theatre,
) -> None:
    await fleethub(theatre, "install")
    app = {
        "source": {"repoURL": theatre.repo.url, "path": "apps/child", "targetRevision": "main"},
        "placement": {"clusters": ["us"]},
        "namespace": theatre.namespace,
        "syncPolicy": {"automated": {}},
    }
    child = manifest("Application", "child", names.HUB_NAMESPACE, spec=app)
    theatre.repo.commit({"apps/child/a.yaml": config("a", k="v"), "apps/app/child.yaml": child})
    log = theatre.folder / "hub.log"
    with log.open("wb") as into:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "fleet.cli", "hub", "--listen", "127.0.0.1:0", "--log-format", "json"),
            *("--kubeconfig", str(await account(theatre)), "--data", str(theatre.folder / "data")),
            *("--allow-git", f"{theatre.planes.git.url}/"),
            stderr=into,
        )
    try:
        await add(theatre, "us", "--timeout", "60s")
        await theatre.application(placement={"hub": True}, namespace=names.HUB_NAMESPACE)
        await theatre.synced("child", timeout=60)
        await theatre.everywhere("ConfigMap", "a", ("us",))

        async def told() -> bool:
            found = await theatre.api.list("Event", names.HUB_NAMESPACE)
            return any(one["reason"] == "ClusterReachable" for one in found)

        await until(told, what="an Event tells that the cluster answers")
    finally:
        process.terminate()
        code = await asyncio.wait_for(process.wait(), 30)
    assert code == 0, log.read_text()


async def test_local_clusters_are_made_listed_and_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, theatre: Theatre
) -> None:
    monkeypatch.setenv("FLEETHUB_BINARIES", str(binaries.folder()))
    monkeypatch.setenv("FLEETHUB_CACHE", str(tmp_path))
    made = await fleethub(theatre, "local", "create", "trial", "--timeout", "60s")
    try:
        assert "export KUBECONFIG=" in made.out
        (found,) = (await fleethub(theatre, "local", "list", "-o", "json")).json["items"]
        assert found["name"] == "trial"
        assert "kube-apiserver" in found["running"]
    finally:
        await fleethub(theatre, "local", "delete", "trial")
    assert (await fleethub(theatre, "local", "list", "-o", "json")).json["items"] == []
    gone = await fleethub(theatre, "local", "delete", "trial", code=1)
    assert gone.err.count("\n") == 1
