"""A hub as a process of its own, as people and Pods run it: started, frozen, killed, and looked at from outside."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from bootstrap.local import binaries, ports
from fleet import names
from tests.stage.api import Api, until


class HubProcess:
    """``fleethub hub`` on a port of its own; ``before`` is what runs it (a sandbox). Its log is a file."""

    def __init__(
        self, kubeconfig: Path, folder: Path, *more: str, before: Sequence[str] = (), **environment: str
    ) -> None:
        (port,) = ports.free(1)
        self.url = f"http://127.0.0.1:{port}"
        self.log = folder / f"hub-{port}.log"
        self.data = folder / f"data-{port}"
        command = {
            "--kubeconfig": str(kubeconfig),
            "--listen": f"127.0.0.1:{port}",
            "--data": str(self.data),
            "--poll-interval": "500ms",
            "--programs": str(binaries.built()),
        }
        given = [word for pair in command.items() for word in pair]
        arguments = [*before, sys.executable, "-m", "fleet.cli", "hub", *given, *more]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                arguments, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, **environment}
            )

    async def ready(self, path: str = "/readyz") -> dict[str, Any]:
        """Wait until a probe answers well; what it says."""

        async def look() -> dict[str, Any] | None:
            assert self.process.poll() is None, self.log.read_text()
            status, body = await self.get(path)
            return body if status == 200 else None

        found: dict[str, Any] = await until(look, what=f"the hub answers {path} well")
        return found

    async def get(
        self, path: str, body: bytes = b"", headers: Sequence[tuple[str, str]] = ()
    ) -> tuple[int, Any]:
        """Ask it by HTTP, with a body by POST; status 0 where nobody answers."""
        marks = [word for name, value in headers for word in ("-H", f"{name}: {value}")]
        sent = ["--data-binary", "@-"] if body else []
        process = await asyncio.create_subprocess_exec(
            "curl", "-s", "-m", "10", "-o", "-", "-w", "\n%{http_code}", *marks, *sent, f"{self.url}{path}",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, _ = await process.communicate(body)
        content, _, status = out.rpartition(b"\n")
        try:
            return int(status), orjson.loads(content)
        except orjson.JSONDecodeError:
            return int(status), content

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    async def ended(self, timeout: float = 30) -> int:
        """Wait for its end; the exit code."""
        return await asyncio.to_thread(self.process.wait, timeout)

    async def stop(self) -> int:
        """End it as a Pod is ended; the exit code."""
        if self.process.poll() is None:
            self.send(signal.SIGCONT)
            self.send(signal.SIGTERM)
        return await self.ended()

    async def kill(self) -> None:
        """End it without a goodbye."""
        self.send(signal.SIGKILL)
        await self.ended()


async def active(api: Api) -> str:
    """The URL of the hub that holds the Lease; empty where nobody does."""
    lease = await api.get("Lease", names.HUB_LEASE, names.HUB_NAMESPACE)
    if lease is None or not lease["spec"].get("holderIdentity"):
        return ""
    url: str = lease["metadata"]["annotations"].get(names.URL, "")
    return url
