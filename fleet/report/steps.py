"""Steps of a trace from faults and holds: which one is told, in whose words, with what helps.

Contract: pure. One fault is told of several, the first that is not transient; of several holds the one that has to
end first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fleet.model import Hold
from fleet.report import advice, words
from fleet.report.stages import Stage, Step

if TYPE_CHECKING:
    from fleet.model import Fault, Holding, Outcome
    from fleet.report.since import Stamp
    from fleet.report.stages import ApplicationFacts, Source

SHORT: Final = 12


def first(faults: tuple[Fault, ...]) -> Fault:
    """The fault that is told: one that only a person ends, if there is one."""
    return min(faults, key=lambda fault: fault.transient)


def of_faults(
    facts: ApplicationFacts, stage: Stage, faults: tuple[Fault, ...], since: Stamp, cluster: str = ""
) -> Step:
    """A fault as a step; how many there are besides it is said."""
    found = first(faults)
    more = f", and {len(faults) - 1} more" if len(faults) > 1 else ""
    subject = " ".join(part for part in (str(found.ref) if found.ref else "", found.field) if part)
    return Step(
        stage,
        str(facts.key),
        cluster,
        words.of_fault(found) + more,
        advice.of_fault(found, facts.key, cluster),
        subject,
        since,
        final=not found.transient,
    )


def of_holds(facts: ApplicationFacts, holds: tuple[Holding, ...], cluster: str, since: Stamp) -> Step:
    """A hold as a step, by the name of its condition."""
    found = advice.first(holds)
    subject = str(found.refs[0]) if found.refs else ""
    return Step(
        Stage.CONTESTED if found.hold is Hold.CONTESTED else Stage.HELD,
        str(facts.key),
        cluster,
        f"{found.hold.value}: {words.of_holding(found)}",
        advice.of_hold(found, facts.key, cluster),
        subject,
        since,
        final=found.hold is Hold.PROJECT,
    )


def looked(source: Source) -> str:
    """When the hub last looked at the repository, and why."""
    return f"last look at {words.stamp(source.looked)} by {source.how}" if source.looked else "no look yet"


def revision(outcome: Outcome | None) -> str:
    """The commit of the last pass; empty where there was none."""
    return outcome.revisions[0].commit if outcome is not None and outcome.revisions else ""
