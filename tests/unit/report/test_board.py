"""The Board's owner: what it keeps, whom it tells, how much it may grow."""

from __future__ import annotations

from dataclasses import replace

from fleet.model import (
    ApplicationKey,
    Counts,
    Fault,
    Findings,
    Health,
    ObjectRef,
    Outcome,
    Reach,
    Recorded,
    Revision,
    Sync,
    TargetKey,
)
from fleet.report.board import MOST, Board, Told

HELLO = ApplicationKey("fleethub", "hello")
REVISION = Revision("git.example/acme/deploy", "a" * 40, "refs/heads/main")


def outcome(cluster: str, *, application: ApplicationKey = HELLO, sync: Sync = Sync.SYNCED) -> Outcome:
    return Outcome(TargetKey(application, cluster), (REVISION,), sync, Health.HEALTHY, at=1.0)


def test_gives_outcomes_by_application_and_by_cluster() -> None:
    board = Board()
    other = ApplicationKey("fleethub", "other")
    for one in (outcome("us-1"), outcome("eu-1"), outcome("eu-1", application=other)):
        board.put(one)
    assert [one.target.cluster for one in board.outcomes(HELLO)] == ["eu-1", "us-1"]
    assert [one.target.application for one in board.cluster("eu-1")] == [HELLO, other]
    assert len(board.snapshot().outcomes) == 3


def test_tells_of_a_change_and_not_of_a_new_time_alone() -> None:
    board, told = Board(), []
    board.on_application(told.append)
    board.put(outcome("eu-1"))
    board.put(replace(outcome("eu-1"), at=99.0))
    assert told == [HELLO]
    board.put(replace(outcome("eu-1"), counts=Counts(desired=2)))
    assert told == [HELLO, HELLO]


def test_dropped_target_is_forgotten_everywhere() -> None:
    board, told = Board(), []
    target = TargetKey(HELLO, "eu-1")
    board.put(outcome("eu-1"))
    board.record(Recorded(target, (REVISION,), "digest"))
    board.on_application(told.append)
    board.drop(target)
    board.drop(target)
    assert told == [HELLO]
    assert board.outcome(target) is board.recorded(target) is None
    assert not board.snapshot().outcomes
    assert not board.snapshot().recorded


def test_reach_is_told_to_subscribers_of_clusters_alone_and_not_for_being_seen_again() -> None:
    board, applications, clusters = Board(), [], []
    board.put(outcome("eu-1"))
    board.on_application(applications.append)
    board.on_cluster(clusters.append)
    board.reach(Reach("eu-1", reachable=True, since=1.0, seen=1.0))
    board.reach(Reach("eu-1", reachable=True, since=1.0, seen=9.0))
    board.reach(Reach("eu-1", reachable=False, since=10.0, seen=9.0))
    assert clusters == ["eu-1", "eu-1"]
    assert applications == []


def test_forgotten_cluster_takes_its_targets_along() -> None:
    board, told = Board(), []
    board.put(outcome("eu-1"))
    board.put(outcome("us-1"))
    board.reach(Reach("eu-1", reachable=True, since=1.0))
    board.on_application(told.append)
    board.forget("eu-1")
    assert [one.target.cluster for one in board.outcomes(HELLO)] == ["us-1"]
    assert board.reach_of("eu-1") is None
    assert told == [HELLO]


def test_keeps_at_most_twenty_faults_a_target_and_says_how_many_there_are() -> None:
    board = Board()
    faults = tuple(
        Fault(ObjectRef("", "ConfigMap", "hello", f"c-{n}"), "Invalid", "does not validate")
        for n in range(75)
    )
    board.put(replace(outcome("eu-1"), faults=faults))
    kept = board.outcomes(HELLO)[0].faults
    assert len(kept) == MOST
    assert kept[-1].text == "and 56 faults more"
    assert not kept[-1].transient


def test_times_go_with_what_they_are_the_times_of() -> None:
    now = [5.0]
    board = Board(lambda: now[0])
    assert board.started == 5.0
    now[0] = 7.0
    board.put(outcome("eu-1"))
    board.reconciled(HELLO, Told((Fault(None, "PathNotFound", "gone"),)))
    assert board.since(TargetKey(HELLO, "eu-1")).state.at == board.since(HELLO).faults.at == 7.0
    assert board.told(HELLO).faults[0].text == "gone"
    board.gone(HELLO)
    assert board.since(TargetKey(HELLO, "eu-1")).state.at == board.since(HELLO).faults.at == 0.0
    assert board.told(HELLO) == Told()
    assert board.outcomes(HELLO) == ()


def test_what_is_cut_short_still_says_which_request_it_answers() -> None:
    board = Board()
    many = tuple(Fault(None, "Bad", f"fault {number}") for number in range(MOST + 5))
    board.put(replace(outcome("eu-1"), faults=many, findings=Findings(answered="now", render="key")))
    (kept,) = board.outcomes(HELLO)
    assert len(kept.faults) == MOST
    assert (kept.findings.answered, kept.findings.render) == ("now", "key")
