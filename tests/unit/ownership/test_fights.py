"""Heals that are lost again and again wait longer (H9)."""

from __future__ import annotations

from dataclasses import replace

from fleet.model import Cause, Drift
from fleet.ownership.fights import Fight, after, contested, over
from tests.unit.ownership.objects import REF

BY_HPA = Drift(REF, Cause.CHANGED, "hpa", "Update", "", ("spec.replicas",))


def lost(times: int) -> list[Fight]:
    """So many heals lost, each as soon as it was allowed."""
    fights: list[Fight] = []
    now = 100.0
    for _ in range(times):
        fights.append(after(fights[-1] if fights else None, BY_HPA, now))
        now = fights[-1].until
    return fights


def test_the_wait_grows_to_five_minutes() -> None:
    waits = [fight.until - fight.last for fight in lost(9)]
    assert waits == [0, 2, 6, 18, 54, 162, 300, 300, 300]


def test_the_third_lost_heal_is_contested_and_names_manager_and_fields() -> None:
    fights = lost(3)
    assert [contested(fight) for fight in fights] == [False, False, True]
    assert fights[-1].manager == "hpa"
    assert fights[-1].fields == ("spec.replicas",)


def test_ten_quiet_minutes_end_it_and_less_do_not() -> None:
    last = lost(4)[-1]
    assert after(last, BY_HPA, last.until + 601).count == 1
    assert after(last, BY_HPA, last.until + 599).count == 5


def test_a_fight_is_over_after_ten_quiet_minutes() -> None:
    last = lost(4)[-1]
    assert not over(last, last.until + 600)
    assert over(last, last.until + 601)


def test_another_manager_starts_another_fight() -> None:
    last = lost(4)[-1]
    other = after(last, replace(BY_HPA, manager="kubectl-edit"), last.until)
    assert (other.count, other.manager, other.until) == (1, "kubectl-edit", last.until)


def test_drift_seen_while_a_heal_waits_is_no_further_loss() -> None:
    last = lost(4)[-1]
    again = after(last, BY_HPA, last.last + 1)
    assert (again.count, again.until) == (last.count, last.until)


def test_the_wait_of_five_minutes_is_not_taken_for_quiet() -> None:
    last = lost(8)[-1]
    assert after(last, BY_HPA, last.until + 400).count == 9


def test_fields_that_are_not_known_this_time_keep_their_names() -> None:
    last = lost(1)[-1]
    assert after(last, replace(BY_HPA, fields=()), last.until).fields == ("spec.replicas",)
