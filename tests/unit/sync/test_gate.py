"""When a target must not prune (H2, H17)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet import names
from fleet.model import ApplicationKey, Fault, GroupKind, Hold, ObjectRef
from fleet.sync.gate import Contents, Prune, PruneFacts, holds, precious

X = ObjectRef("", "ConfigMap", "team", "x")
FREE = PruneFacts(stale=(X,), desired=3, prune=Prune(enabled=True))
FAULT = Fault(X, "InvalidManifest", "a.yaml, document 1: no mapping")


def reasons(facts: PruneFacts) -> list[Hold]:
    return [holding.hold for holding in holds(facts)]


def test_a_target_of_which_all_is_known_may_prune() -> None:
    assert holds(FREE) == ()


@pytest.mark.parametrize(
    ("change", "hold", "says"),
    [
        ({"faults": (FAULT,)}, Hold.PRUNE_WAITS, "1 manifest cannot be used (InvalidManifest)"),
        ({"failed": (X,)}, Hold.PRUNE_WAITS, "ConfigMap team/x"),
        ({"unlisted": frozenset({GroupKind("apps", "Deployment")})}, Hold.PRUNE_WAITS, "Deployment.apps"),
        ({"stale_groups": frozenset({"metrics.k8s.io"})}, Hold.PRUNE_WAITS, "metrics.k8s.io"),
        ({"change_open": True}, Hold.PRUNE_WAITS, "the same commit"),
        ({"unrendered": (ApplicationKey("team", "b"),), "change_open": True}, Hold.PRUNE_WAITS, "team/b"),
        ({"prune": Prune()}, Hold.PRUNE_OFF, "1 object no longer in Git stays"),
        ({"desired": 0}, Hold.EMPTY, "allowEmpty"),
    ],
)
def test_each_doubt_holds_by_itself_and_says_why(change: dict[str, Any], hold: Hold, says: str) -> None:
    (holding,) = holds(replace(FREE, **change))
    assert holding.hold is hold
    assert says in holding.text
    assert holding.refs == (X,)


def test_all_doubts_are_told_together() -> None:
    facts = replace(FREE, faults=(FAULT,), failed=(X,), desired=0, prune=Prune())
    assert reasons(facts) == [Hold.PRUNE_OFF, Hold.EMPTY, Hold.PRUNE_WAITS]


def test_a_request_prunes_where_the_policy_does_not() -> None:
    assert holds(replace(FREE, prune=Prune(asked=True))) == ()


def test_a_request_does_not_empty_a_target() -> None:
    assert reasons(replace(FREE, desired=0, prune=Prune(asked=True))) == [Hold.EMPTY]
    assert holds(replace(FREE, desired=0, prune=Prune(asked=True, allow_empty=True))) == ()


def test_where_nothing_is_stale_nothing_is_held() -> None:
    assert holds(replace(FREE, stale=(), faults=(FAULT,), desired=0, prune=Prune())) == ()


def test_but_an_incomplete_list_may_hide_what_is_stale() -> None:
    facts = replace(FREE, stale=(), unlisted=frozenset({GroupKind("", "Secret")}))
    assert reasons(facts) == [Hold.PRUNE_WAITS]


def test_long_lists_are_cut() -> None:
    refs = tuple(X._replace(name=f"n{number}") for number in range(9))
    assert "and 4 more" in holds(replace(FREE, failed=refs))[0].text


doubts = st.fixed_dictionaries(
    {
        "faults": st.sampled_from([(), (FAULT,)]),
        "failed": st.sampled_from([(), (X,)]),
        "unlisted": st.sampled_from([frozenset(), frozenset({GroupKind("", "Secret")})]),
        "stale_groups": st.sampled_from([frozenset(), frozenset({"ex.dev"})]),
        "change_open": st.booleans(),
    }
)


@given(facts=doubts)
def test_pruning_is_free_only_without_any_doubt(facts: dict[str, Any]) -> None:
    assert bool(holds(replace(FREE, **facts))) == any(facts.values())


@pytest.mark.parametrize("kind", ["namespace", "crd_kind"])
def test_what_holds_others_things_is_precious(make: Any, kind: str) -> None:
    meta = make.meta(getattr(make, kind), "shared")
    assert "ConfigMap team/x" in precious(meta, Contents(complete=True, others=(X,)))


def test_so_is_what_could_not_be_looked_into(make: Any) -> None:
    assert precious(make.meta(make.namespace), Contents(complete=False))


def test_so_is_a_claim_that_is_bound(make: Any) -> None:
    meta = make.meta(make.config_map)
    claim = replace(meta, ref=meta.ref._replace(kind="PersistentVolumeClaim"))
    volume = ObjectRef("", "PersistentVolume", "", "pv-1")
    assert precious(claim, Contents(complete=True, others=(volume,))) == "is bound to PersistentVolume pv-1"
    assert not precious(claim, Contents(complete=True))


def test_an_empty_one_and_a_confirmed_one_are_not(make: Any) -> None:
    confirmed = make.meta(make.namespace, annotations={names.PRUNE: names.PRUNE_CONFIRMED})
    assert not precious(make.meta(make.namespace), Contents(complete=True))
    assert not precious(confirmed, Contents(complete=False, others=(X,)))


def test_another_word_is_no_confirmation(make: Any) -> None:
    meta = make.meta(make.namespace, annotations={names.PRUNE: "true"})
    assert precious(meta, Contents(complete=True, others=(X,)))


def test_other_kinds_are_not(make: Any) -> None:
    assert not precious(make.meta(make.config_map), Contents(complete=False))
