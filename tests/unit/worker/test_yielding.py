"""Seals stand back for what is urgent, and are not put off for ever."""

from __future__ import annotations

from fleet.worker.yielding import CALM, TRICKLE, Yielding


def test_nothing_holds_a_seal_where_nothing_is_urgent() -> None:
    yielding = Yielding()
    for _ in range(1000):
        assert yielding.free(100.0) == 100.0
        yielding.sealing(100.0)


def test_seals_stand_back_for_a_moment_after_something_urgent() -> None:
    yielding = Yielding()
    yielding.urgent(100.0)
    yielding.sealing(100.0)
    assert yielding.free(100.0 + TRICKLE / 2) == 100.0 + TRICKLE
    yielding.urgent(100.0 + TRICKLE)
    yielding.sealing(100.0 + TRICKLE + CALM)
    assert yielding.free(100.0 + TRICKLE + CALM) == 100.0 + TRICKLE + CALM


def test_under_commits_without_end_a_seal_goes_now_and_then() -> None:
    yielding = Yielding()
    gone = 0
    for step in range(1000):
        now = 100.0 + step / 100
        yielding.urgent(now)
        if yielding.free(now) == now:
            yielding.sealing(now)
            gone += 1
    assert 10 / TRICKLE * 0.8 <= gone <= 10 / TRICKLE
