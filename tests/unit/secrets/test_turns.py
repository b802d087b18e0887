"""Threads that everybody shares, and that nobody has for himself."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from fleet.errors import FleetError
from fleet.secrets.turns import BATCH, Turns

EACH = 2


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as found:
        yield found


async def test_one_job_waits_for_some_of_a_crowd_and_never_for_all_of_it(pool: ThreadPoolExecutor) -> None:
    turns, served = Turns(pool, EACH), []
    gate = threading.Event()

    def job(name: str) -> Callable[[], None]:
        def run() -> None:
            gate.wait(10)
            served.append(name)

        return run

    crowd = [asyncio.ensure_future(turns.run("crowd", job("crowd"))) for _ in range(500)]
    await asyncio.sleep(0)
    single = asyncio.ensure_future(turns.run("single", job("single")))
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(single, *crowd)
    assert served.index("single") <= EACH * BATCH
    assert (len(served), len(turns)) == (501, 0)


async def test_what_a_job_raises_is_its_own(pool: ThreadPoolExecutor) -> None:
    turns = Turns(pool, EACH)

    def fails() -> int:
        raise FleetError("closed")

    found = await asyncio.gather(
        *(turns.run("a", fails if number == 5 else lambda: 1) for number in range(12)), return_exceptions=True
    )
    assert [one for one in found if one != 1] == [found[5]]
    assert isinstance(found[5], FleetError)


async def test_a_panic_in_one_job_leaves_no_neighbour_waiting(pool: ThreadPoolExecutor) -> None:
    class Panic(BaseException):
        """As libraries in Rust raise it."""

    def panics() -> int:
        raise Panic

    turns = Turns(pool, EACH)
    jobs = [
        asyncio.ensure_future(turns.run("a", panics if number == 3 else lambda: 1)) for number in range(6)
    ]
    _, waiting = await asyncio.wait(jobs, timeout=5)
    assert not waiting
    found = await asyncio.gather(*jobs, return_exceptions=True)
    assert [str(one) for one in found if one != 1] == ["a job ended with Panic"]


async def test_a_job_that_nobody_waits_for_is_not_done(pool: ThreadPoolExecutor) -> None:
    turns, gate, served = Turns(pool, EACH), threading.Event(), []
    held = [asyncio.ensure_future(turns.run("a", lambda: gate.wait(10))) for _ in range(EACH)]
    await asyncio.sleep(0)
    late = asyncio.ensure_future(turns.run("a", lambda: served.append("late")))
    await asyncio.sleep(0)
    late.cancel()
    gate.set()
    await asyncio.gather(*held)
    with pytest.raises(asyncio.CancelledError):
        await late
    assert (served, len(turns)) == ([], 0)


async def test_threads_that_are_let_go_leave_nobody_waiting() -> None:
    pool, gate = ThreadPoolExecutor(1), threading.Event()
    turns = Turns(pool, EACH)
    jobs = [asyncio.ensure_future(turns.run("a", lambda: gate.wait(10))) for _ in range(20)]
    await asyncio.sleep(0)
    pool.shutdown(wait=False, cancel_futures=True)
    gate.set()
    done, waiting = await asyncio.wait(jobs, timeout=5)
    assert not waiting
    assert all(one.cancelled() or one.result() for one in done)
