"""Where the hub is cut off: each world once, none left out."""

from __future__ import annotations

from tests.crash.scenario import Cut, cuts
from tests.stage.seams import Moment

A, B, STATUS = "eu PATCH a #1", "eu PATCH b #1", "hub PATCH x/status #1"
SURE = {A, B}


def begun(*writes: str) -> list[tuple[Moment, str]]:
    return [(Moment.BEGUN, one) for one in writes]


def ended(*writes: str) -> list[tuple[Moment, str]]:
    return [(Moment.ENDED, one) for one in writes]


def found(*moments: list[tuple[Moment, str]]) -> list[Cut]:
    return list(cuts([one for some in moments for one in some], SURE))


def test_right_after_a_write_is_right_before_the_next_and_is_cut_once() -> None:
    assert found(begun(A), ended(A), begun(B), ended(B)) == [Cut(A, False), Cut(B, False), Cut(B, True)]


def test_what_leaves_together_is_cut_before_each_and_after_the_last_answer() -> None:
    assert found(begun(A, B), ended(B, A)) == [Cut(A, False), Cut(B, False), Cut(A, True)]


def test_what_somebody_else_does_in_between_makes_two_worlds_of_one() -> None:
    acted = [(Moment.ACTED, "")]
    every = [Cut(A, False), Cut(A, True), Cut(B, False), Cut(B, True)]
    assert found(begun(A), ended(A), acted, begun(B), ended(B)) == every


def test_before_a_write_that_not_every_run_makes_the_last_is_cut_after() -> None:
    every = [Cut(A, False), Cut(A, True), Cut(B, False), Cut(B, True)]
    assert found(begun(A), ended(A), begun(STATUS), ended(STATUS), begun(B), ended(B)) == every
