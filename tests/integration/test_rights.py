"""The hub under the rights that are shipped, as its own ServiceAccount, and as a Pod has it: a whole scenario."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from bootstrap.local import binaries
from bootstrap.local.plane import Plane
from bootstrap.local.servers import Components
from fleet import names
from fleet.cli import hub_objects
from fleet.kube.request import Request
from tests.integration.test_cli import Done, fleethub
from tests.integration.test_seal_commands import given
from tests.stage import podlike
from tests.stage.api import Api, until
from tests.stage.hubprocess import HubProcess
from tests.stage.theatre import Planes, Theatre, config, deployment, join, manifest, manifest_of

HUB = names.HUB_NAMESPACE
ME = f"system:serviceaccount:{HUB}:{names.PRODUCT}"
AUDIT = (
    "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules: [{level: Metadata}]\n"
)
# What is needed in cases that no scenario of some seconds meets.
SELDOM = {
    ("patch", "", "events"),  # the same once more
    ("patch", names.GROUP, "projects/status"),  # one that does not read
    ("get", names.GROUP, "clusters"),  # whether one is gone that a list lacked
}
PRUNED = {"automated": {"prune": True, "selfHeal": True}}


class Audit:
    """What the hub's account asked of its own API server, and how it was answered."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def events(self) -> list[dict[str, Any]]:
        """All that the account asked for."""
        found = [json.loads(line) for line in self._file.read_text().splitlines()]
        return [one for one in found if one["user"]["username"] == ME]

    def refused(self) -> list[str]:
        """What was refused to it, in words."""
        return [
            f"{one['verb']} {one['requestURI']} {one['responseStatus']['code']}"
            for one in self.events()
            if one.get("responseStatus", {}).get("code") in (401, 403)
        ]

    def used(self) -> set[tuple[str, str, str]]:
        """Verb, group and resource of each request."""
        used = set()
        for one in self.events():
            at = one.get("objectRef") or {}
            part = f"/{at['subresource']}" if at.get("subresource") else ""
            kind = (at.get("apiGroup", ""), f"{at.get('resource', '')}{part}")
            used.add((one["verb"], *kind))
            if one["verb"] == "patch" and one["responseStatus"]["code"] == 201:
                used.add(("create", *kind))  # an apply that makes the object needs both
        return used


@pytest.fixture
async def scene(
    planes: Planes, member_apis: dict[str, Api], tmp_path: Path
) -> AsyncIterator[tuple[Theatre, Audit]]:
    """An API server that keeps an audit log, with nothing on it."""
    (tmp_path / "policy.yaml").write_text(AUDIT)
    log = tmp_path / "audit.log"
    flags = (f"--audit-policy-file={tmp_path / 'policy.yaml'}", f"--audit-log-path={log}")
    with Plane.create(
        "audited",
        tmp_path / "plane",
        components=Components.API_ONLY,
        etcd=planes.hub.etcd,
        prefix="/audited",
        api_flags=flags,
    ) as plane:
        api = await Api.of(plane.kubeconfig)
        made = Theatre(replace(planes, hub=plane), api, member_apis)
        await made.open()
        yield made, Audit(log)
        await made.close()
        for member in member_apis.values():
            await member.delete("Lease", names.MEMBER_LEASE, names.MEMBER_NAMESPACE)
        await api.close()


async def account(theatre: Theatre, folder: Path) -> Path:
    """A kubeconfig with a token of the shipped ServiceAccount, as a Pod has it."""
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    path = f"/api/v1/namespaces/{HUB}/serviceaccounts/{names.PRODUCT}/token"
    answer = await theatre.api.send(Request("POST", path, body=orjson.dumps(asked)))
    token = orjson.loads(answer.body)["status"]["token"]
    (folder / "token").write_text(token)
    plane = theatre.planes.hub
    body = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": "x", "cluster": {"server": plane.server, "certificate-authority-data": plane.ca_data}}
        ],
        "users": [{"name": "x", "user": {"tokenFile": "token"}}],
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
        "current-context": "x",
    }
    file = folder / "account.kubeconfig"
    file.write_text(json.dumps(body))
    for one in (file, folder / "token"):
        one.chmod(0o644)
    return file


async def cli(theatre: Theatre, *arguments: str, code: int = 0) -> Done:
    """A command of the hub's administrator."""
    return await fleethub(theatre, *arguments, code=code)


async def developer(theatre: Theatre, *arguments: str) -> None:
    """A command of somebody who may ask for syncs, and no more."""
    verbs = ["get", "list", "patch"]
    rules = [{"apiGroups": [names.GROUP], "resources": ["applications"], "verbs": verbs}]
    rbac = "rbac.authorization.k8s.io"
    at = {"name": "developer", "namespace": HUB}
    await theatre.api.apply(
        {"apiVersion": f"{rbac}/v1", "kind": "Role", "metadata": at, "rules": rules},
    )
    await theatre.api.apply(
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            "metadata": at,
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": "developer"},
            "subjects": [{"apiGroup": rbac, "kind": "User", "name": "developer"}],
        }
    )
    kubeconfig = theatre.planes.hub.kubeconfig_for("developer")
    await cli(theatre, *arguments, "--kubeconfig", str(kubeconfig))


def child(theatre: Theatre, name: str, **spec: Any) -> str:
    """A child of an app of apps."""
    source = {"repoURL": theatre.repo.url, "targetRevision": "main", "path": f"apps/{name}"}
    return manifest(
        "Application",
        name,
        spec={
            "project": "team",
            "source": source,
            "placement": {"clusterSelector": {}},
            "namespace": theatre.namespace,
            "syncPolicy": PRUNED,
            **spec,
        },
    )


def project(name: str) -> str:
    """A Project that allows everything, and to ask a Vault that nobody runs."""
    everything = {"destinations": [{"clusters": ["*"], "namespaces": ["*"]}], "clusterScopedKinds": ["*"]}
    vault = {
        "serviceAccountName": "vault-team",
        "allow": [
            {
                "server": "https://127.0.0.1:1",
                "auth": {"method": "JWT", "mount": "jwt", "role": "team"},
                "paths": ["secret/team/*"],
            }
        ],
    }
    spec = {"sourceRepos": ["*"], "hub": True, "vault": vault, **everything}
    return manifest("Project", name, HUB, spec=spec)


def external(name: str, store: str, key: str) -> str:
    """An ExternalSecret of a store on the hub."""
    return json.dumps(
        {
            "apiVersion": "external-secrets.io/v1",
            "kind": "ExternalSecret",
            "metadata": {"name": name},
            "spec": {
                "refreshInterval": "1h",
                "secretStoreRef": {"name": store},
                "data": [{"secretKey": "password", "remoteRef": {"key": key, "property": "password"}}],
            },
        }
    )


async def stores(theatre: Theatre) -> None:
    """A store that reads Secrets of the hub's namespace, one of a Vault, and what they need there."""
    here = {"kubernetes": {"remoteNamespace": HUB, "server": {"url": "https://kubernetes.default.svc"}}}
    vault = {
        "vault": {
            "server": "https://127.0.0.1:1",
            "path": "secret",
            "version": "v2",
            "auth": {"jwt": {"path": "jwt", "role": "team"}},
        }
    }
    for name, provider in (("here", here), ("vault", vault)):
        metadata = {"name": name, "namespace": HUB}
        await theatre.api.apply(
            {
                "apiVersion": "external-secrets.io/v1",
                "kind": "SecretStore",
                "metadata": metadata,
                "spec": {"provider": provider},
            }
        )
    metadata = {"name": "offered", "namespace": HUB, "labels": {names.SECRET_TYPE: names.SECRET_SOURCE}}
    data = {"password": base64.b64encode(b"offered").decode()}
    await theatre.api.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})
    metadata = {"name": "vault-team", "namespace": HUB}
    await theatre.api.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})


@pytest.mark.timeout(300)
async def test_a_whole_scenario_under_the_shipped_rights_is_refused_nothing_and_uses_each_of_them(
    scene: tuple[Theatre, Audit], tmp_path: Path
) -> None:
    theatre, audit = scene
    done = await cli(theatre, "install", "--image", "registry.test/fleethub:1")
    assert "Applied Deployment fleethub/fleethub" in done.out
    folder = tmp_path / "pod"
    (folder / "tmp").mkdir(parents=True)
    before = podlike.before(folder, binaries.built(), Path(shutil.which("git") or "/usr/bin/git").parent)
    kubeconfig = await account(theatre, folder)
    allow = ("--allow-git", f"{theatre.planes.git.url}/")
    environment = {"TMPDIR": str(folder / "tmp"), "HOME": str(folder)}
    if before:
        shutil.chown(folder / "tmp", podlike.USER)
    hub = HubProcess(kubeconfig, folder, *allow, before=before, **environment)
    try:
        await hub.ready()
        await walk(theatre)
    finally:
        code = await hub.stop()
    assert code == 0, hub.log.read_text()
    assert audit.refused() == []
    used = audit.used()
    for _, _, name, rules in hub_objects.roles(HUB):
        for rule in rules if name == names.PRODUCT else ():
            given = {(verb, rule.group, resource) for verb in rule.verbs for resource in rule.resources}
            assert given - used <= SELDOM, rule.why


async def walk(theatre: Theatre) -> None:
    """Register, app of apps, sync, heal, prune, status, Events, sealed secret, manual sync by somebody else, removal."""
    await stores(theatre)
    admin = str(theatre.planes.members["eu"].kubeconfig)
    await cli(theatre, "cluster", "add", "eu", "--member-kubeconfig", admin, "--label", "env=prod")
    # The other is registered by Git: a kubeconfig that is sealed for the hub.
    content = base64.b64encode(theatre.planes.members["us"].kubeconfig.read_bytes()).decode()
    registration = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "us",
            "namespace": HUB,
            "labels": {names.SECRET_TYPE: names.SECRET_CLUSTER, "env": "prod"},
        },
        "data": {"kubeconfig": content},
    }
    sealed = await given(theatre, manifest_of(registration), "seal", "--ring", "hub")
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "db", "namespace": theatre.namespace},
        "stringData": {"password": "hunter2"},
    }

    async def ringed() -> str:
        try:
            return await given(theatre, manifest_of(secret), "seal", "--ring", "prod")
        except AssertionError:
            return ""

    kustomization = "resources: [web.yaml]\nnameSuffix: -x\n"
    theatre.repo.commit(
        {
            "root/team.yaml": project("team"),
            "root/us.yaml": sealed,
            "root/auto.yaml": child(theatre, "auto"),
            "root/manual.yaml": child(theatre, "manual", syncPolicy={}),
            "root/stores.yaml": child(theatre, "stores"),
            "apps/auto/kustomization.yaml": kustomization,
            "apps/auto/web.yaml": join(deployment(), config("gone", k="1")),
            "apps/manual/a.yaml": config("manual", k="1"),
            "apps/stores/db.yaml": await until(ringed, what="the ring has a key"),
            "apps/stores/here.yaml": external("here", "here", "offered"),
            "apps/stores/vault.yaml": external("vault", "vault", "team/db"),
        }
    )
    await theatre.api.apply(json.loads(project("roots")))
    await theatre.application(
        "root",
        project="roots",
        source={"path": "root"},
        placement={"hub": True},
        namespace=HUB,
        syncPolicy=PRUNED,
    )
    await theatre.synced("root")
    await theatre.everywhere("Deployment", "web-x")
    await theatre.everywhere("Secret", "db")
    await theatre.everywhere("Secret", "here")
    await theatre.told("stores", "SecretUnresolved", "cannot be reached")
    await theatre.synced("auto")
    await theatre.members["eu"].scale("web-x", theatre.namespace, 7)

    async def healed() -> bool:
        web = await theatre.members["eu"].get("Deployment", "web-x", theatre.namespace)
        return web is not None and web["spec"]["replicas"] == 2

    await until(healed, what="the drift is healed")
    theatre.repo.commit({"apps/auto/web.yaml": deployment()})
    await theatre.nowhere("ConfigMap", "gone-x")
    await developer(theatre, "app", "sync", "manual", "--wait")
    await theatre.everywhere("ConfigMap", "manual")
    told = {one["involvedObject"]["kind"] for one in await theatre.api.list("Event", HUB)}
    assert {"Application", "Cluster"} <= told
    # What leaves: a child and the Project of nobody, then the root and all that it holds, then a cluster.
    theatre.repo.commit({"root/stores.yaml": None})
    await gone(theatre, "Application", "stores")
    await theatre.nowhere("Secret", "db")
    await cli(theatre, "app", "delete", "root", "--yes")
    for kind, name in (
        ("Application", "auto"),
        ("Application", "root"),
        ("Project", "team"),
        ("Cluster", "us"),
    ):
        await gone(theatre, kind, name)
    await cli(theatre, "cluster", "remove", "eu", "--yes")
    await gone(theatre, "Cluster", "eu")


async def gone(theatre: Theatre, kind: str, name: str) -> None:
    """Wait until an object of the hub is gone."""

    async def look() -> bool:
        return await theatre.api.get(kind, name, HUB) is None

    try:
        await until(look, 30, what=f"{kind} {name} is gone")
    except AssertionError as error:
        raise AssertionError(f"{error}; it is {await theatre.api.get(kind, name, HUB)}") from None
