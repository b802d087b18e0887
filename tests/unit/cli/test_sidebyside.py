"""Registrations that are worked on side by side."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from fleet.cli.cluster import registering, sidebyside
from fleet.cli.cluster.sidebyside import Case
from fleet.cli.errors import CliError
from fleet.cli.session import Session
from fleet.errors import FleetError, Forbidden, Throttled

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


REACHED = {"status": {"conditions": [{"type": "Reachable", "status": "True"}]}}
BUSY = Throttled("the API server is not available", status=503)


class Word:
    """What the hub's API server answers to each list of Clusters; the last answer stays."""

    def __init__(self, *answers: dict[str, Any] | FleetError) -> None:
        self.answers = list(answers)
        self.asked = asyncio.Event()

    async def known(self, _: Session) -> dict[str, Any]:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, FleetError):
            self.asked.set()
            raise answer
        return answer


async def test_a_list_that_fails_for_a_moment_cuts_off_nothing_that_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    word = Word(BUSY, BUSY, {"first": REACHED, "second": REACHED})
    monkeypatch.setattr(registering, "known", word.known)
    cases = [Case("first"), Case("second")]

    async def job(case: Case) -> None:
        if case.name == "second":
            await word.asked.wait()  # it is still at work when the list fails
        case.result, case.secret = "registered", "1"

    await sidebyside.work(NOBODY, cases, job, parallel=2, timeout=30)
    assert [(case.result, case.settled, case.late) for case in cases] == [("registered", True, False)] * 2


async def test_a_list_that_fails_to_the_end_is_why_they_are_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registering, "known", Word(BUSY).known)
    case = Case("one")

    async def job(case: Case) -> None:
        case.result, case.secret = "registered", "1"

    await sidebyside.work(NOBODY, [case], job, parallel=1, timeout=0.3)
    assert case.late
    assert BUSY.text in case.notes[0]


async def test_a_list_that_is_refused_fails_who_waits_for_it_and_lets_the_others_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    word = Word(Forbidden("the credential may not list clusters", status=403))
    monkeypatch.setattr(registering, "known", word.known)
    cases = [Case("first"), Case("second")]

    async def job(case: Case) -> None:
        case.result = "unchanged"
        if case.name == "first":
            case.result, case.secret = "registered", "1"
        else:
            await word.asked.wait()

    await sidebyside.work(NOBODY, cases, job, parallel=2, timeout=30)
    first, second = (case.row() for case in cases)
    assert (first["result"], first["late"]) == ("failed", False)
    assert "may not list clusters" in first["message"]
    assert second["result"] == "unchanged"
