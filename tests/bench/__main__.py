"""``python -m tests.bench``: print a table and write JSON."""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
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
from tests.bench import floor, registrations, renderers, secrets, work
from tests.bench.hubprocess import HubProcess, renders, requests
from tests.stage.api import Api
from tests.stage.repository import Repository
from tests.stage.theatre import install

SECRET = b"bench"
ROUNDS = 3
SAMPLES = 20
RENDERS = 200


class Bench:
    """One run."""

    def __init__(self, options: argparse.Namespace, folder: Path, warden: Warden, git: GitServer) -> None:
        self.options = options
        self.folder = folder
        make = lambda name: Plane.create(name, folder / name, components=Components.API_ONLY, warden=warden)  # noqa: E731
        self.hub_plane = make("hub")
        self.planes = [make(f"member-{number}") for number in range(options.clusters)]
        (folder / "clones").mkdir()
        self.git = git
        self.repo = Repository(git, folder / "repositories", "deploy", folder / "clones")
        (port,) = ports.free(1)
        self.hub = HubProcess(
            self.hub_plane.kubeconfig, folder / "data", f"{git.url}/", port, folder / "hub.log"
        )
        self.result: dict[str, Any] = {}

    async def run(self) -> dict[str, Any]:
        """Everything, in order."""
        for plane in (self.hub_plane, *self.planes):
            plane.start()
        for plane in (self.hub_plane, *self.planes):
            plane.wait_ready()
        self.api = await Api.of(self.hub_plane.kubeconfig)
        self.members = [await Api.of(plane.kubeconfig) for plane in self.planes]
        await self.prepare()
        try:
            await self.cold()
            await self.commits()
            await self.untouched()
            await self.heals()
            await self.idle()
            await self.restart()
        finally:
            self.hub.stop()
            for api in (self.api, *self.members):
                await api.close()
        return self.result

    async def prepare(self) -> None:
        """Files, registrations, a running hub, warm servers."""
        await install(self.api)
        data = {"webhookSecret": base64.b64encode(SECRET).decode()}
        metadata = {"name": names.WEBHOOK_SECRET, "namespace": names.HUB_NAMESPACE}
        await self.api.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})
        for plane in self.planes:
            content = base64.b64encode(plane.kubeconfig.read_bytes()).decode()
            labels = {names.SECRET_TYPE: names.SECRET_CLUSTER}
            metadata = {"name": plane.name, "namespace": names.HUB_NAMESPACE, "labels": labels}  # type: ignore[dict-item]
            await self.api.apply(
                {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"kubeconfig": content}}
            )
        for member in self.members:
            for name in ("floor", "bench"):
                await member.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        files: dict[str, str | None] = {"README.md": "bench\n"}
        for number in range(ROUNDS):
            for name in self.names(number):
                files[f"{name}/manifests.yaml"] = work.text(work.objects(name, self.options.objects))
        self.repo.commit(files)
        warm = self.folder / "warm"
        warm.mkdir()
        paths = []
        for number in range(200):
            path = warm / f"{number}.yaml"
            path.write_text(work.text(work.objects(f"warm-{number}", 5)))
            paths.append(path)
        await floor.seconds(self.planes, paths, "floor")
        self.hub.start()
        await self.hub.ready()

    def names(self, number: int) -> list[str]:
        """Names of a round's Applications."""
        return [f"r{number}-app-{index:04d}" for index in range(self.options.apps)]

    async def cold(self) -> None:
        """Floor and fleethub in turn, fresh names each time."""
        floors, colds = [], []
        for number in range(ROUNDS):
            files = [self.repo.folder / name / "manifests.yaml" for name in self.names(number)]
            floors.append(await floor.seconds(self.planes, files, "floor"))
            colds.append(await self._cold(number))
            say(f"round {number}: floor {floors[-1]:.2f} s, cold {colds[-1]:.2f} s")
            if number < ROUNDS - 1:
                await self._remove(number)
        self.result["floor"] = {"seconds": round(statistics.median(floors), 3)}
        middle = statistics.median(colds)
        ratios = [cold / base for cold, base in zip(colds, floors, strict=True)]
        self.result["cold"] = {
            "seconds": round(middle, 3),
            "ratio": round(statistics.median(ratios), 3),
            "objects_per_s": round(self.options.apps * self.options.objects * len(self.planes) / middle),
        }

    async def _cold(self, number: int) -> float:
        expected = self._expected()
        before = [await self._counts(member) for member in self.members]
        begun = time.perf_counter()
        left = iter(self.names(number))

        async def create() -> None:
            for name in left:
                await self.api.apply(self._application(name))

        await asyncio.gather(*(create() for _ in range(16)))
        for member, had in zip(self.members, before, strict=True):
            for kind, wanted in expected.items():
                # One small request at a time: looking must not cost what is measured.
                deadline = time.perf_counter() + 600
                while await self._count(member, kind) - had[kind] < wanted:
                    assert time.perf_counter() < deadline, f"{kind}s are not there after 600 s"
                    await asyncio.sleep(0.05)
        return time.perf_counter() - begun

    def _expected(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for one in work.objects("x", self.options.objects):
            found[one["kind"]] = found.get(one["kind"], 0) + self.options.apps
        return found

    async def _counts(self, member: Api) -> dict[str, int]:
        return {kind: await self._count(member, kind) for kind in self._expected()}

    async def _count(self, member: Api, kind: str) -> int:
        path = work.KINDS[kind].replace("{ns}", "bench")
        body = orjson.loads((await member.send(Request("GET", path, query=(("limit", "1"),)))).body)
        return len(body["items"]) + int(body["metadata"].get("remainingItemCount", 0))

    def _application(self, name: str) -> dict[str, Any]:
        return {
            "apiVersion": names.API_VERSION,
            "kind": "Application",
            "metadata": {"name": name, "namespace": names.HUB_NAMESPACE},
            "spec": {
                "source": {"repoURL": self.repo.url, "targetRevision": "main", "path": name},
                "placement": {"clusterSelector": {}},
                "namespace": "bench",
                "syncPolicy": {"automated": {"prune": True, "selfHeal": True}},
            },
        }

    async def _remove(self, number: int) -> None:
        left = iter(self.names(number))

        async def delete() -> None:
            for name in left:
                await self.api.delete("Application", name, names.HUB_NAMESPACE)

        await asyncio.gather(*(delete() for _ in range(16)))
        deadline = time.perf_counter() + 300
        path = f"/apis/{names.API_VERSION}/namespaces/{names.HUB_NAMESPACE}/applications"
        one = Request("GET", path, query=(("limit", "1"),))
        while orjson.loads((await self.api.send(one)).body)["items"]:
            assert time.perf_counter() < deadline, "Applications are not gone"
            await asyncio.sleep(0.2)

    async def commits(self) -> None:
        """A one-line change, told by webhook, until it is live everywhere."""
        taken = []
        kind = "Deployment"
        async with aiohttp.ClientSession() as client:
            for sample in range(SAMPLES):
                name = self.names(ROUNDS - 1)[sample % self.options.apps]
                replicas = 10 + sample
                watches = [asyncio.ensure_future(self._live(m, name, kind, replicas)) for m in self.members]
                await asyncio.sleep(0.3)
                content = work.text(work.objects(name, self.options.objects, replicas))
                commit = self.repo.commit({f"{name}/manifests.yaml": content})
                begun = time.perf_counter()
                await self._webhook(client, commit)
                await asyncio.wait_for(asyncio.gather(*watches), 60)
                taken.append(time.perf_counter() - begun)
        self.result["commit"] = {
            "p50": percentile(taken, 50),
            "p99": percentile(taken, 99),
            "samples": len(taken),
        }

    async def _webhook(self, client: aiohttp.ClientSession, commit: str) -> None:
        body = json.dumps(
            {"ref": "refs/heads/main", "after": commit, "repository": {"clone_url": self.repo.url}}
        ).encode()
        signature = hmac.new(SECRET, body, hashlib.sha256).hexdigest()
        headers = {"X-Hub-Signature-256": f"sha256={signature}", "X-GitHub-Event": "push"}
        async with client.post(f"{self.hub.url}/webhook", data=body, headers=headers) as answer:
            assert answer.status == 202, await answer.text()

    async def _live(self, member: Api, name: str, kind: str, replicas: int) -> None:
        path = work.KINDS[kind].replace("{ns}", "bench")
        query = (("watch", "true"), ("fieldSelector", f"metadata.name={name}"))
        async with contextlib.aclosing(member.client.stream(Request("GET", path, query=query))) as lines:
            async for line in lines:
                event = orjson.loads(line)
                if event["object"].get("spec", {}).get("replicas") == replicas:
                    return

    async def untouched(self) -> None:
        """A commit that concerns no Application; first what the commits before it left to do is waited for."""
        await self._quiet()
        before = await self.hub.metrics()
        commit = self.repo.commit({"README.md": f"{time.time()}\n"})
        async with aiohttp.ClientSession() as client:
            await self._webhook(client, commit)
        fetches = "fleethub_git_fetch_total"
        for _ in range(200):
            now = await self.hub.metrics()
            if sum(v for k, v in now.items() if k.startswith(fetches)) > sum(
                v for k, v in before.items() if k.startswith(fetches)
            ):
                break
            await asyncio.sleep(0.05)
        await asyncio.sleep(2.0)
        now = await self.hub.metrics()
        self.result["untouched"] = {
            "renders": int(renders(now) - renders(before)),
            "requests": int(
                requests(now, lease=False, writes=True, members=True)
                - requests(before, lease=False, writes=True, members=True)
            ),
        }

    async def _quiet(self) -> None:
        """Wait until the hub has written nothing but Leases for five seconds."""
        before, since = -1.0, time.perf_counter()
        while time.perf_counter() - since < 5:
            await asyncio.sleep(0.5)
            now = requests(await self.hub.metrics(), lease=False, writes=True)
            if now != before:
                before, since = now, time.perf_counter()

    async def heals(self) -> None:
        """Somebody scales an object of ours; each time another one."""
        taken = []
        for sample in range(min(SAMPLES, self.options.apps)):
            name = self.names(ROUNDS - 1)[sample]
            member = self.members[sample % len(self.members)]
            found = await member.get("Deployment", name, "bench")
            assert found is not None
            wanted = found["spec"]["replicas"]
            path = work.KINDS["Deployment"].replace("{ns}", "bench")
            query = (
                ("watch", "true"),
                ("fieldSelector", f"metadata.name={name}"),
                ("resourceVersion", found["metadata"]["resourceVersion"]),
            )
            stream = member.client.stream(Request("GET", path, query=query))
            begun = time.perf_counter()
            async with contextlib.aclosing(stream) as lines:
                patched = asyncio.ensure_future(
                    member.patch("Deployment", name, "bench", {"spec": {"replicas": 99}}, "kubectl-edit")
                )
                away = False
                async for line in lines:
                    replicas = orjson.loads(line)["object"].get("spec", {}).get("replicas")
                    if replicas == 99:
                        away, begun = True, time.perf_counter()
                    elif away and replicas == wanted:
                        break
                taken.append(time.perf_counter() - begun)
                await patched
        self.result["heal"] = {"p50": percentile(taken, 50), "p99": percentile(taken, 99)}

    async def idle(self) -> None:
        """Nothing changes."""
        await self._quiet()
        seconds = self.options.idle
        before, cpu = await self.hub.metrics(), self.hub.cpu()
        await asyncio.sleep(seconds)
        after, used = await self.hub.metrics(), self.hub.cpu() - cpu
        minutes = seconds / 60
        self.result["idle"] = {
            "cpu_s_per_min": round(used / minutes, 3),
            "rss_mb": round(self.hub.rss(), 1),
            "requests_per_min": round(
                (requests(after, lease=False) - requests(before, lease=False)) / minutes, 1
            ),
            "lease_requests_per_min": round(
                (requests(after, lease=True) - requests(before, lease=True)) / minutes, 1
            ),
        }

    async def restart(self) -> None:
        """Stopped cleanly and started: how long until all is known again, and what was written."""
        self.hub.stop()
        begun = time.perf_counter()
        self.hub.start()
        await self.hub.ready()
        deadline = time.perf_counter() + 300
        while True:
            found = await self.hub.metrics()
            synced = sum(
                1
                for name in found
                if name.startswith("fleethub_application_info") and 'sync="Synced"' in name
            )
            passes = sum(v for k, v in found.items() if k.startswith("fleethub_sync_total"))
            if synced == self.options.apps and passes >= self.options.apps * len(self.planes):
                break
            assert time.perf_counter() < deadline, f"{synced} synced, {passes} passes"
            await asyncio.sleep(0.1)
        seconds = time.perf_counter() - begun
        await asyncio.sleep(6)
        found = await self.hub.metrics()
        self.result["restart"] = {
            "seconds": round(seconds, 2),
            "writes": int(requests(found, lease=False, writes=True)),
        }


def percentile(values: list[float], percent: int) -> float:
    """Nearest rank."""
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, -(-len(ordered) * percent // 100) - 1)], 4)


def say(text: str) -> None:
    """Progress."""
    print(text, flush=True)  # noqa: T201 (a bench talks)


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--apps", type=int, default=100)
    parser.add_argument("--objects", type=int, default=5)
    parser.add_argument("--clusters", type=int, default=2)
    parser.add_argument("--idle", type=int, default=60, help="seconds of idleness that are measured")
    parser.add_argument(
        "--renderer", choices=["helm", "kustomize"], help="what renders cost, in place of all that"
    )
    parser.add_argument(
        "--secrets",
        nargs="?",
        const="too",
        choices=["too", "only"],
        help="what secrets cost, besides or alone",
    )
    parser.add_argument("--externals", type=int, default=1000, help="ExternalSecrets on each cluster")
    parser.add_argument("--paths", type=int, help="paths that they read; each its own without it")
    parser.add_argument("--secret-clusters", type=int, default=10)
    parser.add_argument(
        "--register",
        type=int,
        metavar="N",
        help="what registering N clusters at once costs, in place of all that",
    )
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    result: dict[str, Any] = {}
    if options.secrets != "only":
        result |= run(options)
    if options.secrets:
        with ground() as (folder, warden, git):
            result |= asyncio.run(secrets.Run(options, folder, warden, git, say).run())
    if options.register:
        say(f"{options.register} clusters registered in one call, and one that does not answer")
    elif options.renderer:
        say(f"{RENDERS} applications rendered by {options.renderer}")
    elif options.secrets != "only":
        say(f"{options.apps} applications x {options.objects} objects x {options.clusters} clusters")
    if options.secrets:
        say(f"{options.externals} ExternalSecrets on each of {options.secret_clusters} clusters")
    for part, figures in result.items():
        told = figures if isinstance(figures, dict) else {"": figures}
        say(f"  {part:10} " + "  ".join(f"{key} {value}" for key, value in told.items()))
    if options.out:
        options.out.write_text(json.dumps(result, indent=2) + "\n")


@contextlib.contextmanager
def ground() -> Iterator[tuple[Path, Warden, GitServer]]:
    """A folder, a warden and a Git server, for one run."""
    with tempfile.TemporaryDirectory(prefix="fleethub-bench-") as name, Warden() as warden:
        folder = Path(name)
        (folder / "repositories").mkdir()
        with GitServer(folder / "repositories") as git:
            yield folder, warden, git


def run(options: argparse.Namespace) -> dict[str, Any]:
    """The figures of objects, or of renders."""
    with ground() as (folder, warden, git):
        if options.register:
            return asyncio.run(registrations.Run(options.register, folder, warden, f"{git.url}/").run())
        if options.renderer:
            return asyncio.run(renderers.Run(options.renderer, folder, git).run(RENDERS))
        return asyncio.run(Bench(options, folder, warden, git).run())


if __name__ == "__main__":
    main()
