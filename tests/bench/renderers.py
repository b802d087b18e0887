"""What Helm or Kustomize costs inside the hub's stages, beside the bare program on the same files and cores.

Cold: every Application once, nothing in any cache. Floor: the bare program in a loop, as many at once as there are
cores. Warm: another process's view of the same cache on disk. Commit: one file of one Application among many.
"""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bootstrap.local import binaries
from bootstrap.local.gitserver import GitServer
from fleet.git import diff
from fleet.git.mirror import Mirror
from fleet.git.process import Git
from fleet.git.tree import Tree
from fleet.hub.readers import Following, Readers
from fleet.model import ApplicationKey, Parameters, Rendered, Revision
from fleet.render.cache import RenderCache
from fleet.render.confine.confinement import Confinement, cores
from fleet.render.ground import Trees
from fleet.render.render import Tools, render
from fleet.render.shelf import Shelf
from fleet.render.source import Source
from tests.stage.repository import ENVIRONMENT, Repository

MANY = 2000
ROUNDS = 3

DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, labels: {{app: {name}}}}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      containers:
      - {{name: web, image: "nginx:1.27", ports: [{{containerPort: 80}}]}}
"""
SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{selector: {{app: {name}}}, ports: [{{port: 80}}]}}\n"


def chart(number: int) -> dict[str, str]:
    """One Application's chart."""
    at = f"apps/app-{number:05}"
    return {
        f"{at}/Chart.yaml": f"apiVersion: v2\nname: web\nversion: 0.1.{number}\n",
        f"{at}/values.yaml": f"replicas: {number % 5}\nwords: [a, b, c]\n",
        f"{at}/templates/deployment.yaml": DEPLOYMENT.format(
            name="{{ .Release.Name }}", replicas="{{ .Values.replicas }}"
        ),
        f"{at}/templates/service.yaml": SERVICE.format(name="{{ .Release.Name }}"),
        f"{at}/templates/map.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\n"
        "data:\n{{- range $n, $w := .Values.words }}\n  w{{ $n }}: {{ $w | quote }}\n{{- end }}\n",
    }


def kustomization(number: int) -> dict[str, str]:
    """One Application's overlay."""
    at = f"apps/app-{number:05}"
    return {
        f"{at}/kustomization.yaml": f"resources: [../../base]\nnameSuffix: n{number}\nreplicas: [{{name: web, count: {number % 5}}}]\n"
        f"configMapGenerator: [{{name: words, literals: [n={number}]}}]\n",
    }


BASE = {
    "base/kustomization.yaml": "resources: [deployment.yaml, service.yaml]\n",
    "base/deployment.yaml": DEPLOYMENT.format(name="web", replicas=1),
    "base/service.yaml": SERVICE.format(name="web"),
}


class Run:
    """One run for one renderer."""

    def __init__(self, renderer: str, folder: Path, git: GitServer) -> None:
        self.renderer = renderer
        self.folder = folder
        self._make: Callable[[int], Mapping[str, str]] = chart if renderer == "helm" else kustomization
        (folder / "clones").mkdir(exist_ok=True)
        self.repo = Repository(git, folder / "repositories", f"deploy-{renderer}", folder / "clones")
        self.git = Git(folder / "home")
        self.mirror = Mirror(self.repo.url, folder / f"mirror-{renderer}", self.git, (f"{git.url}/",))
        self.confinement = Confinement((binaries.folder(), binaries.built()))

    async def run(self, count: int) -> dict[str, Any]:
        """Everything, in order."""
        level = self.confinement.start()
        files = {name: text for number in range(MANY) for name, text in self._make(number).items()}
        commit = await self._committed({**files, **(BASE if self.renderer == "kustomize" else {})})
        work = await asyncio.to_thread(self._checkout)
        floors, colds = [], []
        for number in range(ROUNDS):
            floors.append(await asyncio.to_thread(self._bare, work, count))
            colds.append(await self._all(commit, range(count), self._tools(f"shelf-{number}")))
        warm = await self._all(commit, range(count), self._tools("shelf-0"))
        found = {
            "renderer": self.renderer,
            "confined": level,
            "floor": {"seconds": round(min(floors), 3)},
            "cold": {"seconds": round(min(colds), 3), "ratio": round(min(colds) / min(floors), 3)},
            "warm": {"ms_per_app": round(warm * 1000 / count, 2)},
            "commit": await self._commit(commit),
        }
        self.confinement.stop()
        await self.mirror.close()
        self.git.close()
        return found

    def _tools(self, shelf: str) -> Tools:
        return Tools(RenderCache(shelf=Shelf(self.folder / f"{self.renderer}-{shelf}")))

    async def _committed(self, files: Mapping[str, str | None]) -> str:
        commit = await asyncio.to_thread(self.repo.commit, files)
        await self.mirror.fetch(None)
        return str(commit)

    async def _all(self, commit: str, numbers: range, tools: Tools) -> float:
        begun = time.perf_counter()
        await asyncio.gather(*(self._one(commit, number, tools) for number in numbers))
        return time.perf_counter() - begun

    async def _one(self, commit: str, number: int, tools: Tools) -> Rendered:
        name = f"app-{number:05}"
        source = Source(
            self.repo.url, Revision(self.repo.url, commit), f"apps/{name}", name=name, namespace="default"
        )
        tree = Tree(self.repo.url, commit, self.mirror.objects.root(commit), self.mirror.objects)
        made = await render(source, Trees(tree), Parameters(), tools, self.confinement.confined())
        assert made.manifests, made.faults
        return made

    def _checkout(self) -> Path:
        work = self.folder / f"work-{self.renderer}"
        subprocess.run(["git", "clone", "--quiet", self.repo.url, str(work)], check=True, env=ENVIRONMENT)
        return work

    def _bare(self, work: Path, count: int) -> float:
        def one(number: int) -> None:
            path = f"apps/app-{number:05}"
            command = (
                [
                    str(binaries.helm()),
                    "template",
                    f"app-{number:05}",
                    path,
                    "--namespace",
                    "default",
                    "--include-crds",
                ]
                if self.renderer == "helm"
                else [str(binaries.kubectl()), "kustomize", path]
            )
            subprocess.run(command, cwd=work, check=True, stdout=subprocess.DEVNULL)

        begun = time.perf_counter()
        with ThreadPoolExecutor(cores()) as pool:
            list(pool.map(one, range(count)))
        return time.perf_counter() - begun

    async def _commit(self, commit: str) -> dict[str, Any]:
        """All of them known, then one file changes: how many renders, and how long it takes."""
        tools, readers = self._tools("shelf-0"), Readers()
        following = Following(self.repo.url, "main")
        for number in range(MANY):
            made = await self._one(commit, number, tools)
            key = ApplicationKey("fleethub", f"app-{number:05}")
            readers.follow(key, [following])
            readers.computed(key, {following: commit}, made.reads)
        target = "values.yaml" if self.renderer == "helm" else "kustomization.yaml"
        path = f"apps/app-{MANY // 2:05}/{target}"
        later = await self._committed(
            {path: self._make(MANY // 2)[path].replace("replicas", "replicas", 1) + "# changed\n"}
        )
        before = tools.cache.builds
        begun = time.perf_counter()
        changed = await diff.changed(self.mirror, commit, later)
        concerned = readers.concerned(following, later, {commit: changed})
        for key in concerned:
            await self._one(later, int(key.name.removeprefix("app-")), tools)
        return {
            "apps": MANY,
            "concerned": len(concerned),
            "renders": tools.cache.builds - before,
            "seconds": round(time.perf_counter() - begun, 4),
        }
