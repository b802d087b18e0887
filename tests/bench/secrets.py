"""What secrets cost a hub: sealed ones and those of a real OpenBao, on many clusters, while nothing changes.

The members are API servers that share one etcd. Every Application is on every cluster. Requests to OpenBao are counted
in its own audit log; RSA operations, logins and audits by the hub's metrics. Targets are audited within the time that is watched.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from bootstrap.local import ports
from bootstrap.local.gitserver import GitServer
from bootstrap.local.plane import Plane
from bootstrap.local.servers import Components
from bootstrap.local.warden import Warden
from fleet import names
from fleet.kube.request import Request
from fleet.secrets import keys, seal
from tests.bench.hubprocess import HubProcess, requests
from tests.bench.unsealing import NAMESPACE, rates, sealed
from tests.stage import openbao
from tests.stage.api import Api
from tests.stage.openbao import OpenBao
from tests.stage.repository import Repository
from tests.stage.theatre import install, manifest_of
from tests.stage.vaults import allow, believe, role

EACH = 10  # ExternalSecrets of an Application
SEALED = 50
VALUES = 2
INTERVAL = 60
INTERVALS = 2
AUDIT = 100  # less than is watched, also with its jitter
TEAM = "bench"
RING = "default"


class Run:
    """One run; ``say`` tells how it goes."""

    def __init__(
        self, options: Namespace, folder: Path, warden: Warden, git: GitServer, say: Callable[[str], None]
    ) -> None:
        self.say = say
        self.count: int = options.externals
        self.paths: int = min(options.paths or options.externals, options.externals)
        self.hub_plane = Plane.create("hub", folder / "hub", components=Components.API_ONLY, warden=warden)
        self._member = lambda name: Plane.create(
            name,
            folder / name,
            components=Components.API_ONLY,
            warden=warden,
            etcd=self.hub_plane.etcd,
            prefix=f"/{name}",
        )
        self.members: list[Plane] = []
        self.names = [f"m-{number}" for number in range(options.secret_clusters)]
        (folder / "clones").mkdir()
        self.repo = Repository(git, folder / "repositories", "secrets", folder / "clones")
        (port,) = ports.free(1)
        # A dozen API servers on few cores may be silent for longer than a Lease usually lasts.
        more = ("--audit-interval", f"{AUDIT}s", "--lease-duration", "600s")
        self.hub = HubProcess(
            self.hub_plane.kubeconfig, folder / "data", f"{git.url}/", port, folder / "hub.log", more
        )
        self.folder = folder

    async def run(self) -> dict[str, Any]:
        """Everything, in order."""
        figures = await asyncio.to_thread(rates)
        self.say(f"unsealing: {figures['per_s']} a second, raw RSA {figures['rsa_per_s']}")
        self.hub_plane.start()
        self.members = [self._member(name) for name in self.names]
        for plane in self.members:
            plane.start()
        for plane in (self.hub_plane, *self.members):
            plane.wait_ready()
        self.say(f"{len(self.members)} members are up")
        self.api = await Api.of(self.hub_plane.kubeconfig)
        self.apis = [await Api.of(plane.kubeconfig) for plane in self.members]
        try:
            with openbao.serving(self.folder / "bao") as bao:
                return await self._measured(bao, figures)
        finally:
            self.hub.stop()
            for api in (self.api, *self.apis):
                await api.close()

    async def _measured(self, bao: OpenBao, figures: dict[str, float]) -> dict[str, Any]:
        await self._prepare(bao)
        begun = time.perf_counter()
        await self._delivered()
        seconds = time.perf_counter() - begun
        first = await self._counted(bao)
        self.say(f"delivered after {seconds:.1f} s, with {first['data']} reads of data")
        await self._quiet()
        before, cpu = await self._counted(bao), self.hub.cpu()
        await asyncio.sleep(INTERVALS * INTERVAL)
        after, used = await self._counted(bao), self.hub.cpu() - cpu
        after.subtract(before)
        targets = (self._applications() + 1) * len(self.members)
        assert after["passes"] >= targets, f"{after['passes']} of {targets} targets were audited"
        return {
            "sealed": {**figures, "steady_ops": after["rsa"], "first_ops": first["rsa"]},
            "vault": {
                "requests_per_interval": round(
                    (after["metadata"] + after["data"] + after["other"]) / INTERVALS
                ),
                "data_reads_steady": after["data"],
                "logins": before["login"] + after["login"],
                "paths": self.paths,
                "interval_s": INTERVAL,
                "secrets": self.count * len(self.members),
                "delivered_s": round(seconds, 1),
                "first_data_reads": first["data"],
                "idle_cpu_s_per_min": round(used * 60 / (INTERVALS * INTERVAL), 2),
                "rss_mb": round(self.hub.rss()),
            },
        }

    # --- what stands ------------------------------------------------------------------------------------------

    async def _prepare(self, bao: OpenBao) -> None:
        await install(self.api)
        account = f"vault-{TEAM}"
        metadata = {"name": account, "namespace": names.HUB_NAMESPACE}
        await self.api.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
        believe(bao, self.hub_plane)
        role(bao, TEAM, account, *(f"secret/{part}/{TEAM}/*" for part in ("data", "metadata")))
        await asyncio.to_thread(self._fill, bao)
        rules = {
            "sourceNamespaces": [names.HUB_NAMESPACE],
            "sourceRepos": [self.repo.url],
            "destinations": [{"clusters": ["*"], "namespaces": [NAMESPACE]}],
            "vault": {"serviceAccountName": account, "allow": [allow(bao, TEAM, f"secret/{TEAM}/*")]},
        }
        await self.api.apply(_of_hub("Project", TEAM, rules))
        for plane in self.members:
            content = base64.b64encode(plane.kubeconfig.read_bytes()).decode()
            labels = {names.SECRET_TYPE: names.SECRET_CLUSTER}
            named = {"name": plane.name, "namespace": names.HUB_NAMESPACE, "labels": labels}
            await self.api.apply(
                {"apiVersion": "v1", "kind": "Secret", "metadata": named, "data": {"kubeconfig": content}}
            )
        for api in self.apis:
            await api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        self.hub.start()
        await self.hub.ready()
        self.repo.commit({**self._externals(bao), **self._sealed(await self._certificate())})

    def _fill(self, bao: OpenBao) -> None:
        for number in range(self.paths):
            bao.put(f"secret/data/{TEAM}/{number}", {"password": f"p-{number}", "user": "ada"})

    def _applications(self) -> int:
        return -(-self.count // EACH)

    def _externals(self, bao: OpenBao) -> dict[str, str | None]:
        store = _store(bao)
        files: dict[str, str | None] = {}
        for index in range(self._applications()):
            numbers = range(index * EACH, min(self.count, (index + 1) * EACH))
            found = [store, *(_external(number, number % self.paths) for number in numbers)]
            files[f"app-{index}/all.yaml"] = "---\n".join(manifest_of(one) for one in found)
        return files

    def _sealed(self, certificate: bytes) -> dict[str, str | None]:
        public, found = keys.certified(certificate), []
        for number in range(SEALED):
            place = seal.label(seal.Scope.STRICT, NAMESPACE, f"sealed-{number}")
            values = {f"k{index}": seal.seal(public, place, b"clear") for index in range(VALUES)}
            found.append(sealed(f"sealed-{number}", values))
        return {"sealed/all.yaml": "---\n".join(manifest_of(one) for one in found)}

    async def _certificate(self) -> bytes:
        """The newest certificate, as soon as there is one."""
        async with aiohttp.ClientSession() as client:
            for _ in range(600):
                async with client.get(f"{self.hub.url}/v1/cert.pem", params={"ring": RING}) as answer:
                    if answer.status == 200:
                        return await answer.read()
                await asyncio.sleep(0.2)
        raise AssertionError("the ring has no key")

    async def _delivered(self) -> None:
        """Make the Applications, and wait until every Secret is on every member."""
        for name in ("sealed", *(f"app-{index}" for index in range(self._applications()))):
            spec = {
                "project": TEAM,
                "source": {"repoURL": self.repo.url, "targetRevision": "main", "path": name},
                "placement": {"clusterSelector": {}},
                "namespace": NAMESPACE,
                "syncPolicy": {"automated": {"prune": True, "selfHeal": True}},
            }
            await self.api.apply(_of_hub("Application", name, spec))
        deadline = time.perf_counter() + 1800
        for api in self.apis:
            while (found := await _secrets(api)) < self.count + SEALED:
                assert time.perf_counter() < deadline, f"{found} Secrets are there after 1800 s"
                self.hub.check()
                await asyncio.sleep(0.5)

    async def _quiet(self) -> None:
        """Wait until the hub has written nothing but Leases for ten seconds: all is sealed, too."""
        before, since, deadline = -1.0, time.perf_counter(), time.perf_counter() + 300
        while time.perf_counter() - since < 10:
            assert time.perf_counter() < deadline, "the hub writes on and on"
            self.hub.check()
            await asyncio.sleep(1)
            now = requests(await self.hub.metrics(), lease=False, writes=True)
            if now != before:
                before, since = now, time.perf_counter()

    # --- what is counted --------------------------------------------------------------------------------------

    async def _counted(self, bao: OpenBao) -> Counter[str]:
        found = _audited(await asyncio.to_thread((bao.folder / "audit").read_text))
        metrics = await self.hub.metrics()
        found["rsa"] = int(metrics["fleethub_unseal_operations_total"])
        found["passes"] = int(sum(v for k, v in metrics.items() if k.startswith("fleethub_sync_total")))
        return found


def _audited(log: str) -> Counter[str]:
    """What OpenBao was asked by anybody but root."""
    found: Counter[str] = Counter()
    for entry in map(json.loads, log.splitlines()):
        path, who = str(entry["request"].get("path", "")), entry.get("auth") or {}
        if entry["type"] != "request" or "root" in (who.get("policies") or ()):
            continue
        if path.startswith("auth/") and path.endswith("/login"):
            found["login"] += 1
        elif path.startswith(("secret/metadata/", "secret/data/")):
            found[path.split("/")[1]] += 1
        else:
            found["other"] += 1
    return found


async def _secrets(api: Api) -> int:
    path = f"/api/v1/namespaces/{NAMESPACE}/secrets"
    body = orjson.loads((await api.send(Request("GET", path, query=(("limit", "1"),)))).body)
    return len(body["items"]) + int(body["metadata"].get("remainingItemCount", 0))


def _of_hub(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "namespace": names.HUB_NAMESPACE}
    return {"apiVersion": names.API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


def _store(bao: OpenBao) -> dict[str, Any]:
    provider = {
        "server": bao.url,
        "path": "secret",
        "version": "v2",
        "caBundle": base64.b64encode(bao.ca.encode()).decode(),
        "auth": {"jwt": {"path": "hubs", "role": TEAM}},
    }
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "SecretStore",
        "metadata": {"name": "vault"},
        "spec": {"provider": {"vault": provider}},
    }


def _external(number: int, path: int) -> dict[str, Any]:
    wanted: Iterable[str] = ("password", "user")
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": f"es-{number}"},
        "spec": {
            "refreshInterval": f"{INTERVAL}s",
            "secretStoreRef": {"name": "vault"},
            "data": [
                {"secretKey": key, "remoteRef": {"key": f"{TEAM}/{path}", "property": key}} for key in wanted
            ],
        },
    }
