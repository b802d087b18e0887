"""The bucket of each caller."""

from __future__ import annotations

from fleet.clock import Clock
from fleet.web.limit import CALLERS, Limit


def test_a_burst_then_a_rate_for_each_caller() -> None:
    clock = Clock()
    limit = Limit(clock, burst=3, rate=1)
    assert [limit.allows("a") for _ in range(5)] == [True, True, True, False, False]
    assert limit.allows("b")
    clock.advance(2)
    assert [limit.allows("a") for _ in range(3)] == [True, True, False]


def test_callers_are_bounded() -> None:
    limit = Limit(Clock(), burst=1, rate=1)
    for number in range(CALLERS * 2):
        limit.allows(str(number))
    assert len(limit._callers) == CALLERS
