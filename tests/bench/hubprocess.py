"""A hub as people run it: a process of its own, watched from outside."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import aiohttp

TICKS = os.sysconf("SC_CLK_TCK")


class HubProcess:
    """``fleethub hub`` with its metrics and its /proc entry."""

    def __init__(
        self, kubeconfig: Path, data: Path, git: str, port: int, log: Path, more: tuple[str, ...] = ()
    ) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._log = log
        self._command = [
            sys.executable,
            "-m",
            "fleet.cli.main",
            "hub",
            "--kubeconfig",
            str(kubeconfig),
            "--listen",
            f"127.0.0.1:{port}",
            "--data",
            str(data),
            "--allow-git",
            git,
            "--log-level",
            "warning",
            *more,
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=subprocess.STDOUT)

    def stop(self) -> None:
        """SIGTERM, and wait."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
            self._process = None

    def check(self) -> None:
        """Raise where it has ended by itself."""
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text()[-2000:]

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    async def ready(self) -> None:
        """Wait for /readyz."""
        async with aiohttp.ClientSession() as client:
            for _ in range(1200):
                self.check()
                try:
                    async with client.get(f"{self.url}/readyz") as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.025)
        raise AssertionError("the hub did not become ready")

    async def metrics(self) -> dict[str, float]:
        """All series by name and labels."""
        async with aiohttp.ClientSession() as client, client.get(f"{self.url}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        found = {}
        for line in lines:
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                found[name] = float(value)
        return found

    def cpu(self) -> float:
        """CPU seconds so far."""
        parts = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(parts[11]) + int(parts[12])) / TICKS

    def rss(self) -> float:
        """Resident memory in MB."""
        found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.pid}/status").read_text())
        assert found is not None
        return int(found.group(1)) / 1024

    def memory_now(self) -> tuple[float, float]:
        """Time and memory."""
        return time.time(), self.rss()


def requests(metrics: dict[str, float], *, lease: bool, writes: bool = False, members: bool = False) -> float:
    """Requests counted: of Leases or of all else; only writes; only to members."""
    total = 0.0
    for name, value in metrics.items():
        if not name.startswith("fleethub_api_requests_total"):
            continue
        labels = dict(re.findall(r'(\w+)="([^"]*)"', name))
        verb = labels["verb"]
        if (verb == "LEASE") != lease:
            continue
        if writes and verb in ("GET", "WATCH"):
            continue
        if members and labels["cluster"] == "@hub":
            continue
        total += value
    return total


def renders(metrics: dict[str, float]) -> float:
    """Renders that were built."""
    return sum(v for k, v in metrics.items() if k.startswith("fleethub_render_total") and "built" in k)
