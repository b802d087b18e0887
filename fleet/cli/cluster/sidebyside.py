"""Work on many registrations side by side, and how each stands.

Contract: a case's failure is its own and delays no other; the hub's Clusters are read by one list for all that wait.
Where that list cannot be read, those that wait for it are concerned, and what is still being registered is not.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from fleet.cli import errors, waiting
from fleet.cli.cluster import registering
from fleet.errors import FleetError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from fleet.cli.session import Session

FAILED: Final = "failed"
_SHOWN: Final = 20  # lines on a terminal
_NEVER: Final = 365 * 24 * 3600.0


@dataclass(slots=True)
class Case:
    """One registration on its way. ``result`` says what was done; then the hub's word about it is waited for.

    ``secret`` is the resourceVersion by which the hub has to connect; empty: there is nothing to wait for.
    """

    name: str
    told: str = "waits for its turn"
    result: str = ""
    secret: str = ""
    server: str = ""
    version: str = ""
    identity: str = ""
    notes: list[str] = field(default_factory=list)
    settled: bool = False
    late: bool = False

    def fail(self, text: str) -> None:
        """Settle it: ``text`` is why."""
        self.result, self.notes, self.settled = FAILED, [text.removeprefix(f"{self.name}: ")], True

    def row(self) -> dict[str, Any]:
        """Give it as data."""
        notes = "; ".join(note.removeprefix(f"{self.name}: ") for note in self.notes)
        told = {"name": self.name, "result": self.result, "version": self.version, "server": self.server}
        return {**told, "identity": self.identity, "message": notes, "late": self.late}

    def line(self) -> str:
        """Give it as a line."""
        if not self.settled:
            return f"{self.name}: {self.told}"
        return f"{self.name}: {self.result}" + (f": {self.notes[0]}" if self.result == FAILED else "")


async def work(
    session: Session,
    cases: Iterable[Case],
    job: Callable[[Case], Awaitable[None]],
    *,
    parallel: int,
    timeout: float | None,  # noqa: ASYNC109 (what is late is told case by case)
) -> None:
    """Do ``job`` with each case, some at a time, and wait until the hub has reached all.

    Returns when each is settled, or after ``timeout`` seconds; with None the hub is not waited for. A job that raises
    a CliError or FleetError has failed.
    """
    cases = tuple(cases)
    slots = asyncio.Semaphore(parallel)
    waits = timeout is not None
    tasks = [asyncio.ensure_future(_one(case, job, slots, waits=waits)) for case in cases]

    async def look() -> waiting.Look:
        for task in tasks:
            if task.done():
                task.result()  # what nobody foresaw ends the command
        if waits and any(_waiting(case) for case in cases):
            try:
                clusters = await registering.known(session)
            except FleetError as error:
                _unheard(cases, error)
                if waiting.passes(error):
                    raise
            else:
                _heard(cases, clusters)
        return waiting.Look(all(case.settled for case in cases), _lines(cases))

    limit = _NEVER if timeout is None else timeout
    try:
        await waiting.until(look, timeout=limit, what="registering")
    except errors.CliError as error:
        if error.exit_code not in (errors.OUT_OF_TIME, errors.NOT_YET):
            raise
        for case in cases:
            if not case.settled:
                case.late = True
                case.fail(f"not in {limit:.0f} s: {case.told}")
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _one(
    case: Case, job: Callable[[Case], Awaitable[None]], slots: asyncio.Semaphore, *, waits: bool
) -> None:
    async with slots:
        case.told = "asks the cluster"
        try:
            await job(case)
        except (errors.CliError, FleetError) as error:
            case.fail(str(error))
            return
        case.told = "waits for the hub"
        case.settled = case.settled or not waits or not case.secret


def _heard(cases: Iterable[Case], clusters: Mapping[str, dict[str, Any]]) -> None:
    """See what the hub says of those that it has to reach yet."""
    for case in filter(_waiting, cases):
        stand = registering.stand(case.name, clusters.get(case.name), case.secret)
        case.told = stand.text.removeprefix(f"{case.name}: ")
        if stand.stuck:
            case.fail(stand.stuck)
        case.settled = case.settled or stand.reached


def _unheard(cases: Iterable[Case], error: FleetError) -> None:
    """See that the hub's word could not be read; where that does not pass by itself, it is waited for no longer."""
    for case in filter(_waiting, cases):
        case.told = f"what the hub says of it cannot be read: {error.text}"
        if not waiting.passes(error):
            case.fail(f"{case.result}, but {case.told}")


def _waiting(case: Case) -> bool:
    """Whether it is done but for the hub's word."""
    return bool(case.secret) and not case.settled


def _lines(cases: tuple[Case, ...]) -> tuple[str, ...]:
    """A line a case; on a terminal a sum and those that are not settled, as many as fit."""
    if not sys.stderr.isatty():
        return tuple(case.line() for case in cases)
    failed = sum(case.result == FAILED for case in cases)
    head = f"{sum(case.settled for case in cases)} of {len(cases)} settled"
    moving = [case.line() for case in cases if not case.settled]
    return (head + (f", {failed} failed" if failed else ""), *moving[:_SHOWN])
