"""What owners know, read off them when somebody scrapes; nothing is counted for it.

Contract: rows are made in another thread than the loop's, so what is iterated is copied first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fleet import names
from fleet.clock import Clock
from fleet.hub.clearing import Clearing
from fleet.hub.roster import Roster
from fleet.hub.secrets import Secrets
from fleet.metrics import Metrics
from fleet.model import Lane
from fleet.render.cache import RenderCache
from fleet.report.board import Board
from fleet.report.status import StatusWriter
from fleet.world.objects import World

Rows = Iterator[tuple[tuple[str, ...], float]]


@dataclass(frozen=True, slots=True)
class Owners:
    """Whom the figures are read off."""

    world: World
    board: Board
    roster: Roster
    statuses: StatusWriter
    cache: RenderCache
    clearing: Clearing
    clock: Clock
    secrets: Secrets


def measure(metrics: Metrics, owners: Owners) -> None:
    """Have all of it read at each scrape."""
    cache = owners.cache
    metrics.applications(lambda: _applications(owners))
    metrics.clusters(lambda: _clusters(owners))
    metrics.unclaimed(lambda: _unclaimed(owners))
    metrics.queues(lambda: _queues(owners))
    metrics.renders(lambda: ((("built",), float(cache.builds)), (("cached",), float(cache.hits))))
    keyring, vault = owners.secrets.sealing.keyring, owners.secrets.vault
    metrics.unsealing(lambda: float(keyring.operations))
    metrics.vault(
        lambda: (
            (("login",), float(vault.logins)),
            (("metadata",), float(vault.metadata_reads)),
            (("data",), float(vault.data_reads)),
        )
    )
    metrics.status_writes(lambda: float(owners.statuses.writes))
    metrics.lag(lambda: owners.clock.lag)


def _applications(owners: Owners) -> Rows:
    for key, known in tuple(owners.world.applications.items()):
        status = owners.statuses.previous(names.APPLICATION, key) or known.status
        project = known.model.spec.project if known.model is not None else ""
        sync, health = str(status.get("sync", "Unknown")), str(status.get("health", "Unknown"))
        yield (key.namespace, key.name, project, sync, health), 1.0


def _clusters(owners: Owners) -> Rows:
    for key in tuple(owners.world.clusters):
        reach = owners.board.reach_of(key.name)
        yield (key.name,), float(reach is not None and reach.reachable)


def _unclaimed(owners: Owners) -> Rows:
    for worker in owners.roster.workers():
        if worker.name != names.HUB_CLUSTER and worker.running is not None:
            yield (worker.name,), float(owners.clearing.count(worker.name))


def _queues(owners: Owners) -> Rows:
    totals = [0] * len(Lane)
    for worker in owners.roster.workers():
        totals = [total + depth for total, depth in zip(totals, worker.depth(), strict=True)]
    for lane, total in zip(Lane, totals, strict=True):
        yield (lane.name.lower(),), float(total)
