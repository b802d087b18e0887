"""Nothing of a secret is anywhere but on the cluster that needs it, whatever goes wrong; and a leak would be seen."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bootstrap.local import binaries, build, ports
from bootstrap.local.gitserver import GitServer
from bootstrap.local.httpbackend import Access
from fleet import names
from fleet.cli.cluster import secrets as registrations
from fleet.documents import read
from fleet.errors import ApiError
from fleet.kube.connection import Connection
from fleet.kube.request import Request
from fleet.secrets import keys
from tests.integration.test_cli import fleethub
from tests.integration.test_sealed import sealed, secret
from tests.integration.test_vault_delivery import external, store
from tests.stage import openbao
from tests.stage.api import until
from tests.stage.canaries import ANY, Canaries, Found
from tests.stage.gitrepo import GitRepo
from tests.stage.openbao import OpenBao
from tests.stage.sinks import History, Sampler, files, git_objects
from tests.stage.teams import Team
from tests.stage.theatre import API_TOKEN, Theatre, config, manifest, manifest_of
from tests.stage.vaults import account, allow, role, trust

ROOT = Path(__file__).parents[2]
STEPS = ("log", "file", "argument", "environment", "status", "annotation")
# What the API server refuses, and with which words; the templates of one sealed value.
TEMPLATES: dict[str, dict[str, Any]] = {
    "no-such-key": {"data": {"no key": "{{ .password }}"}},
    "no-docker-config": {
        "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": "{{ .password }}"},
    },
    "token-type": {"type": "kubernetes.io/service-account-token"},
    "no-json": {"data": {"a": "{{ (fromJson .password).a }}"}},
    "no-number": {"data": {"a": "{{ index .password 9999 }}"}},
    "no-base64": {"data": {"a": "{{ .password | b64dec }}"}},
    "no-field": {"data": {"a": "{{ .password.there }}"}},
    "computed-key": {"data": {"a": "{{ index . .password }}"}},
    "told-by-fail": {"data": {"a": "{{ fail .password }}"}},
    "no-end": {"data": {"a": "{{ range until 999999 }}{{ $.password }}{{ end }}"}},
    "echoed": {"metadata": {"labels": {"echo": "deny"}}},
}


@pytest.fixture(scope="module")
def kubeseal() -> Path:
    return build.build(binaries.named(["kubeseal"]))["kubeseal"]


@pytest.fixture(scope="module")
def bao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBao]:
    with openbao.serving(tmp_path_factory.mktemp("openbao")) as found:
        yield found


@dataclass
class Scene:
    """A hub as people run it, what is kept secret, and all that comes out."""

    theatre: Theatre
    bao: OpenBao
    team: Team
    kubeseal: Path
    git: GitServer
    canaries: Canaries = field(default_factory=Canaries)
    url: str = ""
    told: list[tuple[str, bytes]] = field(default_factory=list)

    @property
    def temporary(self) -> Path:
        return self.theatre.folder / "tmp"

    @property
    def data(self) -> Path:
        return self.theatre.folder / "hub-data"

    @property
    def log(self) -> Path:
        return self.theatre.folder / "hub.log"

    @property
    def notes(self) -> Path:
        return self.theatre.folder / "notes"

    @contextlib.asynccontextmanager
    async def hub(self, **environment: str) -> AsyncIterator[subprocess.Popen[bytes]]:
        """``fleethub hub`` with every logger at DEBUG, looked at from all sides until it has ended well."""
        self.temporary.mkdir(exist_ok=True)
        (port,) = ports.free(1)
        self.url = f"http://127.0.0.1:{port}"
        argv = [sys.executable, "-m", "tests.stage.loudhub", "hub", "--log-level", "debug"]
        argv += ["--kubeconfig", str(self.theatre.planes.hub.kubeconfig), "--data", str(self.data)]
        argv += ["--listen", f"127.0.0.1:{port}", "--poll-interval", "500ms", "--secret-refresh", "1s"]
        argv += ["--allow-git", f"{self.theatre.planes.git.url}/", "--allow-git", f"{self.git.url}/"]
        given = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "TMPDIR": str(self.temporary)}
        given |= {"LOUD_NOTES": str(self.notes), "PYTHONDONTWRITEBYTECODE": "1", **environment}
        with self.log.open("ab") as log:
            process = subprocess.Popen(argv, cwd=ROOT, env=given, stdout=log, stderr=subprocess.STDOUT)
        try:
            with Sampler(process.pid, self.temporary) as sampler:

                async def ready() -> bool:
                    assert process.poll() is None, self.log.read_text()[-3000:]
                    return await self.get("/readyz") == 200

                await until(ready, what="the hub is ready")
                yield process
                await self.look()
                process.send_signal(signal.SIGTERM)
                assert await asyncio.to_thread(process.wait, 30) == 0, self.log.read_text()[-3000:]
        finally:
            process.kill()
            process.wait()
        self.told.extend(sampler)

    async def get(self, path: str, token: str = API_TOKEN, body: bytes | None = None) -> int:
        """A request to the hub; what it answers is kept."""

        def ask() -> tuple[int, bytes, bytes]:
            headers = {"Authorization": f"Bearer {token}"}
            asked = urllib.request.Request(f"{self.url}{path}", body, headers)  # noqa: S310 (always http)
            try:
                with urllib.request.urlopen(asked, timeout=20) as answer:  # noqa: S310
                    return answer.status, answer.headers.as_bytes(), answer.read()
            except urllib.error.HTTPError as error:
                with error:
                    return error.code, error.headers.as_bytes(), error.read()
            except OSError:
                return 0, b"", b""

        status, headers, content = await asyncio.to_thread(ask)
        self.told += [(f"answer of {path}, headers", headers), (f"answer of {path}", content)]
        return status

    async def answer(self, path: str) -> bytes:
        """The last answer of a path, asked for now."""
        await self.get(path)
        return self.told[-1][1]

    async def look(self) -> None:
        """Ask for everything that the hub tells."""
        app = f"/api/v1/applications/{self.team.name}/app"
        for path in (
            *("/healthz", "/readyz", "/metrics", "/v1/cert.pem", "/v1/cert.pem?ring=default"),
            *(app, f"{app}/resources", f"{app}/secrets", "/api/v1/applications", "/api/v1/clusters"),
            *("/api/v1/clusters/eu", "/api/v1/queue", "/api/v1/seal-keys", "/api/v1/secrets"),
            *(f"/api/v1/projects/{self.team.name}/vault", f"/api/v1/commits/{self.theatre.repo.head()}"),
        ):
            assert await self.get(path), path

    def sinks(self) -> Iterator[tuple[str, bytes]]:
        """All that came out besides what etcd holds."""
        yield "log", self.log.read_bytes()
        yield "notes", self.notes.read_bytes()
        yield from self.told
        yield from files(self.data)
        yield from files(self.temporary)
        yield from git_objects(self.data)

    def seal(self, certificate: Path, name: str, value: str, *more: str) -> dict[str, Any]:
        return sealed(self.kubeseal, certificate, secret(name, self.theatre.namespace, password=value), *more)


@pytest.fixture
async def scene(theatre: Theatre, bao: OpenBao, kubeseal: Path) -> AsyncIterator[Scene]:
    canaries = Canaries()
    folder = theatre.folder / "private"
    folder.mkdir()
    repository = GitRepo(folder / "private.git")
    repository.commit({"apps/private/a.yaml": config("private", k="v")})
    access = Access("hub", canaries.word("repository password"))
    with GitServer(folder, access=access) as git:
        yield Scene(theatre, bao, Team(theatre), kubeseal, git, canaries)
    name = f"echo-{theatre.namespace}"
    for member in theatre.members.values():
        for binding in ("deny", "warn"):
            await member.delete("ValidatingAdmissionPolicyBinding", f"{name}-{binding}")
        await member.delete("ValidatingAdmissionPolicy", name)
    await theatre.members["us"].delete("ClusterRoleBinding", f"loud-{theatre.namespace}")
    await theatre.api.delete("Secret", f"sealed-secrets-key-{theatre.number}", names.HUB_NAMESPACE)


PLACES = ("/registry/", "/eu/", "/us/")


@pytest.mark.timeout(300)
async def test_nothing_leaks_whatever_fails_and_what_leaks_is_found(scene: Scene) -> None:
    theatre, team = scene.theatre, scene.team
    await vault(scene)
    for member in theatre.members.values():
        await echoing(theatre, member)
    with History(theatre.planes.hub.etcd, PLACES, lambda key: belongs(scene, key)) as history:
        await registered(scene)
        async with scene.hub() as process:
            await works(scene)
            await fails(scene)
            limits = await asyncio.to_thread(Path(f"/proc/{process.pid}/limits").read_text)
        assert any(line.split()[-3:] == ["0", "0", "bytes"] for line in limits.splitlines() if "core" in line)
        await refuses_settings(scene)
        await until(caught_up(history), what="all of etcd's history is read")
        written(scene)
        sinks = [*scene.sinks(), *(("etcd", key.encode() + b"\n" + value) for key, value in history)]
        assert sum(len(content) for _, content in sinks) > 1 << 20
        found = scene.canaries.search_all(sinks)
        assert not found, "\n".join(map(str, found[:20]))
        # What is looked for is where it belongs: the search would see it.
        every = [value for _, value in history.whole()]
        assert len({one.name for one in scene.canaries.search_all(("etcd", value) for value in every)}) > 20

        scene.told.clear()
        certificate = theatre.folder / "default.pem"
        async with scene.hub(LOUD_LEAKS="1"):
            for step in STEPS:
                made = scene.seal(certificate, f"leak-{step}", scene.canaries.text(f"leak by {step}"))
                (theatre.repo.folder / f"apps/app/leak-{step}.yaml").write_text(manifest_of(made))
            theatre.repo.commit({})
            await team.told("app", "cannot use Kanari", kind="SyncFailed")
            await until(lambda: an_event_tells(theatre, team), what="an Event tells it too")
            await theatre.everywhere("Secret", "leak-annotation")
            await theatre.everywhere("Secret", "leak-environment")
        await until(caught_up(history), what="all of etcd's history is read")
        leaks = scene.canaries.search_all(
            [*scene.sinks(), *((key, value) for key, value in history if "kanari" not in key)]
        )
    assert [expected for expected in EXPECTED if not seen(leaks, *expected)] == []


async def an_event_tells(theatre: Theatre, team: Team) -> bool:
    return "cannot use Kanari" in json.dumps(await theatre.api.list("Event", team.name))


# Where each of the deliberate leaks is to be found.
EXPECTED = (
    ("log", "log"),
    ("notes", "argument"),
    ("notes", "environment"),
    ("temporary file", "file"),
    ("/registry/fleethub.dev/applications/", ""),
    ("/registry/events/", ""),
    ("answer of /api/v1/applications/", ""),
    ("/eu/secrets/", "annotation"),
    ("/us/secrets/", "annotation"),
)


def seen(leaks: list[Found], place: str, step: str) -> bool:
    """Whether the leak by that step is among what was found there; of a value that is cut, no more than that it is one."""
    wanted = f"leak by {step}" if step else ANY
    return any(place in one.sink and one.name == wanted for one in leaks)


def caught_up(history: History) -> Any:
    async def look() -> bool:
        return await asyncio.to_thread(history.caught_up)

    return look


SOURCES = ("eu", "us", "broken", "execs", "stale", "private", "userinfo", "twofold", names.API_SECRET)


def belongs(scene: Scene, key: str) -> bool:
    """Whether the values of a Secret are there by right: what people gave the hub, and what it delivered."""
    hub, team, own = names.HUB_NAMESPACE, scene.team.name, scene.theatre.namespace
    return (
        key.startswith((f"/registry/secrets/{team}/", f"/eu/secrets/{own}/", f"/us/secrets/{own}/"))
        or key in {f"/registry/secrets/{hub}/{source}" for source in SOURCES}
        or re.fullmatch(rf"/registry/secrets/{hub}/sealed-secrets-key[^/]*", key) is not None
    )


async def vault(scene: Scene) -> None:
    """What a team keeps in OpenBao, and what its Project may read there."""
    theatre, bao, team, canaries = scene.theatre, scene.bao, scene.team, scene.canaries
    own = f"vault-{team.name}"
    rules = [allow(bao, team.name, f"secret/{team.name}/*", "secret/forbidden/*")]
    await team.open(
        sourceRepos=[theatre.repo.url, f"{scene.git.url}/private.git"],
        vault={"serviceAccountName": own, "allow": rules},
    )
    await account(theatre, own)
    trust(bao, theatre)
    role(bao, team.name, own, *(f"secret/{part}/{team.name}/*" for part in ("data", "metadata")))
    words = {name: canaries.text(f"vault {name}") for name in ("password", "user", "placed")}
    words["json"] = '{"a": "' + canaries.word("vault json")
    bao.put(f"secret/data/{team.name}/db", words)
    bao.put("secret/data/forbidden/db", {"password": canaries.text("vault forbidden")})


async def echoing(theatre: Theatre, api: Any) -> None:
    """An admission rule that quotes what it refuses, or warns of, in its answer."""
    name = f"echo-{theatre.namespace}"
    kind = {"apiVersion": "admissionregistration.k8s.io/v1"}
    rule = {"operations": ["CREATE", "UPDATE"], "apiGroups": [""], "apiVersions": ["v1"]}
    said = {"expression": "false", "messageExpression": "'it holds ' + string(object.data.password)"}
    await api.apply(
        {
            **kind,
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": name},
            "spec": {
                "matchConstraints": {"resourceRules": [{**rule, "resources": ["secrets"]}]},
                "validations": [said],
            },
        }
    )
    for action in ("Deny", "Warn"):
        selected = {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": theatre.namespace}},
            "objectSelector": {"matchLabels": {"echo": action.lower()}},
        }
        spec = {"policyName": name, "validationActions": [action], "matchResources": selected}
        metadata = {"name": f"{name}-{action.lower()}"}
        await api.apply(
            {**kind, "kind": "ValidatingAdmissionPolicyBinding", "metadata": metadata, "spec": spec}
        )

    async def refused() -> bool:
        probe = secret("probe", theatre.namespace, password="-")
        probe["metadata"]["labels"] = {"echo": "deny"}
        try:
            await api.apply(probe)
        except ApiError:
            return True
        return False

    await until(refused, what="the admission rule refuses")
    await api.delete("Secret", "probe", theatre.namespace)


async def registered(scene: Scene) -> None:
    """Registrations and passwords, good ones and such that each fail in their way."""
    theatre, canaries = scene.theatre, scene.canaries
    canaries.know("API token", API_TOKEN.encode())
    plane = theatre.planes.members["us"]
    await theatre.register("eu")
    user = read.value(theatre.planes.members["eu"].kubeconfig.read_bytes(), path="kubeconfig")["users"][0][
        "user"
    ]
    canaries.private_key("client key", base64.b64decode(user["client-key-data"]))

    def kubeconfig(token: str) -> str:
        connection = Connection(plane.server, ca_data=base64.b64decode(plane.ca_data), token=token)
        return registrations.kubeconfig("us", connection)

    token = await admin_token(theatre)
    canaries.know("registration token", token.rpartition(".")[2].encode())
    executed = {"apiVersion": "v1", "kind": "Config", "current-context": "x"}
    executed["users"] = [
        {
            "name": "x",
            "user": {
                "exec": {
                    "apiVersion": "client.authentication.k8s.io/v1",
                    "command": "/bin/false",
                    "args": [canaries.word("exec argument")],
                    "env": [{"name": "T", "value": canaries.word("exec variable")}],
                }
            },
        }
    ]
    broken = f"apiVersion: v1\nusers:\n- name: x\n  user: {{token: '{canaries.word('broken kubeconfig')}\n"
    url = f"{scene.git.url}/private.git"
    named = url.replace("//", f"//hub:{canaries.word('password in a URL')}@")
    given = {
        "us": (names.SECRET_CLUSTER, {"kubeconfig": kubeconfig(token)}),
        "stale": (names.SECRET_CLUSTER, {"kubeconfig": kubeconfig(canaries.word("stale token"))}),
        "broken": (names.SECRET_CLUSTER, {"kubeconfig": broken}),
        "execs": (names.SECRET_CLUSTER, {"kubeconfig": json.dumps(executed)}),
        "private": (names.SECRET_REPOSITORY, repository(scene, canaries.known("repository password"))),
        "userinfo": (names.SECRET_REPOSITORY, {"url": named, "password": "x"}),
        "twofold": (
            names.SECRET_REPOSITORY,
            {
                "url": "https://twofold.invalid/x",
                "password": canaries.text("broken password"),
                "token": canaries.word("token beside it"),
            },
        ),
    }
    for name, (kind, content) in given.items():
        await keep(theatre, name, content, {names.SECRET_TYPE: kind})
    wrong = {"tls.crt": "no certificate", "tls.key": canaries.text("broken sealing key")}
    labels = {keys.LABEL: keys.ACTIVE, names.RING: "default"}
    await keep(theatre, f"sealed-secrets-key-{theatre.number}", wrong, labels, "kubernetes.io/tls")
    start = secret("start", scene.team.name, password=canaries.text("kept on the hub"))
    await theatre.api.apply(start)


def repository(scene: Scene, password: str) -> dict[str, str]:
    return {"url": f"{scene.git.url}/private.git", "username": "hub", "password": password}


async def keep(
    theatre: Theatre, name: str, content: dict[str, str], labels: dict[str, str], kind: str = "Opaque"
) -> None:
    body = secret(name, names.HUB_NAMESPACE)
    body["metadata"]["labels"] = labels
    body["data"] = {key: base64.b64encode(value.encode()).decode() for key, value in content.items()}
    del body["stringData"]
    await theatre.api.apply({**body, "type": kind})


async def admin_token(theatre: Theatre) -> str:
    """The token of an account of the member us that may do all."""
    api, metadata = theatre.members["us"], {"name": "loud", "namespace": theatre.namespace}
    await api.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
    group = "rbac.authorization.k8s.io"
    await api.apply(
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": f"loud-{theatre.namespace}"},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", **metadata}],
        }
    )
    path = f"/api/v1/namespaces/{theatre.namespace}/serviceaccounts/loud/token"
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    answer = await api.send(Request("POST", path, body=json.dumps(asked).encode()))
    return str(json.loads(answer.body)["status"]["token"])


async def works(scene: Scene) -> None:
    """What is to work, in all forms: it is delivered, to both members."""
    theatre, team, canaries, bao = scene.theatre, scene.team, scene.canaries, scene.bao

    async def certificate() -> bytes:
        content = await scene.answer("/v1/cert.pem?ring=default")
        start = content.find(b"-----BEGIN CERTIFICATE")
        return content[start:] if start >= 0 else b""

    file = theatre.folder / "default.pem"
    file.write_bytes(await until(certificate, what="the ring has a key"))
    for key in await theatre.api.list("Secret", names.HUB_NAMESPACE, keys.LABEL):
        content = base64.b64decode(key["data"]["tls.key"])
        if b"PRIVATE KEY" in content:
            canaries.private_key(f"sealing key {key['metadata']['name']}", content)
    objects: dict[str, dict[str, Any]] = {}
    for scope in ("strict", "namespace-wide", "cluster-wide"):
        name = f"s-{scope}"
        objects[name] = scene.seal(file, name, canaries.text(f"sealed {scope}"), "--scope", scope)
    made = scene.seal(file, "made", canaries.text("sealed for a template"))
    made["spec"]["template"] = {
        "metadata": {"labels": {"echo": "warn"}},
        "data": {"url": "db://{{ .password | b64enc }}@host", "json": "{{ .password | toJson }}"},
    }
    kept = {"provider": {"kubernetes": {}}}
    place = f"<path:secret/data/{team.name}/db#placed>"
    objects |= {
        "made": made,
        "store": store(bao, team),
        "kept": {**store(bao, team, "kept"), "spec": kept},
        "x-db": external(
            "x-db",
            f"{team.name}/db",
            target={"template": {"data": {"dsn": "x://{{ .password }}"}, "mergePolicy": "Merge"}},
        ),
        "x-kept": external("x-kept", "start", secretStoreRef={"name": "kept"}),
        "placed": secret("placed", "", url=f"db://{place}@host", more=place),
    }
    del objects["placed"]["metadata"]["namespace"]
    objects["placed"]["data"] = {"inner": base64.b64encode(place.encode()).decode()}
    labels = {"app": "web"}
    pod = {"containers": [{"name": "w", "image": "w", "envFrom": [{"secretRef": {"name": "x-db"}}]}]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec = {"selector": {"matchLabels": labels}, "template": template}
    web = manifest("Deployment", "web", metadata={"annotations": {names.RESTART: "true"}}, spec=spec)
    theatre.repo.commit(
        {
            "apps/app/web.yaml": web,
            **{f"apps/app/{name}.yaml": manifest_of(body) for name, body in objects.items()},
        }
    )
    source = {"repoURL": f"{scene.git.url}/private.git", "path": "apps/private"}
    where = {"clusters": ["eu", "us"]}
    await team.application("app", team.spec("app", placement=where, secrets={"placeholders": "Resolve"}))
    await team.application("private", team.spec("private", placement=where, source=source))
    for name in (*(name for name in objects if name not in ("store", "kept")),):
        await theatre.everywhere("Secret", name)
    await theatre.everywhere("ConfigMap", "private")
    await team.synced("app")
    await scene.look()
    # A change of it arrives, and restarts what mounts it.
    words = {name: canaries.text(f"vault {name}, changed") for name in ("password", "user", "placed")}
    bao.put(f"secret/data/{team.name}/db", {**words, "json": '{"a": "' + canaries.word("json, changed")})

    async def restarted() -> bool:
        found = await theatre.members["us"].get("Deployment", "web", theatre.namespace)
        return found is not None and found["metadata"]["generation"] > 1

    await until(restarted, what="the workload is restarted")


async def fails(scene: Scene) -> None:
    """Every step fails once, and says so."""
    theatre, team, canaries, bao = scene.theatre, scene.team, scene.canaries, scene.bao
    file = theatre.folder / "default.pem"
    wide = scene.seal(file, "wide", canaries.text("sealed for failures"), "--scope", "namespace-wide")
    objects: dict[str, dict[str, Any]] = {}
    for name, template in TEMPLATES.items():
        body = json.loads(json.dumps(wide))
        body["metadata"]["name"] = name
        meta = {"name": name, **template.get("metadata", {})}
        body["spec"]["template"] = {**template, "metadata": meta}
        objects[name] = body
    moved = scene.seal(file, "here", canaries.text("sealed for another name"))
    moved["metadata"]["name"] = "moved"
    moved["spec"]["template"]["metadata"]["name"] = "moved"
    flipped = scene.seal(file, "flipped", canaries.text("sealed and flipped"))
    cipher = bytearray(base64.b64decode(flipped["spec"]["encryptedData"]["password"]))
    cipher[-1] ^= 1
    flipped["spec"]["encryptedData"]["password"] = base64.b64encode(cipher).decode()
    key = f"{team.name}/db"
    remote = {"key": key, "property": "password", "decodingStrategy": "Base64"}
    objects |= {
        "moved": moved,
        "flipped": flipped,
        "old": store(bao, team, "old", version="v1"),
        "y-old": external("y-old", key, secretStoreRef={"name": "old"}),
        "y-forbidden": external("y-forbidden", "forbidden/db"),
        "y-no-property": external("y-no-property", key, "none"),
        "y-no-json": external("y-no-json", key, "json.a"),
        "y-no-base64": external("y-no-base64", key, data=[{"secretKey": "a", "remoteRef": remote}]),
        "y-template": external("y-template", key, target={"template": {"data": {"a": "{{ .password.a }}"}}}),
        "y-key": external("y-key", key, target={"template": {"data": {"no key": "{{ .password }}"}}}),
        "z-no-key": secret("z-no-key", theatre.namespace, a=f"<path:secret/data/{key}#none>"),
        "z-type": {
            **secret("z-type", theatre.namespace),
            "type": "kubernetes.io/dockerconfigjson",
            "stringData": {".dockerconfigjson": f"<path:secret/data/{key}#json>"},
        },
    }
    # A status names twenty at most: what the API server refuses comes first, and then the rest.
    sent = ("no-such-key", "no-docker-config", "echoed", "z-type")
    for batch in ({name: objects.pop(name) for name in sent}, objects):
        paths = {f"apps/app/{name}.yaml": manifest_of(body) for name, body in batch.items()}
        theatre.repo.commit({**paths})
        await every_one_told(scene, set(batch) - {"old"})
        theatre.repo.commit(dict.fromkeys(paths))
    assert await scene.get("/api/v1/clusters/broken")
    await cluster_says(scene, "stale", "reach")
    bao.seal()
    try:
        await team.told("app", "sealed", kind="SecretUnresolved")
        await scene.look()
    finally:
        bao.unseal()
    await keep(
        theatre,
        "private",
        repository(scene, canaries.word("wrong password")),
        {names.SECRET_TYPE: names.SECRET_REPOSITORY},
    )
    await team.told("private", "refused the credential", kind="RenderFailed")
    assert await scene.get("/api/v1/applications", token=canaries.word("wrong token")) == 401
    body = json.dumps({"token": canaries.word("wrong token in a body"), "path": "/api/v1/queue"})
    assert await scene.get("/api/v1/query", body=body.encode()) == 401
    assert await scene.get("/webhook", body=canaries.text("a webhook").encode()) >= 400
    for arguments in (("secrets", "why", f"{team.name}/app"), ("app", "get", f"{team.name}/app")):
        done = await fleethub(theatre, *arguments, "--hub-url", scene.url, code=None)
        scene.told.append((f"fleethub {arguments[0]}", (done.out + done.err).encode()))


async def every_one_told(scene: Scene, objects: set[str]) -> None:
    """Wait until each of these has failed, on both clusters."""
    path = f"/api/v1/applications/{scene.team.name}/app"
    missing: set[str] = set()

    async def all_told() -> bool:
        missing.clear()
        for target in json.loads(await scene.answer(path))["targets"]:
            named = {fault["object"].rpartition("/")[2] for fault in target["faults"]}
            missing.update(objects - named)
        return not missing

    try:
        await until(all_told, what="each of them says why")
    except AssertionError:
        raise AssertionError(f"nothing is said of {missing}") from None


async def cluster_says(scene: Scene, name: str, word: str) -> None:
    async def look() -> bool:
        return word.encode() in await scene.answer(f"/api/v1/clusters/{name}")

    await until(look, what=f"cluster {name} says {word}")


async def refuses_settings(scene: Scene) -> None:
    """A setting that does not validate is told without what it holds."""
    value = scene.canaries.text("a setting")
    given = {**os.environ, "FLEETHUB_POLL_INTERVAL": value.replace("\n", " "), "FLEETHUB_IN_FLIGHT": value}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "fleet.cli", "hub"),
        env=given,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    assert process.returncode == 2
    scene.told.append(("wrong settings", out))


def written(scene: Scene) -> None:
    """The hub wrote into its own folders alone, nobody may look into it, and its loggers were heard."""
    notes = [json.loads(line) for line in scene.notes.read_text().splitlines()]
    written = {str(told) for kind, told in notes if kind == "write"}
    own = (str(scene.data), str(scene.temporary), "/dev/", "/proc/")
    assert {path for path in written if not path.startswith(own) and not path.isdigit()} == set()
    assert [told for kind, told in notes if kind == "dumpable"] == [0]
    assert any(kind == "spawn" for kind, _ in notes)
    log = scene.log.read_text()
    for library in ("urllib3", "git.cmd", "asyncio"):
        assert library in log, f"{library} was not heard"
