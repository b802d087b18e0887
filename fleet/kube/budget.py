"""How many requests are in flight, and whose turn is next.

Contract: at most ``total`` in all and ``each`` a cluster, shared round-robin between the clusters that wait,
lane by lane: what waits in URGENT goes before all COLD. Clusters whose last request failed share ``suspects``
slots of their own, so that dead ones cost the others nothing, also while they are connected to anew. Watches are not counted. A slot is had before a
request's clock starts. One loop; nothing here awaits but the wait for a slot.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from types import TracebackType

from fleet.model import Lane


class _Pool:
    """Slots of one sort, and for each lane the clusters that wait for one, next first."""

    __slots__ = ("inflight", "limit", "rounds")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.inflight = 0
        self.rounds: tuple[OrderedDict[str, _Cluster], ...] = tuple(OrderedDict() for _ in Lane)


_Waiter = asyncio.Future[_Pool]  # ends with the pool that the slot is charged to


class _Cluster:
    __slots__ = ("inflight", "name", "pool", "waiting")

    def __init__(self, name: str, pool: _Pool) -> None:
        self.name = name
        self.pool = pool
        self.inflight = 0
        self.waiting: tuple[deque[_Waiter], ...] = tuple(deque() for _ in Lane)


class Slot:
    """The right to have one request in flight, for an ``async with``."""

    __slots__ = ("_budget", "_cluster", "_lane", "_pool")

    def __init__(self, budget: Budget, cluster: str, lane: Lane) -> None:
        self._budget = budget
        self._cluster = cluster
        self._lane = lane
        self._pool: _Pool | None = None

    async def __aenter__(self) -> None:
        self._pool = self._budget._take(self._cluster)  # noqa: SLF001 (two halves of one thing)
        if self._pool is None:
            self._pool = await self._budget._wait(self._cluster, self._lane)  # noqa: SLF001

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._budget._give_back(self._cluster, self._pool)  # noqa: SLF001
            self._pool = None


class Budget:
    """The one owner of slots; shared by all Clients of a process."""

    def __init__(self, total: int = 64, each: int = 16, suspects: int = 16) -> None:
        self._each = each
        self._trusted = _Pool(total)
        self._suspect = _Pool(suspects)
        self._clusters: dict[str, _Cluster] = {}

    @property
    def inflight(self) -> int:
        """Requests that have a slot now."""
        return self._trusted.inflight + self._suspect.inflight

    def slot(self, cluster: str, lane: Lane) -> Slot:
        """A slot, to be entered; leaving it gives it to whoever is next."""
        return Slot(self, cluster, lane)

    def suspect(self, cluster: str, *, failed: bool) -> None:
        """Say how a cluster's last request went: failed, it uses the suspects' slots from now on."""
        known = self._clusters.get(cluster)
        pool = self._suspect if failed else self._trusted
        if known is None:
            if failed:
                self._clusters[cluster] = _Cluster(cluster, pool)
            return
        if known.pool is pool:
            return
        for lane, waiting in enumerate(known.waiting):
            if known.pool.rounds[lane].pop(cluster, None) is not None and waiting:
                pool.rounds[lane][cluster] = known
        known.pool = pool
        self._grant(pool)
        self._forget(known)

    def _take(self, name: str) -> _Pool | None:
        """A slot if one is free. Nobody is overtaken: who waits does so because none is."""
        cluster = self._clusters.get(name)
        if cluster is None:
            cluster = self._clusters[name] = _Cluster(name, self._trusted)
        pool = cluster.pool
        if pool.inflight >= pool.limit or cluster.inflight >= self._each:
            return None
        pool.inflight += 1
        cluster.inflight += 1
        return pool

    async def _wait(self, name: str, lane: Lane) -> _Pool:
        cluster = self._clusters[name]
        waiter: _Waiter = asyncio.get_running_loop().create_future()
        cluster.waiting[lane].append(waiter)
        cluster.pool.rounds[lane].setdefault(name, cluster)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self._give_back(name, waiter.result())
            else:
                self._leave(cluster, lane, waiter)
            raise

    def _leave(self, cluster: _Cluster, lane: Lane, waiter: _Waiter) -> None:
        waiting = cluster.waiting[lane]
        if waiter in waiting:
            waiting.remove(waiter)
        if not waiting and self._clusters.get(cluster.name) is cluster:
            cluster.pool.rounds[lane].pop(cluster.name, None)
        self._forget(cluster)

    def _give_back(self, name: str, pool: _Pool) -> None:
        cluster = self._clusters[name]
        pool.inflight -= 1
        cluster.inflight -= 1
        self._grant(pool)
        if cluster.pool is not pool:
            self._grant(cluster.pool)  # it may have waited for its own limit alone
        self._forget(cluster)

    def _grant(self, pool: _Pool) -> None:
        while pool.inflight < pool.limit:
            granted = self._next(pool)
            if granted is None:
                return
            cluster, waiter = granted
            pool.inflight += 1
            cluster.inflight += 1
            waiter.set_result(pool)

    def _next(self, pool: _Pool) -> tuple[_Cluster, _Waiter] | None:
        for lane, turns in enumerate(pool.rounds):
            for _ in range(len(turns)):
                name, cluster = turns.popitem(last=False)
                waiting = cluster.waiting[lane]
                found: _Waiter | None = None
                while waiting and found is None and cluster.inflight < self._each:
                    waiter = waiting.popleft()
                    found = None if waiter.done() else waiter  # done: cancelled, and about to leave
                if waiting:
                    turns[name] = cluster
                if found is not None:
                    return cluster, found
        return None

    def _forget(self, cluster: _Cluster) -> None:
        idle = cluster.inflight == 0 and not any(cluster.waiting)
        if idle and cluster.pool is self._trusted and self._clusters.get(cluster.name) is cluster:
            del self._clusters[cluster.name]
