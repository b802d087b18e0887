"""Why a change is not live: for each target the first stage that it has not passed, and what helps.

Contract: pure. A commit counts as passed where what is applied contains it, also by way of a newer commit. What
stands for all targets of an Application is told once, without a cluster. Nothing is told of a cluster that does
not answer but that. Words are those of faults and holds, which are fit for a condition.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from fleet.model import ApplicationKey, Fault, Hold
from fleet.report import advice, arrival, steps, words
from fleet.report.since import NEVER, Stamp
from fleet.report.stages import Stage, Step, Trace, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fleet.report.stages import ApplicationFacts, CommitFacts, Source

UNCONCERNED: Final = 20  # Applications that a commit does not concern are listed up to here
PATHS: Final = 10
# Holds of an Application itself that speak of clusters it leaves: no commit waits for them.
_DEPARTURES: Final = frozenset({Hold.GRACE, Hold.DELETION, Hold.DELETION_HELD})
_NEUTRAL: Final = frozenset({Stage.NOT_CONCERNED, Stage.NOT_FOLLOWED})


def of_application(facts: ApplicationFacts) -> Trace:
    """Where the newest commit that an Application follows has come to."""
    found = tuple(_steps(facts, None))
    return Trace(verdict(found), facts.desired.computed or facts.source.head, (facts.source,), found)


def of_commit(
    name: str,
    known: tuple[CommitFacts, ...],
    applications: Iterable[ApplicationFacts],
    sources: tuple[Source, ...],
    unlisted: int = 0,
) -> Trace:
    """Where a commit has come to. ``name`` as it was asked for; ``known`` has it for each mirror with it.

    ``unlisted`` counts Applications that it does not concern and that are not among ``applications``.
    """
    if not known:
        unseen = tuple(_unseen(name, source) for source in sources)
        return Trace(verdict(unseen), name, sources, unseen)
    commits = sorted({one.commit for one in known})
    if len(commits) > 1:
        return Trace(Verdict.AMBIGUOUS, name, (), (), tuple(commits))
    by_repo = {one.repo: one for one in known}
    told: list[Step] = []
    apart: list[Step] = []
    for facts in sorted(applications, key=lambda one: one.key):
        if facts.source.repo in by_repo and not facts.deleting:
            for step in _steps(facts, by_repo[facts.source.repo]):
                (apart if step.stage is Stage.NOT_CONCERNED else told).append(step)
    found = (*told, *apart[:UNCONCERNED])
    seen = tuple(source for source in sources if source.repo in by_repo)
    return Trace(verdict(found), commits[0], seen, found, (), unlisted + len(apart[UNCONCERNED:]))


def verdict(steps: Iterable[Step]) -> Verdict:
    """All of it in one word. Who follows another branch does not count where somebody follows the commit's."""
    found = tuple(steps)
    counted = [step for step in found if step.stage not in _NEUTRAL]
    if not counted:
        untouched = any(step.stage is Stage.NOT_CONCERNED for step in found)
        return Verdict.NOTHING if untouched else Verdict.WAITING
    if any(step.final for step in counted):
        return Verdict.FAILED
    live = all(step.stage is Stage.LIVE for step in counted)
    return Verdict.LIVE if live else Verdict.WAITING


def _unseen(name: str, source: Source) -> Step:
    looked = f"last look at {words.stamp(source.looked)} by {source.how}" if source.looked else "no look yet"
    text = f"{source.repo} shows no commit {name[: steps.SHORT]}: {looked}"
    if source.error is not None:
        text += f"; {words.of_fault(source.error)}"
    elif source.due:
        text += f", the next at {words.stamp(source.due)}"
    action = "Push it"
    if source.error is not None:
        action = advice.of_fault(source.error, ApplicationKey("", ""))
    elif source.seeker:
        action += f"; once it is pushed, ask for a look now: 'fleethub app refresh {source.seeker}'"
    return Step(
        Stage.NOT_SEEN, "", "", text, action, source.repo, Stamp(source.failing) if source.failing else NEVER
    )


# --- an Application ---------------------------------------------------------------------------------------


def _steps(facts: ApplicationFacts, asked: CommitFacts | None) -> Iterator[Step]:
    whole = _unfetched(facts, asked) or _unmade(facts, asked)
    if whole is not None:
        yield whole
        return
    yield from _beside(facts, asked)
    for target in facts.targets:
        yield replace(
            arrival.of_target(facts, target, asked), application=str(facts.key), cluster=target.cluster.name
        )


def _unfetched(facts: ApplicationFacts, asked: CommitFacts | None) -> Step | None:
    """What keeps the commit from the Application as a whole; a person's deletion before all else."""
    if facts.deleting:
        return _deleting(facts)
    if asked is not None and facts.key not in asked.concerned:
        return _unconcerned(facts, asked)
    if not facts.source.head:
        told = _headless(facts)
        # A name that means nothing is a branch that the commit is not on; the others must not wait for it.
        return (
            told
            if asked is None or not facts.source.looked
            else replace(told, stage=Stage.NOT_FOLLOWED, final=False)
        )
    if asked is not None and facts.source.head not in asked.within:
        return _elsewhere(facts, asked)
    return None


def _unmade(facts: ApplicationFacts, asked: CommitFacts | None) -> Step | None:
    """What keeps the Application from its targets, in the order in which a commit meets it."""
    computed = facts.desired.computed
    if computed not in (asked.within if asked is not None else (facts.source.head,)):
        return _uncomputed(facts)
    if facts.desired.faults:
        return _fault(facts, facts.desired.faults, Stage.NOT_RENDERED)
    if facts.targets:
        return None
    nowhere = tuple(fault for fault in facts.faults if fault.reason in advice.PLACEMENT)
    if nowhere:
        return _fault(facts, nowhere, Stage.NOT_PLACED)
    if facts.holds:
        return steps.of_holds(facts, facts.holds, "", facts.since.holds)
    return Step(
        Stage.NOT_PLACED,
        str(facts.key),
        "",
        "no cluster is selected",
        "Label a cluster as spec.placement.clusterSelector asks, or change spec.placement",
        "spec.placement",
        facts.since.state,
    )


def _beside(facts: ApplicationFacts, asked: CommitFacts | None) -> Iterator[Step]:
    """What is the matter with the Application itself, and does not stop its targets."""
    if asked is None and facts.source.error is not None:
        yield _unread(facts, (facts.source.error,))
    barred = {held.text for one in facts.targets if one.outcome is not None for held in one.outcome.holds}
    faults = [fault for fault in facts.faults if fault.text not in barred]  # which the targets tell
    for stage in (Stage.HELD, Stage.NOT_PLACED, Stage.NOT_RENDERED):
        found = tuple(fault for fault in faults if advice.stage_of(fault) is stage)
        # What came after the commit and does not render is no matter of the commit's.
        if found and (asked is None or stage is not Stage.NOT_RENDERED):
            yield _fault(facts, found, stage)
    for holding in facts.holds:
        if asked is None or holding.hold not in _DEPARTURES:
            yield steps.of_holds(facts, (holding,), "", facts.since.holds)


def _deleting(facts: ApplicationFacts) -> Step:
    if facts.holds:
        return steps.of_holds(facts, facts.holds, "", facts.since.holds)
    text = "the Application is being deleted"
    return Step(Stage.HELD, str(facts.key), "", text, f"See 'fleethub app get {facts.key}'")


def _headless(facts: ApplicationFacts) -> Step:
    found = facts.faults or ((facts.source.error,) if facts.source.error is not None else ())
    if found:
        return _unread(facts, found)
    text = (
        f"{facts.source.repo} has not been read yet" if facts.source.repo else "it has not been looked at yet"
    )
    return Step(Stage.NOT_SEEN, str(facts.key), "", text, "Wait a moment", facts.source.repo)


def _unread(facts: ApplicationFacts, faults: tuple[Fault, ...]) -> Step:
    """Why nothing new comes from the source, which is named."""
    source = facts.source
    stage = advice.stage_of(steps.first(faults))
    since = Stamp(source.failing) if source.failing else facts.since.faults
    told = steps.of_faults(facts, stage, faults, since)
    if stage is not Stage.NOT_SEEN or source.repo in told.text:
        return told
    return replace(told, text=f"{source.repo}: {told.text} ({steps.looked(source)})", subject=source.repo)


def _elsewhere(facts: ApplicationFacts, asked: CommitFacts) -> Step:
    source = facts.source
    text = (
        f"not on {source.name or 'HEAD'}, which the Application follows and which is at {source.head[: steps.SHORT]} "
        f"({steps.looked(source)})"
    )
    action = f"Merge or push {asked.commit[: steps.SHORT]} to {source.name or 'the default branch'}"
    return Step(Stage.NOT_FOLLOWED, str(facts.key), "", text, action, source.name)


def _unconcerned(facts: ApplicationFacts, asked: CommitFacts) -> Step:
    reads = ", ".join(path or "/" for path in facts.desired.reads[:PATHS])
    more = len(facts.desired.reads) - PATHS
    shown = reads + (f" and {more} more" if more > 0 else "")
    text = f"{asked.commit[: steps.SHORT]} changes none of the paths that the Application reads: {shown or 'none'}"
    return Step(
        Stage.NOT_CONCERNED, str(facts.key), "", text, "Nothing, unless spec.source.path is wrong", shown
    )


def _uncomputed(facts: ApplicationFacts) -> Step:
    if not facts.desired.working and facts.faults:
        found = steps.first(facts.faults)
        stage = advice.stage_of(found)
        return steps.of_faults(facts, stage, (found,), facts.since.faults)
    text = f"the Application is being rendered at {facts.source.head[: steps.SHORT]}"
    return Step(Stage.QUEUED, str(facts.key), "", text, "Wait a moment", "", NEVER)


def _fault(facts: ApplicationFacts, faults: tuple[Fault, ...], stage: Stage) -> Step:
    return steps.of_faults(facts, stage, faults, facts.since.faults)
