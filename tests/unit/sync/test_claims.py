"""Who may hold an object that several targets want (H3)."""

from __future__ import annotations

import time

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from fleet.model import ApplicationKey, ObjectRef, TargetKey
from fleet.sync.claims import Claims
from fleet.sync.sets import set_id

A, B, C = (TargetKey(ApplicationKey("team", name), "eu-1") for name in "abc")
X, Y = (ObjectRef("", "ConfigMap", "team", name) for name in "xy")


def claims(*registered: tuple[TargetKey, float, list[ObjectRef]]) -> Claims:
    made = Claims()
    for target, born, refs in registered:
        made.register(target, born, refs)
    return made


def test_an_object_of_one_claimant_is_its_own() -> None:
    split = claims((A, 1, [X])).split(A, [X], {})
    assert split.mine == {X}
    assert not split.others


def test_the_oldest_application_has_the_better_claim() -> None:
    held = claims((A, 2, [X]), (B, 1, [X]))
    assert held.holder(X) == B
    assert held.split(A, [X], {}).others == {X: B}
    assert held.split(B, [X], {}).mine == {X}


def test_of_equal_age_the_name_decides() -> None:
    assert claims((B, 1, [X]), (A, 1, [X])).holder(X) == A


def test_who_holds_the_live_object_goes_before_age() -> None:
    held = claims((A, 2, [X]), (B, 1, [X]))
    assert held.split(A, [X], {X: set_id(A)}).mine == {X}
    assert held.split(B, [X], {X: set_id(A)}).others == {X: A}


def test_a_live_object_of_a_set_that_nobody_here_claims_goes_by_age() -> None:
    held = claims((A, 2, [X]), (B, 1, [X]))
    assert held.split(B, [X], {X: "applyset-gone-v1"}).mine == {X}


def test_a_move_waits_until_the_former_owner_lets_go() -> None:
    """Walk (d): X moves from A to B in one commit; B is rendered first."""
    held = claims((A, 1, [X, Y]))
    live = {X: set_id(A), Y: set_id(A)}
    held.register(B, 2, [X])
    assert held.split(B, [X], live).others == {X: A}
    held.register(A, 1, [Y])
    assert held.split(B, [X], live).mine == {X}
    assert held.others(X, A), "so that A does not prune what B takes over"
    assert not held.others(Y, A)


def test_a_dropped_target_leaves_its_objects_to_the_next() -> None:
    held = claims((A, 1, [X]), (B, 2, [X]), (C, 3, [X]))
    held.drop(A)
    assert held.holder(X) == B
    held.drop(B)
    held.drop(C)
    assert held.holder(X) is None
    assert not held.others(X, A)


def test_dropping_who_never_claimed_is_nothing() -> None:
    held = claims((A, 1, [X]))
    held.drop(B)
    assert held.holder(X) == A


def test_fifty_thousand_objects_are_registered_and_split_at_once() -> None:
    refs = [ObjectRef("", "ConfigMap", "team", f"n{number}") for number in range(50_000)]
    held = claims((B, 1, refs[:10]))
    begun = time.process_time()
    held.register(A, 1, refs)
    held.register(A, 1, refs)
    split = held.split(A, refs, {})
    assert time.process_time() - begun < 1.0
    assert len(split.mine) == 50_000


class Model(RuleBasedStateMachine):
    """Claims against the rule said plainly."""

    def __init__(self) -> None:
        super().__init__()
        self.claims = Claims()
        self.plain: dict[TargetKey, tuple[float, frozenset[ObjectRef]]] = {}

    targets = st.sampled_from([A, B, C])
    refs = st.frozensets(st.sampled_from([X, Y]))

    @rule(claimant=targets, born=st.sampled_from([1.0, 2.0]), refs=refs)
    def register(self, claimant: TargetKey, born: float, refs: frozenset[ObjectRef]) -> None:
        self.claims.register(claimant, born, refs)
        self.plain[claimant] = (born, refs)

    @rule(claimant=targets)
    def drop(self, claimant: TargetKey) -> None:
        self.claims.drop(claimant)
        self.plain.pop(claimant, None)

    @invariant()
    def the_holder_is_the_best_claimant(self) -> None:
        for ref in (X, Y):
            for live in ("", set_id(A), set_id(C), "applyset-other-v1"):
                ranked = sorted(
                    (set_id(target) != live, born, target)
                    for target, (born, refs) in self.plain.items()
                    if ref in refs
                )
                assert self.claims.holder(ref, live) == (ranked[0][2] if ranked else None)

    @invariant()
    def others_are_all_but_oneself(self) -> None:
        for ref in (X, Y):
            for target in (A, B, C):
                others = [one for one, (_, refs) in self.plain.items() if ref in refs and one != target]
                assert self.claims.others(ref, target) == bool(others)

    @invariant()
    def nothing_is_kept_of_what_nobody_claims(self) -> None:
        claimed = frozenset().union(*(refs for _, refs in self.plain.values()))
        assert set(self.claims._first) == claimed
        assert set(self.claims._more) <= claimed


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)


@given(born=st.lists(st.integers(0, 3), min_size=3, max_size=3))
def test_exactly_one_target_may_apply_an_object(born: list[int]) -> None:
    held = claims(*((target, age, [X]) for target, age in zip((A, B, C), born, strict=True)))
    assert sum(X in held.split(target, [X], {}).mine for target in (A, B, C)) == 1
