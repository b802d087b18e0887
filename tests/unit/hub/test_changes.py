"""When a change may prune: who has to have rendered before."""

from fleet.hub.changes import Changes
from fleet.model import ApplicationKey, ChangeId

A, B, C, ANOTHER = (ApplicationKey("hub", name) for name in ("a", "b", "c", "another"))


def waiting(changes: Changes, change: ChangeId | None) -> tuple[ApplicationKey, ...] | None:
    """Who has not rendered yet of a change, as one sees it whom nothing concerns; None where it is closed."""
    names = changes.awaited(ANOTHER, change)
    assert (change is not None and changes.open(change)) is (names is not None)
    return None if names is None else names()


def test_a_change_is_open_until_all_whom_it_concerns_have_settled():
    changes, released = Changes(), []
    changes.released = lambda: released.append(1)
    change = changes.arrive("r", [A, B])
    changes.settle(A)
    assert waiting(changes, change) == (B,)
    changes.settle(B)
    assert waiting(changes, change) is None
    assert released == [1]


def test_commits_of_which_it_is_not_known_whom_they_concern_hold_those_who_render_them():
    changes, released = Changes(), []
    changes.released = lambda: released.append(1)
    changes.begin("r")
    change = changes.arriving("r")
    assert waiting(changes, change) == ()
    changes.settle(A)
    assert changes.arrive("r", [B]) == change
    assert waiting(changes, change) == (B,)
    changes.settle(B)
    assert waiting(changes, change) is None
    assert released == [1]


def test_commits_that_concern_nobody_free_those_who_waited():
    changes, released = Changes(), []
    changes.released = lambda: released.append(1)
    changes.begin("r")
    assert changes.arrive("r", []) is None
    assert released == []
    changes.begin("r")
    change = changes.arriving("r")
    changes.arrive("r", [])
    assert waiting(changes, change) is None
    assert released == [1]


def test_who_is_enlisted_takes_part_in_the_changes_of_the_other_alone():
    changes = Changes()
    mine, other = changes.arrive("r", [A]), changes.arrive("s", [B])
    changes.enlist(A, C)
    changes.settle(A)
    assert waiting(changes, mine) == (C,)
    assert waiting(changes, other) == (B,)


def test_who_leaves_with_a_change_waits_for_all_whom_it_concerns() -> None:
    changes, freed = Changes(), []
    changes.freed = freed.append
    changes.arrive("r", [])
    changes.arrive("r", [A, B])
    changes.leave(A, C)
    changes.looked(B)
    changes.settle(A)
    assert changes.leaves(C) == (B,)
    changes.settle(B)
    assert changes.leaves(C) is None
    assert freed == [C]


def test_who_leaves_does_not_wait_for_a_parent_that_waits_for_it() -> None:
    changes, freed = Changes(), []
    changes.freed = freed.append
    changes.arrive("r", [])
    changes.arrive("r", [A, B])
    changes.leave(A, C)
    assert changes.leaves(C) == (A, B)
    changes.parents = lambda key: frozenset({A}) if key == C else frozenset()
    assert changes.leaves(C) == (B,)
    changes.settle(B)
    assert changes.leaves(C) is None
    assert freed == [C]


def test_at_the_first_look_it_waits_only_until_each_has_been_looked_at() -> None:
    changes, freed = Changes(), []
    changes.freed = freed.append
    changes.first("r", [A, B], [], [C])
    changes.settle(A)
    assert changes.leaves(C) == (B,)
    changes.looked(B)
    assert changes.leaves(C) is None
    assert freed == [C]


def test_whoever_is_the_last_to_be_looked_at_frees_them() -> None:
    changes, freed = Changes(), []
    changes.freed = freed.append
    changes.first("r", [A, B], [], [C])
    changes.looked(B)
    assert freed == []
    changes.settle(A)
    assert freed == [C]
    assert changes.leaves(C) is None


def test_a_repository_has_commits_coming_until_it_is_known_whom_they_concern():
    changes = Changes()
    changes.begin("r")
    assert changes.coming("r")
    assert not changes.coming("other")
    changes.arrive("r", [A])
    assert not changes.coming("r")


def test_who_has_settled_is_still_concerned_until_the_change_is_closed():
    changes = Changes()
    change = changes.arrive("r", [A, B])
    changes.settle(A)
    assert changes.of(A) == change
    changes.settle(B)
    assert changes.of(A) is None


def test_a_change_outlasts_later_ones_that_do_not_concern_whom_it_waits_for():
    changes = Changes()
    changes.arrive("r", [C])
    changes.settle(C)
    change = changes.arrive("r", [A, B])
    changes.arrive("r", [C])
    changes.settle(C)
    assert waiting(changes, change) == (A, B)


def test_the_first_look_after_a_start_ends_with_a_later_change_that_is_fully_rendered():
    changes, freed = Changes(), []
    changes.freed = freed.append
    changes.first("r", [A, B], [A], [C])
    first = changes.of(A)
    assert first is not None
    assert waiting(changes, first) == (B,)
    assert changes.leaves(C) == (B,)
    changes.arrive("r", [A])
    changes.settle(A)
    assert waiting(changes, first) is None
    assert changes.leaves(C) is None
    assert freed == [C]


def test_who_leaves_a_cluster_after_a_start_waits_until_everybody_has_been_looked_at_and_is_woken():
    changes, freed = Changes(), []
    changes.freed = freed.append
    changes.first("r", [A, B, C], [A], [])
    assert changes.unlooked(A)
    changes.settle(B)
    assert changes.unlooked(A)
    assert freed == []
    changes.looked(C)  # it does not render: nobody waits for that
    assert freed == [A]
    assert not changes.unlooked(A)
