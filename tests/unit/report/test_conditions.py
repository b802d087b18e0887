"""Conditions as the API stores them."""

from __future__ import annotations

from fleet.report.conditions import Condition, dated


def test_standing_conditions_come_first_the_others_by_name() -> None:
    given = [Condition(kind, "True", "Why") for kind in ("Zeal", "Stalled", "Alarm", "Ready", "Reconciling")]
    told = dated(given, None, generation=3, now=0.0)
    assert [one["type"] for one in told] == ["Ready", "Reconciling", "Stalled", "Alarm", "Zeal"]
    assert {one["observedGeneration"] for one in told} == {3}


def test_time_stays_with_the_status_whatever_reason_and_message_do() -> None:
    before = dated([Condition("Ready", "False", "A", "a")], None, generation=1, now=0.0)
    same = dated([Condition("Ready", "False", "B", "b")], before, generation=2, now=60.0)
    flipped = dated([Condition("Ready", "True", "B", "b")], before, generation=2, now=60.0)
    assert same[0]["lastTransitionTime"] == "1970-01-01T00:00:00Z"
    assert flipped[0]["lastTransitionTime"] == "1970-01-01T00:01:00Z"


def test_a_list_that_somebody_spoilt_is_no_obstacle() -> None:
    for spoilt in ("x", [1, {"type": 5}, {"type": "Ready", "status": "True", "lastTransitionTime": 7}], {}):
        told = dated([Condition("Ready", "True", "A")], spoilt, generation=1, now=0.0)
        assert told[0]["lastTransitionTime"] == "1970-01-01T00:00:00Z"
