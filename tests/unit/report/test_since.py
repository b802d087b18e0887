"""Times move when what they are the time of moves, and then only."""

from __future__ import annotations

from dataclasses import replace

from fleet.model import (
    ApplicationKey,
    Counts,
    Fault,
    Health,
    Hold,
    Holding,
    ObjectRef,
    Outcome,
    Revision,
    Sync,
    TargetKey,
)
from fleet.report.since import Since, Stamp, Stamps

KEY = TargetKey(ApplicationKey("a", "b"), "eu")
WELL = Outcome(KEY, (Revision("repo", "1" * 40),), Sync.SYNCED, Health.HEALTHY, at=1.0)
FAULT = Fault(ObjectRef("", "ConfigMap", "n", "a"), "Invalid", "words", "data")


def test_what_is_seen_first_and_was_not_written_just_then_is_older() -> None:
    since = Since()
    assert since.of(KEY) == Stamps()
    since.outcome(WELL, 10.0)
    assert since.of(KEY).state == Stamp(10.0, early=True)
    since.forget(KEY)
    since.outcome(replace(WELL, counts=Counts(created=1)), 20.0)
    assert since.of(KEY).state == Stamp(20.0)


def test_each_time_moves_by_itself() -> None:
    since = Since()
    since.outcome(WELL, 10.0)
    since.outcome(replace(WELL, at=9.0, counts=Counts(unchanged=3)), 20.0)
    assert since.of(KEY) == Stamps(*[Stamp(10.0, early=True)] * 3)
    since.outcome(replace(WELL, faults=(FAULT,)), 30.0)
    since.outcome(replace(WELL, faults=(replace(FAULT, text="other words"),)), 40.0)
    assert since.of(KEY).faults == Stamp(30.0)
    held = replace(WELL, faults=(FAULT,), holds=(Holding(Hold.MANUAL, "1"),))
    since.outcome(held, 50.0)
    since.outcome(replace(held, holds=(Holding(Hold.MANUAL, "2"),), health=Health.DEGRADED), 60.0)
    assert since.of(KEY) == Stamps(Stamp(30.0), Stamp(50.0), Stamp(60.0))


def test_applications_have_times_of_their_own() -> None:
    since = Since()
    since.application(KEY.application, (), (), "render", 10.0)
    since.application(KEY.application, (FAULT,), (), "render", 20.0)
    assert since.of(KEY.application) == Stamps(Stamp(20.0), Stamp(10.0, early=True), Stamp(10.0, early=True))
    assert since.of(KEY) == Stamps()
