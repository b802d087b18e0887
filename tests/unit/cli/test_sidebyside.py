"""Registrations that are worked on side by side."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from fleet.cli.cluster import sidebyside
from fleet.cli.cluster.sidebyside import Case
from fleet.cli.errors import CliError
from fleet.cli.session import Session

NOBODY = cast("Session", None)  # nothing is asked of the hub where nothing waits for it


async def test_one_that_does_not_answer_delays_no_other() -> None:
    cases = [Case("dark"), *(Case(f"c{number}") for number in range(20))]
    left = len(cases) - 1
    rest = asyncio.Event()

    async def job(case: Case) -> None:
        nonlocal left
        if case.name == "dark":
            await rest.wait()  # no answer, until all the others are done
            raise CliError("dark: no answer in time")
        case.result = "registered"
        left -= 1
        if left == 0:
            rest.set()

    await asyncio.wait_for(sidebyside.work(NOBODY, cases, job, parallel=2, timeout=None), 20)
    rows = [case.row() for case in cases]
    assert {row["result"] for row in rows[1:]} == {"registered"}
    assert (rows[0]["result"], rows[0]["message"], rows[0]["late"]) == ("failed", "no answer in time", False)


async def test_what_is_not_settled_when_the_time_is_over_is_late_and_says_what_it_waited_for() -> None:
    cases = [Case("slow"), Case("quick")]

    async def job(case: Case) -> None:
        if case.name == "slow":
            await asyncio.Event().wait()
        case.result = "registered"

    await sidebyside.work(NOBODY, cases, job, parallel=2, timeout=0.3)
    slow, quick = (case.row() for case in cases)
    assert slow["late"]
    assert "asks the cluster" in slow["message"]
    assert quick["result"] == "registered"


async def test_no_more_are_worked_on_at_a_time_than_asked_for() -> None:
    busy, most = 0, 0

    async def job(case: Case) -> None:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        await asyncio.sleep(0)
        busy -= 1
        case.result = "registered"

    cases: list[Any] = [Case(f"c{number}") for number in range(9)]
    await sidebyside.work(NOBODY, cases, job, parallel=3, timeout=None)
    assert most == 3
