"""One target: the first stage that it has not passed.

Contract: pure. Nothing is told of a cluster that does not answer but that: what was seen there is old.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fleet.model import Health, Hold, Holding, Lane, Outcome, Sync
from fleet.report import advice, steps, words
from fleet.report.since import NEVER, Stamp
from fleet.report.stages import Stage, Step

if TYPE_CHECKING:
    from fleet.model import Reach
    from fleet.report.stages import ApplicationFacts, CommitFacts, TargetFacts, Waiting


def of_target(facts: ApplicationFacts, target: TargetFacts, asked: CommitFacts | None) -> Step:
    """Where the target stands, for the newest commit or for the one that is asked for."""
    outcome, revision = target.outcome, steps.revision(target.outcome)
    if outcome is not None and not revision and any(held.hold is Hold.PROJECT for held in outcome.holds):
        # A Project bars the cluster: no pass is made there.
        return steps.of_holds(facts, outcome.holds, target.cluster.name, target.since.holds)
    current = outcome is not None and _reached(facts, revision, asked)
    barred = _barred(facts, target, settled=current and outcome is not None and outcome.sync is Sync.SYNCED)
    if barred is not None:
        return replace(barred, commit=revision)
    if outcome is None or not current:
        return replace(_queued(facts, target), commit=revision)
    before = _overtaken(target, outcome, asked)
    if not before:
        told = _judged(facts, target, outcome)
        if told is not None:
            return replace(told, commit=revision)
    return _standing(target, outcome, before)


def _reached(facts: ApplicationFacts, revision: str, asked: CommitFacts | None) -> bool:
    """Whether a pass at this revision was one for what is asked."""
    wanted = facts.desired.revision
    return (wanted is not None and revision == wanted.commit) or (
        asked is not None and revision in asked.within
    )


def _barred(facts: ApplicationFacts, target: TargetFacts, *, settled: bool) -> Step | None:
    """What keeps the hub from the cluster altogether."""
    cluster, reach = target.cluster, target.cluster.reach
    if cluster.faults:
        return steps.of_faults(facts, Stage.UNREACHABLE, cluster.faults, NEVER, cluster.name)
    if cluster.holds:
        return steps.of_holds(
            facts, cluster.holds, cluster.name, Stamp(reach.since) if reach is not None else NEVER
        )
    if cluster.paused and not settled:
        text = f"cluster {cluster.name} is paused: nothing is written there"
        paused = target.outcome is not None and any(h.hold is Hold.PAUSED for h in target.outcome.holds)
        since = target.since.holds if paused else NEVER
        return steps.of_holds(facts, (Holding(Hold.PAUSED, text),), cluster.name, since)
    if reach is None or not reach.reachable:
        return _silent(cluster.name, reach)
    return None


def _silent(cluster: str, reach: Reach | None) -> Step:
    if reach is None:
        text = f"the hub has not reached {words.place(cluster)} yet"
        return Step(Stage.UNREACHABLE, text=text, action="Wait a moment", subject=cluster)
    seen = f"; its last answer was at {words.stamp(reach.seen)}" if reach.seen else ""
    text = f"{words.place(cluster)} does not answer: {reach.text or reach.reason or 'no answer'}{seen}"
    action = f"Look at the cluster and its registration: 'fleethub cluster get {cluster}'; then it goes on by itself"
    return Step(Stage.UNREACHABLE, text=text, action=action, subject=cluster, since=Stamp(reach.since))


def _queued(facts: ApplicationFacts, target: TargetFacts) -> Step:
    waiting = target.waiting
    action = "Nothing: it goes on by itself"
    text = "it is about to be offered to the cluster's worker"
    if waiting is not None:
        text = _place(waiting)
    return Step(Stage.QUEUED, text=text, action=action, since=facts.desired.since)


def _place(waiting: Waiting) -> str:
    if waiting.busy:
        return "it is being applied right now"
    if waiting.due:
        return f"it is tried again at {words.stamp(waiting.due)}"
    behind = f"behind {waiting.ahead} other{'s' * (waiting.ahead != 1)}" if waiting.ahead else "next in turn"
    hands = [str(key.application) for key in waiting.hands]
    busy = f"; in hand now: {words.listed(hands)}" if hands else ""
    return f"it waits in the lane {waiting.lane or Lane.URGENT.name.lower()}, {behind}{busy}"


def _overtaken(target: TargetFacts, outcome: Outcome, asked: CommitFacts | None) -> str:
    """The words for a commit that was applied before a newer one came that is held; empty where it is not so."""
    held = any(holding.hold in (Hold.MANUAL, Hold.PAUSED) for holding in outcome.holds)
    newer = target.recorded and target.recorded != steps.revision(outcome)
    if asked is None or not held or not newer or target.recorded not in asked.within:
        return ""
    return f"a newer commit, {steps.revision(outcome)[: steps.SHORT]}, is held"


def _judged(facts: ApplicationFacts, target: TargetFacts, outcome: Outcome) -> Step | None:
    """What the last pass says; None where it has nothing against the target."""
    cluster = target.cluster.name
    if outcome.faults:
        reason = steps.first(outcome.faults).reason
        stage = Stage.HELD if reason in advice.PROJECT else Stage.REFUSED
        stage = Stage.UNREACHABLE if reason in advice.WIRE else stage
        return steps.of_faults(facts, stage, outcome.faults, target.since.faults, cluster)
    grave = tuple(held for held in outcome.holds if held.hold in (Hold.PROJECT, Hold.CONTESTED))
    if grave:  # though all else may be as Git wants it
        return steps.of_holds(facts, grave, cluster, target.since.holds)
    if outcome.sync is Sync.SYNCED:
        return None
    if outcome.holds:
        told = steps.of_holds(facts, outcome.holds, cluster, target.since.holds)
        return _wave(told, target) if advice.first(outcome.holds).hold is Hold.WAVE else told
    drifted = [str(drift.ref) for drift in outcome.findings.drifts]
    text = f"what is live differs from Git and is put back: {words.listed(drifted)}"
    text = text if drifted else "what is live differs from Git; the next pass puts it right"
    return Step(
        Stage.QUEUED,
        text=text,
        action="Nothing: it goes on by itself",
        subject="".join(drifted[:1]),
        since=target.since.state,
    )


def _wave(told: Step, target: TargetFacts) -> Step:
    """A wave that waits, with why the object that it waits for is not healthy."""
    for ill in target.ill:
        if str(ill.ref) in told.text and ill.message:
            action = advice.of_health(ill.ref, ill.health, target.cluster.name)
            text = f"{told.text}; {ill.ref} is {ill.health.word}: {ill.message}"
            return replace(told, text=text, action=action, subject=str(ill.ref))
    return told


def _standing(target: TargetFacts, outcome: Outcome, before: str) -> Step:
    """What is applied: live, or not healthy yet."""
    commit = target.recorded if before else steps.revision(outcome)
    if outcome.health is Health.HEALTHY:
        notes = [before] if before else [words.of_holding(held) for held in outcome.holds]
        return Step(Stage.LIVE, text="; ".join(notes), since=target.since.state, commit=commit)
    if not target.ill:
        text = f"what is applied is {outcome.health.word}"
        return Step(Stage.UNHEALTHY, text=text, since=target.since.state, commit=commit)
    worst = target.ill[0]
    more = len(target.ill) - 1
    text = f"{worst.ref} is {worst.health.word}" + (f": {worst.message}" if worst.message else "")
    text += f", and {more} more are not healthy" if more else ""
    action = advice.of_health(worst.ref, worst.health, target.cluster.name)
    return Step(
        Stage.UNHEALTHY,
        text=text,
        action=action,
        subject=str(worst.ref),
        since=target.since.state,
        commit=commit,
    )
