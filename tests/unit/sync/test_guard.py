"""How much one change may delete unconfirmed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet import names
from fleet.model import Hold, ObjectRef, Thresholds
from fleet.sync import guard
from fleet.sync.guard import Tally

X = ObjectRef("", "ConfigMap", "team", "x")


def tally(count: int, total: int, percent: int = 20, most: int = 5) -> Tally:
    return Tally(count, total, "objects", Thresholds(percent, most))


@pytest.mark.parametrize(
    ("count", "total", "held"),
    [(5, 5, False), (6, 30, False), (6, 29, True), (7, 30, True), (6, 6, True), (0, 0, False)],
)
def test_held_is_what_is_more_than_the_share_and_more_than_the_count(
    count: int,
    total: int,
    held: bool,  # noqa: FBT001 (a column of the table)
) -> None:
    assert tally(count, total).exceeds is held


def test_a_hundred_percent_holds_nothing_and_zero_holds_what_is_more_than_the_count() -> None:
    assert not tally(50, 50, percent=100).exceeds
    assert tally(1, 1000, percent=0, most=0).exceeds


def test_a_small_set_with_something_precious_in_it_needs_a_word() -> None:
    why = guard.reasons([tally(1, 100)], {"eu: Namespace shared": "holds what others made"})
    assert why == ("eu: Namespace shared holds what others made",)
    assert guard.reasons([tally(1, 100)], {}) == ()


lines = st.sets(st.text("abc: ", min_size=1, max_size=6), min_size=1, max_size=6)


@given(one=lines, other=lines)
def test_a_digest_names_exactly_one_set(one: set[str], other: set[str]) -> None:
    assert (guard.digest(one) == guard.digest(other)) is (one == other)
    assert guard.digest(sorted(one)) == guard.digest(sorted(one, reverse=True))


def test_the_hold_lists_the_set_and_says_how_to_let_it_through() -> None:
    many = [guard.line("eu", X._replace(name=f"n{number:02}")) for number in range(12)]
    held = guard.holding(many, ["12 of 12 objects would go"], "fleethub app confirm hub/app", (X,))
    assert (held.hold, held.refs, held.digest) == (Hold.DELETION_HELD, (X,), guard.digest(many))
    for word in ("12 of 12", "eu: ConfigMap team/n00", "and 2 more", "fleethub app confirm hub/app"):
        assert word in held.text
    assert f"{names.CONFIRM}: {held.digest}" in held.text


def test_what_the_hub_itself_holds_is_named_without_a_cluster() -> None:
    assert guard.line(names.HUB_CLUSTER, X) == "ConfigMap team/x"
