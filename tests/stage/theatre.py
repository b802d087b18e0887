"""Everything of one test: a hub in the process, its members, a repository, and a clean end."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from bootstrap.local import binaries
from bootstrap.local.gitserver import GitServer
from bootstrap.local.plane import Plane
from bootstrap.local.servers import Components
from bootstrap.local.warden import Warden
from controllers import process
from fleet import names, shipped
from fleet.cli.cluster import records
from fleet.documents import read
from fleet.git.push import PushEvent
from fleet.hub.hub import Hub
from fleet.hub.seams import Seams
from fleet.projects import default
from fleet.secrets import keys
from fleet.settings import Settings
from tests.stage.api import PLURALS, WAIT, Api, until
from tests.stage.ended import ended
from tests.stage.repository import Repository

NUMBERS = itertools.count(1)
POLL = 1.5  # seconds between two looks at a repository; what is pushed is told besides
API_TOKEN = "a-token-of-the-tests"


@dataclass(slots=True)
class Planes:
    """The control planes of one worker, shared by its tests."""

    hub: Plane
    members: dict[str, Plane]
    folder: Path
    git: GitServer


@dataclass(slots=True)
class Running:
    """A hub at work."""

    hub: Hub
    url: str
    stop: asyncio.Event
    task: asyncio.Task[None]


class Theatre:
    """See the module; ``namespace`` is the test's own on every member."""

    def __init__(self, planes: Planes, api: Api, members: dict[str, Api]) -> None:
        self.planes = planes
        self.api = api
        self.members = members
        self.number = next(NUMBERS)
        self.namespace = f"t{self.number}"
        self.folder = planes.folder / f"test-{self.number}"
        self.folder.mkdir(parents=True)
        self.repo = Repository(
            planes.git, planes.folder / "repositories", f"deploy-{self.number}", self.folder
        )
        self.repo.pushed = self._pushed
        self.running: Running | None = None
        self.settings: dict[str, Any] = {}

    # --- the hub ----------------------------------------------------------------------------------------

    async def start(self, seams: Seams | None = None, **settings: Any) -> Hub:
        """Start a hub and wait until it works."""
        made: asyncio.Future[tuple[Hub, str]] = asyncio.get_running_loop().create_future()
        stop = asyncio.Event()
        self.settings = {**self.settings, **settings}
        usual: dict[str, Any] = {
            "kubeconfig": str(self.planes.hub.kubeconfig),
            "listen": "127.0.0.1:0",
            "allow_git": (f"{self.planes.git.url}/",),
            "data": str(self.folder / "data"),
            "poll_interval": POLL,
            "programs": (str(binaries.folder()), str(binaries.built())),
            "log_level": "error",
        }
        told = Settings(**{**usual, **self.settings})
        task = asyncio.ensure_future(
            process.run(told, stop, seams, lambda hub, url: made.set_result((hub, url)))
        )
        await asyncio.wait({task, made}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task
        hub, url = made.result()
        self.running = Running(hub, url, stop, task)
        await until(self._ready, 30, what="the hub is ready")
        return hub

    async def keyed(self, *rings: str) -> None:
        """Wait until these rings have a key: making one takes a busy machine seconds."""

        async def look() -> bool:
            keyring = self.hub.secrets.sealing.keyring
            return all(keyring.newest(ring) is not None for ring in rings)

        await until(look, what=f"rings {rings} have a key")

    async def unkeyed(self) -> None:
        """Take away the sealing keys and rings that earlier tests left on the hub; it does not run."""
        for secret in await self.api.list("Secret", names.HUB_NAMESPACE, keys.LABEL):
            await self.api.delete("Secret", secret["metadata"]["name"], names.HUB_NAMESPACE)
        await self.api.delete("ConfigMap", names.RINGS, names.HUB_NAMESPACE)

    def _pushed(self) -> None:
        """Tell the hub, as a webhook does, unless the test says itself how often it looks."""
        if self.running is not None and "poll_interval" not in self.settings:
            self.running.hub.repositories.nudge(PushEvent((self.repo.url,)))

    async def _ready(self) -> bool:
        assert self.running is not None
        if self.running.task.done():
            await self.running.task
        return self.running.hub.ready

    @property
    def hub(self) -> Hub:
        """The hub that runs."""
        assert self.running is not None
        return self.running.hub

    async def stop(self) -> None:
        """Stop the hub cleanly."""
        if self.running is not None:
            running, self.running = self.running, None
            running.stop.set()
            await ended(running.task)

    async def kill(self) -> None:
        """End the hub without a goodbye; its doors have to be shut already, so that its stopping writes nothing."""
        running, self.running = self.running, None
        assert running is not None

        async def no_flush(timeout: float) -> bool:
            """The dead write no last statuses; without this each run would wait for them in vain."""
            return timeout < 0

        running.hub.statuses.flush = no_flush  # type: ignore[method-assign]
        running.task.cancel()
        await ended(running.task)
        await self.api.delete("Lease", names.HUB_LEASE, names.HUB_NAMESPACE)

    # --- what people do ---------------------------------------------------------------------------------

    async def register(
        self, name: str, labels: dict[str, str] | None = None, *, kubeconfig: Path | None = None
    ) -> None:
        """Register a member by a labelled Secret."""
        content = (kubeconfig or self.planes.members[name].kubeconfig).read_bytes()
        await self.api.apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {
                    "name": name,
                    "namespace": names.HUB_NAMESPACE,
                    "labels": {names.SECRET_TYPE: names.SECRET_CLUSTER, **(labels or {})},
                },
                "data": {"kubeconfig": base64.b64encode(content).decode()},
            }
        )

    async def application(self, name: str = "app", **spec: Any) -> None:
        """Create or change an Application of this test's repository, automated unless told otherwise."""
        source = {
            "repoURL": self.repo.url,
            "targetRevision": "main",
            "path": f"apps/{name}",
            **spec.pop("source", {}),
        }
        body: dict[str, Any] = {
            **({} if "sources" in spec else {"source": source}),
            "placement": {"clusterSelector": {}},
            "namespace": self.namespace,
            "syncPolicy": {
                "automated": {"prune": True, "selfHeal": True},
                "retry": {"backoff": {"duration": "1s", "maxDuration": "2s"}},
            },
            **spec,
        }
        metadata = {"name": name, "namespace": names.HUB_NAMESPACE}
        await self.api.apply(
            {"apiVersion": names.API_VERSION, "kind": "Application", "metadata": metadata, "spec": body}
        )

    async def annotate(self, name: str, **notes: str | None) -> None:
        """Annotate an Application under our own prefix."""
        given = {f"{names.GROUP}/{key}": value for key, value in notes.items()}
        await self.api.patch(
            "Application", name, names.HUB_NAMESPACE, {"metadata": {"annotations": given}}, "kubectl-annotate"
        )

    # --- what people see --------------------------------------------------------------------------------

    async def status(self, name: str = "app") -> dict[str, Any]:
        """An Application's status; empty where there is none."""
        found = await self.api.get("Application", name, names.HUB_NAMESPACE)
        status: dict[str, Any] = (found or {}).get("status") or {}
        return status

    async def condition(self, name: str, kind: str) -> dict[str, Any] | None:
        """A condition of an Application that is True."""
        for one in (await self.status(name)).get("conditions", ()):
            if one["type"] == kind and one["status"] == "True":
                found: dict[str, Any] = one
                return found
        return None

    async def synced(self, name: str = "app", commit: str = "", timeout: float = WAIT) -> dict[str, Any]:
        """Wait until an Application is Synced at a commit on all its clusters; its status."""

        async def look() -> dict[str, Any] | None:
            status = await self.status(name)
            good = status.get("sync") == "Synced" and (not commit or status.get("revision") == commit)
            return status if good else None

        try:
            found: dict[str, Any] = await until(look, timeout, what=f"{name} is synced")
        except AssertionError as error:
            raise AssertionError(f"{error}; status: {await self.status(name)}") from None
        return found

    async def told(self, name: str, kind: str, *words: str, timeout: float = WAIT) -> str:
        """Wait for a condition whose message has these words; the message."""

        async def look() -> str | None:
            found = await self.condition(name, kind)
            if found is not None and all(word in found["message"] for word in words):
                return str(found["message"]) or " "
            return None

        try:
            message: str = await until(look, timeout, what=f"{name} says {kind} {words}")
        except AssertionError as error:
            raise AssertionError(f"{error}; status: {await self.status(name)}") from None
        return message

    async def everywhere(
        self, kind: str, name: str, members: tuple[str, ...] = ()
    ) -> dict[str, dict[str, Any]]:
        """Wait until an object is on every member; the objects."""

        async def look() -> dict[str, dict[str, Any]] | None:
            found = {
                member: await api.get(kind, name, self.namespace)
                for member, api in self.members.items()
                if not members or member in members
            }
            return {key: value for key, value in found.items() if value} if all(found.values()) else None

        found: dict[str, dict[str, Any]] = await until(look, what=f"{kind} {name} is everywhere")
        return found

    async def nowhere(self, kind: str, name: str, members: tuple[str, ...] = ()) -> None:
        """Wait until an object is on no member."""

        async def look() -> bool:
            return not any(
                [
                    await api.get(kind, name, self.namespace)
                    for member, api in self.members.items()
                    if not members or member in members
                ]
            )

        await until(look, what=f"{kind} {name} is nowhere")

    # --- beginning and end ------------------------------------------------------------------------------

    async def open(self) -> None:
        """Make the test's namespace on every member; whichever hub a former test had there has left."""
        for api in self.members.values():
            await api.delete("Lease", names.MEMBER_LEASE, names.MEMBER_NAMESPACE)
            await api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}})

    async def close(self) -> None:
        """Stop the hub and take away what would reach the next test."""
        await self.stop()
        for kind in ("Application", "Cluster", "Project"):
            for found in await self.api.list(kind):
                metadata = found["metadata"]
                if kind == "Project" and metadata["name"] == "default":
                    continue
                if metadata.get("finalizers"):
                    await self.api.patch(
                        kind, metadata["name"], metadata["namespace"], {"metadata": {"finalizers": None}}
                    )
                await self.api.delete(kind, metadata["name"], metadata["namespace"])
        for secret in await self.api.list("Secret", names.HUB_NAMESPACE, names.SECRET_TYPE):
            await self.api.delete("Secret", secret["metadata"]["name"], names.HUB_NAMESPACE)
        await self.api.delete("Lease", names.HUB_LEASE, names.HUB_NAMESPACE)
        await self.api.delete("ConfigMap", records.NAME, names.HUB_NAMESPACE)
        for parent in await self.api.list("ConfigMap", names.HUB_NAMESPACE, names.APPLYSET_ID):
            await self.api.delete("ConfigMap", parent["metadata"]["name"], names.HUB_NAMESPACE)
        for api in self.members.values():
            for parent in await api.list("ConfigMap", names.MEMBER_NAMESPACE, names.APPLYSET_ID):
                # The next test's Application of this name has the same set: it would prune what is left here.
                for kind in parent["metadata"]["annotations"].get(names.APPLYSET_KINDS, "").split(","):
                    if "{ns}" in PLURALS.get(kind.partition(".")[0], ""):
                        await api.empty(kind.partition(".")[0], self.namespace)
                await api.delete("ConfigMap", parent["metadata"]["name"], names.MEMBER_NAMESPACE)


@contextlib.contextmanager
def raised(folder: Path) -> Iterator[Planes]:
    """A hub and two members, API servers alone, that share one etcd; and a Git server."""
    with Warden() as warden:
        first = Plane.create("hub", folder / "hub", components=Components.API_ONLY, warden=warden)
        first.start()
        others = {
            name: Plane.create(
                name,
                folder / name,
                components=Components.API_ONLY,
                warden=warden,
                etcd=first.etcd,
                prefix=f"/{name}",
            )
            for name in ("eu", "us")
        }
        for plane in others.values():
            plane.start()
        for plane in (first, *others.values()):
            plane.wait_ready()
        repositories = folder / "repositories"
        repositories.mkdir()
        with GitServer(repositories) as git:
            yield Planes(first, others, folder, git)


async def install(api: Api) -> None:
    """Make a plane a hub's: CRDs, namespace, token, default Project."""
    for content in (*shipped.crds(), *shipped.store_crds()):
        await api.apply(read.value(content, path="crd"))
    await api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": names.HUB_NAMESPACE}})
    token = base64.b64encode(API_TOKEN.encode()).decode()
    metadata = {"name": names.API_SECRET, "namespace": names.HUB_NAMESPACE}
    await api.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"token": token}})

    async def served() -> bool:
        await api.apply(default.manifest(names.HUB_NAMESPACE))
        return True

    await until(lambda: _try(served), 30, what="the CRDs are served")

    async def listable() -> bool:
        for kind in names.HUB_KINDS:
            await api.list(kind)
        return True

    await until(lambda: _try(listable), 30, what="the hub's kinds can be listed")


async def _try(work: Any) -> bool:
    try:
        return bool(await work())
    except Exception:  # noqa: BLE001 (whatever it is, it is looked at again until the time is over)
        return False


def manifest(kind: str, name: str, namespace: str = "", **parts: Any) -> str:
    """A manifest as JSON text, which is YAML too."""
    version = {
        "Deployment": "apps/v1",
        "StatefulSet": "apps/v1",
        "DaemonSet": "apps/v1",
        "CronJob": "batch/v1",
        "Ingress": "networking.k8s.io/v1",
        "NetworkPolicy": "networking.k8s.io/v1",
        "HorizontalPodAutoscaler": "autoscaling/v2",
        "PodDisruptionBudget": "policy/v1",
        "Role": "rbac.authorization.k8s.io/v1",
        "RoleBinding": "rbac.authorization.k8s.io/v1",
        "ClusterRole": "rbac.authorization.k8s.io/v1",
        "ClusterRoleBinding": "rbac.authorization.k8s.io/v1",
        "CustomResourceDefinition": "apiextensions.k8s.io/v1",
        "ValidatingWebhookConfiguration": "admissionregistration.k8s.io/v1",
        "Application": names.API_VERSION,
        "Cluster": names.API_VERSION,
        "Project": names.API_VERSION,
    }.get(kind, "v1")
    metadata = {"name": name, **({"namespace": namespace} if namespace else {}), **parts.pop("metadata", {})}
    return orjson.dumps({"apiVersion": version, "kind": kind, "metadata": metadata, **parts}).decode() + "\n"


def deployment(name: str = "web", replicas: int = 2, **container: Any) -> str:
    """A Deployment's manifest."""
    labels = {"app": name}
    return manifest(
        "Deployment",
        name,
        spec={
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "web", "image": "nginx:1.27", **container}]},
            },
        },
    )


def config(name: str, **data: str) -> str:
    """A ConfigMap's manifest."""
    return manifest("ConfigMap", name, data=data)


def definition(group: str) -> dict[str, Any]:
    """A CRD of namespaced Widgets, served at v1."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"widgets.{group}"},
        "spec": {
            "group": group,
            "names": {"kind": "Widget", "plural": "widgets", "singular": "widget", "listKind": "WidgetList"},
            "scope": "Namespaced",
            "versions": [
                {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
            ],
        },
    }


def manifest_of(body: dict[str, Any]) -> str:
    """A body as a document of a file."""
    return orjson.dumps(body).decode() + "\n"


def join(*manifests: str) -> str:
    """Several documents of one file."""
    return "---\n".join(manifests)


__all__ = [
    "API_TOKEN",
    "Planes",
    "Running",
    "Theatre",
    "config",
    "definition",
    "deployment",
    "install",
    "join",
    "manifest",
    "manifest_of",
    "raised",
    "replace",
]
