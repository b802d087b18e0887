"""One target, joined with whether its cluster answers."""

from __future__ import annotations

from dataclasses import replace

from fleet.model import (
    ApplicationKey,
    Fault,
    Health,
    Hold,
    Holding,
    Outcome,
    Reach,
    Revision,
    Sync,
    TargetKey,
)
from fleet.report.standing import Standing, fold, stand, turns

OUTCOME = Outcome(
    TargetKey(ApplicationKey("a", "b"), "eu-1"), (Revision("repo", "c" * 40),), Sync.SYNCED, Health.HEALTHY
)
DARK = Reach("eu-1", reachable=False, since=100.0)


def test_a_dark_cluster_is_unknown_after_the_grace_and_at_once_where_none_is_given() -> None:
    assert stand("eu-1", OUTCOME, DARK, now=159.0).well
    assert stand("eu-1", OUTCOME, DARK, now=160.0).sync is Sync.UNKNOWN
    assert stand("eu-1", OUTCOME, DARK, now=100.0, grace=0.0).health is Health.UNKNOWN
    assert stand("eu-1", OUTCOME, replace(DARK, reachable=True), now=900.0).well


def test_without_an_outcome_it_is_not_yet_synced_or_silent() -> None:
    assert stand("eu-1", None, None, now=1.0).reason == "NotYetSynced"
    assert stand("eu-1", None, DARK, now=101.0).reason == "ClusterUnreachable"


def test_hard_faults_come_before_transient_ones_and_faults_before_holds() -> None:
    faults = (Fault(None, "Conflict", "", transient=True), Fault(None, "Invalid", ""))
    holds = (Holding(Hold.HOOKS, ""), Holding(Hold.CONTESTED, ""))
    assert stand("eu-1", replace(OUTCOME, faults=faults, holds=holds), None, now=1.0).reason == "Invalid"
    assert stand("eu-1", replace(OUTCOME, holds=holds), None, now=1.0).reason == "Contested"


def test_the_worst_wins() -> None:
    good = Standing("a", Sync.SYNCED, Health.HEALTHY)
    assert fold([]) == (Sync.UNKNOWN, Health.UNKNOWN)
    assert fold([good, Standing("b", Sync.OUT_OF_SYNC, Health.PROGRESSING)]) == (
        Sync.OUT_OF_SYNC,
        Health.PROGRESSING,
    )


def test_the_next_turn_is_told_in_seconds() -> None:
    assert turns([DARK, replace(DARK, since=90.0)], now=110.0) == 40.0
    assert turns([replace(DARK, reachable=True)], now=110.0) is None
    assert turns([DARK], now=200.0) is None
