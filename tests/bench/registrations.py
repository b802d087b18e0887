"""What it takes to register many clusters in one call, and again when nothing changed; one of them is dark."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import time
from pathlib import Path
from typing import Any

from bootstrap.local import ports
from bootstrap.local.plane import Plane
from bootstrap.local.servers import Components
from bootstrap.local.warden import Warden
from tests.bench.hubprocess import HubProcess
from tests.stage.api import Api
from tests.stage.theatre import install

AT_ONCE = 4  # API servers that start together


class Run:
    """One run: a hub and ``count`` API servers that share its etcd."""

    def __init__(self, count: int, folder: Path, warden: Warden, git: str) -> None:
        self._count = count
        self._folder = folder
        self._git = git
        self._warden = warden
        self._hub = self._plane("hub", None)

    async def run(self) -> dict[str, Any]:
        """Raise all, register all, and again."""
        self._hub.start()
        self._hub.wait_ready()
        members = [self._plane(f"member-{number}", self._hub) for number in range(self._count)]
        begun = time.perf_counter()
        for first in range(0, len(members), AT_ONCE):
            for plane in members[first : first + AT_ONCE]:
                plane.start()
            for plane in members[first : first + AT_ONCE]:
                plane.wait_ready(300)
        raised = time.perf_counter() - begun
        api = await Api.of(self._hub.kubeconfig)
        await install(api)
        await api.close()
        (port,) = ports.free(1)
        hub = HubProcess(
            self._hub.kubeconfig, self._folder / "data", self._git, port, self._folder / "hub.log"
        )
        hub.start()
        try:
            await hub.ready()
            with socket.create_server(("127.0.0.1", 0)) as deaf:
                first_run = await self._apply(members, deaf.getsockname()[1])
                again = await self._apply(members, None)
            cpu, rss = hub.cpu(), hub.rss()
        finally:
            hub.stop()
        return {
            "raise": {"seconds": round(raised, 1)},
            "register": first_run,
            "again": again,
            "hub": {"cpu_s": round(cpu, 1), "rss_mb": round(rss, 1)},
        }

    def _plane(self, name: str, hub: Plane | None) -> Plane:
        shared = {} if hub is None else {"etcd": hub.etcd, "prefix": f"/{name}"}
        return Plane.create(
            name, self._folder / name, components=Components.API_ONLY, warden=self._warden, **shared
        )

    async def _apply(self, members: list[Plane], dark: int | None) -> dict[str, Any]:
        entries = [{"name": one.name, "memberKubeconfig": str(one.kubeconfig)} for one in members]
        if dark is not None:
            file = self._folder / "dark.kubeconfig"
            text = members[0].kubeconfig.read_text().replace(members[0].server, f"https://127.0.0.1:{dark}")
            await asyncio.to_thread(file.write_text, text)
            entries.insert(0, {"name": "dark", "memberKubeconfig": str(file)})
        command = (sys.executable, "-m", "fleet.cli.main", "cluster", "apply", "-f", "-", "-o", "json")
        begun = time.perf_counter()
        process = await asyncio.create_subprocess_exec(
            *command,
            env={**os.environ, "KUBECONFIG": str(self._hub.kubeconfig)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate(json.dumps(entries).encode())
        taken = time.perf_counter() - begun
        results: dict[str, int] = {}
        for one in json.loads(out)["items"]:
            results[one["result"]] = results.get(one["result"], 0) + 1
        return {"seconds": round(taken, 2), **results}
