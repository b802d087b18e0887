"""Who a cluster is, and whose, from what is recorded alone."""

from __future__ import annotations

import pytest

from fleet.clusters.identity import IdentityChanged, Registered, RegisteredTwice, elder, judge, seconds

FIRST = Registered(10.0, "eu", "uid-eu")


def test_first_contact_is_let_in() -> None:
    assert judge(Registered(10.0, "eu"), "uid-eu", ()) is None


def test_who_it_was_is_let_in_and_itself_is_no_second() -> None:
    assert judge(FIRST, "uid-eu", (FIRST,)) is None


def test_another_is_refused_by_both_names_and_what_to_do() -> None:
    problem = judge(FIRST, "uid-us", (FIRST,))
    assert isinstance(problem, IdentityChanged)
    assert all(word in problem.text for word in ("uid-us", "uid-eu", "fleethub cluster replace eu"))
    assert not problem.transient


@pytest.mark.parametrize(("uid", "admitted"), [("uid-us", True), ("uid-ap", False), ("uid-eu", True)])
def test_exactly_the_named_one_may_take_its_place(uid: str, admitted: bool) -> None:  # noqa: FBT001
    replaced = FIRST._replace(successor="uid-us")
    assert (judge(replaced, uid, (replaced,)) is None) is admitted


def test_a_successor_that_is_another_clusters_is_refused_by_its_name() -> None:
    mine = Registered(20.0, "new", "uid-new", "uid-eu")
    problem = judge(mine, "uid-eu", (FIRST, mine))
    assert isinstance(problem, RegisteredTwice)
    assert "registered as eu" in problem.text


@pytest.mark.parametrize(
    ("mine", "second"),
    [
        (Registered(11.0, "a"), True),
        (Registered(9.0, "z"), False),
        (Registered(10.0, "a"), False),
        (Registered(10.0, "z"), True),
        (Registered(11.0, "a", "uid-eu"), True),
    ],
)
def test_the_older_counts_and_of_the_same_age_the_first_by_name(mine: Registered, second: bool) -> None:  # noqa: FBT001
    problem = judge(mine, "uid-eu", (FIRST, mine))
    assert isinstance(problem, RegisteredTwice) is second
    assert (elder(mine, "uid-eu", (FIRST, mine)) is not None) is second


def test_one_that_was_never_let_in_is_nobodys_elder() -> None:
    assert judge(FIRST, "uid-eu", (Registered(1.0, "older"), FIRST)) is None


def test_of_several_that_are_one_all_but_the_oldest_are_seconds() -> None:
    known = (
        FIRST,
        Registered(11.0, "b", "uid-eu"),
        Registered(12.0, "c", "uid-eu"),
        Registered(1.0, "d", "x"),
    )
    assert seconds((*known, Registered(0.0, "unknown"))) == {"b": "eu", "c": "eu"}
