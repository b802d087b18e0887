"""The factories of everything that does I/O, in one frozen bundle: tests wrap the real things here (D12)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fleet.charts.door import Door
from fleet.clock import Clock
from fleet.git.github_app import Apps
from fleet.git.mirror import Mirror
from fleet.git.process import Git
from fleet.kube.budget import Budget
from fleet.kube.client import Client, Observe
from fleet.kube.connection import Connection
from fleet.outward import Outward
from fleet.world.charts import DoorFactory

ClientFactory = Callable[[Connection, str, Budget, Callable[[], bool] | None, Observe | None, Clock], Client]
MirrorFactory = Callable[[str, Path, Git, tuple[str, ...], Outward, Apps], Mirror]


def client(
    connection: Connection,
    cluster: str,
    budget: Budget,
    permit: Callable[[], bool] | None,
    observe: Observe | None,
    clock: Clock,
) -> Client:
    """The real door."""
    return Client(connection, cluster=cluster, budget=budget, permit=permit, observe=observe, clock=clock)


def mirror(url: str, folder: Path, git: Git, allow: tuple[str, ...], out: Outward, apps: Apps) -> Mirror:
    """The real mirror."""
    return Mirror(url, folder, git, allow, out=out, apps=apps)


def door(allow: tuple[str, ...], out: Outward) -> DoorFactory:
    """The real way to chart repositories and registries."""
    return lambda credential, everywhere: Door(allow, out, credential, everywhere)


@dataclass(frozen=True, slots=True)
class Seams:
    """See the module."""

    client: ClientFactory = client
    mirror: MirrorFactory = mirror
    git: Callable[[Path], Git] = Git
    clock: Callable[[], Clock] = Clock
    door: Callable[[tuple[str, ...], Outward], DoorFactory] = door
