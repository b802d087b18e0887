"""Which changes are worth an Event."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fleet.model import (
    ApplicationKey,
    Cause,
    Counts,
    Drift,
    Fault,
    Findings,
    Health,
    Hold,
    Holding,
    ObjectRef,
    Outcome,
    Reach,
    Revision,
    Sync,
    TargetKey,
)
from fleet.report.happenings import Happening, reached, transitions

WEB = ObjectRef("apps", "Deployment", "hello", "web")
SCALED = Drift(WEB, Cause.CHANGED, "kubectl-scale", "Update", "2026-11-25T09:00:00Z", ("spec.replicas",))


def outcome(**changes: Any) -> Outcome:
    made = Outcome(
        TargetKey(ApplicationKey("fleethub", "hello"), "eu-1"),
        (Revision("repo", "abc1234" + "0" * 33),),
        Sync.SYNCED,
        Health.HEALTHY,
    )
    return replace(made, **changes)


def reasons(happenings: tuple[Happening, ...]) -> list[str]:
    return [one.reason for one in happenings]


def test_the_same_outcome_twice_is_no_news() -> None:
    busy = outcome(
        counts=Counts(pruned=2),
        faults=(Fault(WEB, "Invalid", "no"),),
        findings=Findings((SCALED,)),
        holds=(Holding(Hold.HOOKS, "not run"),),
    )
    assert transitions(busy, replace(busy, at=9.0)) == ()


def test_a_restart_over_healthy_targets_is_no_news() -> None:
    assert transitions(None, outcome(counts=Counts(desired=5, members=5, unchanged=5))) == ()


def test_a_first_outcome_is_news_where_the_status_said_otherwise() -> None:
    assert reasons(transitions(None, outcome(), was=Sync.UNKNOWN)) == ["Synced"]
    assert transitions(None, outcome(), was=Sync.SYNCED) == ()


def test_first_sync_and_a_new_revision_are_told() -> None:
    assert reasons(transitions(None, outcome(counts=Counts(created=3)))) == ["Synced"]
    moved = outcome(revisions=(Revision("repo", "f" * 40),))
    assert transitions(outcome(), moved) == (Happening("Normal", "Synced", "fffffff is synced", "eu-1"),)
    assert reasons(transitions(outcome(), outcome(sync=Sync.OUT_OF_SYNC))) == ["OutOfSync"]


def test_healed_drift_says_who_did_what_and_when() -> None:
    told = transitions(outcome(), outcome(findings=Findings((SCALED,))))
    assert reasons(told) == ["DriftHealed"]
    assert told[0].message == (
        "spec.replicas of Deployment.apps hello/web was set by kubectl-scale "
        "(Update, 2026-11-25T09:00:00Z) and put back"
    )


def test_drift_that_is_not_healed_is_a_warning() -> None:
    held = outcome(
        sync=Sync.OUT_OF_SYNC,
        findings=Findings((SCALED,)),
        holds=(Holding(Hold.SELF_HEAL_OFF, "selfHeal is off"),),
    )
    told = {one.reason: one for one in transitions(outcome(), held)}
    assert told["DriftFound"].type == "Warning"
    assert "DriftHealed" not in told


def test_deleted_object_without_a_known_doer() -> None:
    gone = Drift(WEB, Cause.DELETED)
    told = transitions(outcome(), outcome(findings=Findings((gone,))))
    assert told[0].message == "Deployment.apps hello/web was deleted and put back"


def test_prunes_and_new_faults_are_told_once() -> None:
    after = outcome(counts=Counts(pruned=1), faults=(Fault(WEB, "Forbidden", "may not patch"),))
    told = {one.reason: one.message for one in transitions(outcome(), after)}
    assert told["Pruned"] == "1 object that abc1234 no longer names deleted"
    assert told["SyncFailed"] == "Forbidden: Deployment.apps hello/web: may not patch"
    later = replace(after, counts=Counts(), faults=(*after.faults, Fault(None, "Conflict", "again")))
    assert reasons(transitions(after, later)) == ["SyncFailed"]


def test_contested_is_a_warning() -> None:
    told = transitions(
        outcome(), outcome(holds=(Holding(Hold.CONTESTED, "hpa writes spec.replicas", (WEB,)),))
    )
    assert (told[0].type, told[0].reason) == ("Warning", "Contested")
    assert told[0].message == "hpa writes spec.replicas: Deployment.apps hello/web"


def test_reach_is_told_when_it_turns() -> None:
    on = Reach("eu-1", reachable=True, since=1.0, version="v1.36.3")
    off = Reach("eu-1", reachable=False, since=2.0)
    assert reasons(reached(None, on)) == ["ClusterReachable"]
    assert reasons(reached(on, replace(on, seen=5.0))) == []
    assert reasons(reached(on, off)) == ["ClusterUnreachable"]
