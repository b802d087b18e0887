"""One Worker a registration, and what has been offered to each.

Contract: one owner; methods never await (``close`` apart). An offer to a cluster that has no worker yet, since
its registration cannot be used, waits here and is made when it has one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator

from fleet import names
from fleet.model import ApplicationKey, ObjectRef, TargetKey, Work
from fleet.worker.member import Member
from fleet.worker.work import Leave
from fleet.worker.worker import Ground, Reached, Worker


class Roster:
    """See the module."""

    def __init__(self, ground: Ground, hub_place: str) -> None:
        self._ground = ground
        self._hub_place = hub_place
        self._workers: dict[str, Worker] = {}
        self._offers: dict[str, dict[TargetKey, Work]] = {}
        self._leaving: dict[str, dict[TargetKey, Leave]] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def hire(self, name: str, reached: Reached, *, paused: bool = False) -> Worker:
        """Have a worker for the cluster with this connection from now on."""
        worker = self._workers.get(name)
        if worker is not None:
            worker.swap(reached)
            worker.pause(paused=paused)
            return worker
        own = name == names.HUB_CLUSTER
        place = self._hub_place if own else names.MEMBER_NAMESPACE
        worker = Worker(name, reached, self._ground, place, leased=not own)
        self._workers[name] = worker
        worker.pause(paused=paused)
        for work in self._offers.get(name, {}).values():
            worker.offer(work)
        for leave in self._leaving.get(name, {}).values():
            worker.withdraw(leave)
        return worker

    def dismiss(self, name: str) -> None:
        """Stop work at the cluster; what it was offered is kept for the next registration."""
        worker = self._workers.pop(name, None)
        if worker is not None:
            task = asyncio.ensure_future(worker.stop())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    def offer(self, work: Work) -> None:
        """Offer work to the cluster's worker, now or when it has one."""
        cluster = work.target.key.cluster
        self._offers.setdefault(cluster, {})[work.target.key] = work
        self._leaving.get(cluster, {}).pop(work.target.key, None)
        worker = self._workers.get(cluster)
        if worker is not None:
            worker.offer(work)

    def withdraw(self, leave: Leave) -> None:
        """Have a target taken off its cluster, now or when the cluster has a worker."""
        target = leave.target
        self._offers.get(target.cluster, {}).pop(target, None)
        self._leaving.setdefault(target.cluster, {})[target] = leave
        worker = self._workers.get(target.cluster)
        if worker is not None:
            worker.withdraw(leave)

    def suspend(self, target: TargetKey) -> None:
        """Have nothing written for the target, and nothing of it removed; a withdrawal that began goes on."""
        self._offers.get(target.cluster, {}).pop(target, None)
        worker = self._workers.get(target.cluster)
        if worker is not None:
            worker.suspend(target)

    def withdrawing(self, target: TargetKey) -> bool:
        """Whether the target is to be taken off its cluster."""
        return target in self._leaving.get(target.cluster, {})

    def forget(self, target: TargetKey) -> None:
        """The target is gone from its cluster, or let go of."""
        self._offers.get(target.cluster, {}).pop(target, None)
        self._leaving.get(target.cluster, {}).pop(target, None)
        worker = self._workers.get(target.cluster)
        if worker is not None:
            worker.drop(target)

    def release(self, targets: frozenset[TargetKey] | None = None) -> None:
        """A change closed: prunes that waited for it may go on; of these targets, or of all."""
        for worker in self._workers.values():
            worker.release(targets)

    def get(self, name: str) -> Worker | None:
        """The worker of a cluster."""
        return self._workers.get(name)

    def offered(self, target: TargetKey) -> Work | None:
        """What the target was offered last."""
        return self._offers.get(target.cluster, {}).get(target)

    def workers(self) -> Iterator[Worker]:
        """All workers."""
        return iter(tuple(self._workers.values()))

    def names(self) -> frozenset[str]:
        """Clusters that have a worker."""
        return frozenset(self._workers)

    def written(self, key: ApplicationKey) -> str:
        """The version at which the hub's own worker knows an Application that a root holds; empty: it knows none."""
        member = self._on_hub()
        seen = member.sightings.get(_child(key)) if member is not None else None
        return seen.version if seen is not None else ""

    def parent_of(self, key: ApplicationKey) -> ApplicationKey | None:
        """The app of apps that holds an Application, as far as it is known."""
        member = self._on_hub()
        if member is None:
            return None
        ref = _child(key)
        seen = member.sightings.get(ref)
        holder = member.claims.holder(ref, seen.set_id if seen is not None else "")
        return holder.application if holder is not None else None

    def _on_hub(self) -> Member | None:
        worker = self._workers.get(names.HUB_CLUSTER)
        return worker.running.member if worker is not None and worker.running is not None else None

    async def close(self, but: Iterable[str] = ()) -> None:
        """Stop all workers."""
        kept = set(but)
        for name in [name for name in self._workers if name not in kept]:
            self.dismiss(name)
        await asyncio.gather(*self._closing, return_exceptions=True)


def _child(key: ApplicationKey) -> ObjectRef:
    return ObjectRef(names.GROUP, names.APPLICATION, key.namespace, key.name)
