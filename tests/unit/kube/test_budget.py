"""fleet.kube.budget: values in, values out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from fleet.kube.budget import Budget
from fleet.model import Lane

Start = Callable[[str, Lane], Awaitable["Holder"]]


class Holder:
    """Somebody who takes a slot, notes it, and keeps it until told."""

    def __init__(self, budget: Budget, cluster: str, lane: Lane, served: list[str]) -> None:
        self.leave = asyncio.Event()
        self.task = asyncio.create_task(self._run(budget, cluster, lane, served))

    async def _run(self, budget: Budget, cluster: str, lane: Lane, served: list[str]) -> None:
        async with budget.slot(cluster, lane):
            served.append(cluster)
            await self.leave.wait()

    async def end(self) -> None:
        self.leave.set()
        await self.task


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


class Crowd:
    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.served: list[str] = []
        self.holders: list[Holder] = []

    async def add(self, cluster: str, lane: Lane = Lane.URGENT, times: int = 1) -> list[Holder]:
        new = [Holder(self.budget, cluster, lane, self.served) for _ in range(times)]
        self.holders += new
        await settle()
        return new

    async def end(self) -> None:
        for holder in self.holders:
            holder.leave.set()
        await asyncio.gather(*(holder.task for holder in self.holders), return_exceptions=True)


async def test_no_more_than_the_total_are_in_flight() -> None:
    crowd = Crowd(Budget(total=3, each=16))
    for name in ("a", "b", "c", "d"):
        await crowd.add(name, times=2)
    assert crowd.budget.inflight == 3
    await crowd.end()
    assert len(crowd.served) == 8
    assert crowd.budget.inflight == 0


async def test_one_cluster_takes_no_more_than_its_share() -> None:
    crowd = Crowd(Budget(total=10, each=2))
    await crowd.add("greedy", times=5)
    assert crowd.served == ["greedy"] * 2
    await crowd.add("other")
    assert crowd.served[-1] == "other"
    await crowd.end()
    assert crowd.served.count("greedy") == 5


async def test_waiting_clusters_take_turns() -> None:
    crowd = Crowd(Budget(total=1, each=1))
    (first,) = await crowd.add("x")
    await crowd.add("a", times=3)
    await crowd.add("b", times=3)
    await first.end()
    for _ in range(5):
        await settle()
        next(h for h in crowd.holders if not h.leave.is_set() and not h.task.done()).leave.set()
        running = [h for h in crowd.holders if h.leave.is_set() and not h.task.done()]
        for holder in running:
            holder.leave.set()
        await settle()
    await crowd.end()
    order = crowd.served[1:]
    assert order == ["a", "b", "a", "b", "a", "b"]


async def test_urgent_goes_before_cold_and_audit() -> None:
    crowd = Crowd(Budget(total=1, each=1))
    (first,) = await crowd.add("x")
    await crowd.add("audit", Lane.AUDIT)
    await crowd.add("cold", Lane.COLD)
    await crowd.add("urgent", Lane.URGENT)
    await first.end()
    await crowd.end()
    assert crowd.served == ["x", "urgent", "cold", "audit"]


async def test_suspects_wait_for_each_other_and_leave_the_others_alone() -> None:
    budget = Budget(total=4, each=4, suspects=1)
    for name in ("dead-1", "dead-2"):
        budget.suspect(name, failed=True)
    crowd = Crowd(budget)
    await crowd.add("dead-1", times=3)
    await crowd.add("dead-2", times=3)
    assert crowd.served == ["dead-1"]
    await crowd.add("well", times=4)
    assert crowd.served.count("well") == 4
    await crowd.end()


async def test_a_cluster_that_answers_again_takes_its_waiters_along() -> None:
    budget = Budget(total=4, each=4, suspects=1)
    budget.suspect("a", failed=True)
    crowd = Crowd(budget)
    await crowd.add("a", times=3)
    assert crowd.served == ["a"]
    budget.suspect("a", failed=False)
    await settle()
    assert crowd.served == ["a"] * 3
    await crowd.end()
    assert budget.inflight == 0


async def test_a_failure_moves_waiters_to_the_suspects_and_slots_stay_where_they_were_counted() -> None:
    budget = Budget(total=1, each=4, suspects=1)
    crowd = Crowd(budget)
    (first,) = await crowd.add("a")
    await crowd.add("a")
    budget.suspect("a", failed=True)
    await settle()
    assert crowd.served == ["a", "a"]
    await crowd.add("b")
    assert "b" not in crowd.served
    await first.end()
    await settle()
    assert crowd.served[-1] == "b"
    await crowd.end()
    assert budget.inflight == 0


async def test_a_cancelled_waiter_takes_no_slot() -> None:
    crowd = Crowd(Budget(total=1, each=1))
    (first,) = await crowd.add("a")
    (second,) = await crowd.add("a")
    await crowd.add("b")
    second.task.cancel()
    await first.end()
    await settle()
    assert crowd.served == ["a", "b"]
    await crowd.end()
    assert crowd.budget.inflight == 0


async def test_a_waiter_cancelled_in_the_moment_of_its_turn_hands_it_on() -> None:
    crowd = Crowd(Budget(total=1, each=1))
    async with crowd.budget.slot("a", Lane.URGENT):
        (second,) = await crowd.add("b")
        await crowd.add("c")
    second.task.cancel()  # granted, and not yet run
    await settle()
    assert crowd.served == ["c"]
    await crowd.end()
    assert crowd.budget.inflight == 0


async def test_an_error_gives_the_slot_back() -> None:
    budget = Budget(total=1)
    with pytest.raises(ValueError, match="x"):
        async with budget.slot("a", Lane.URGENT):
            raise ValueError("x")
    assert budget.inflight == 0


async def test_nothing_is_kept_of_a_cluster_that_asks_no_more() -> None:
    crowd = Crowd(Budget(total=2, each=1, suspects=1))
    for number in range(20):
        await crowd.add(f"c{number}", times=2)
        crowd.budget.suspect(f"c{number}", failed=True)
    for holder in crowd.holders[::3]:
        holder.task.cancel()
    await crowd.end()
    for number in range(20):
        crowd.budget.suspect(f"c{number}", failed=False)
    assert crowd.budget._clusters == {}
    assert not any(
        pool.rounds[lane] for pool in (crowd.budget._trusted, crowd.budget._suspect) for lane in Lane
    )
