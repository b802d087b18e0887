"""Who waits for a cluster's answers, and when whoever waits for them goes on."""

from __future__ import annotations

from fleet.hub.unready import Unready
from fleet.model import ApplicationKey

A, B, C = (ApplicationKey("hub", name) for name in "abc")


def test_who_waits_for_which_cluster_is_known_both_ways() -> None:
    unready = Unready()
    unready.put(A, frozenset({"eu", "us"}))
    unready.put(B, frozenset({"eu"}))
    unready.put(A, frozenset({"us"}))
    assert (unready.at("eu"), unready.at("us"), unready.at("asia")) == ({B}, {A}, frozenset())
    assert (unready.of(A), unready.of(C)) == ({"us"}, frozenset())
    unready.put(A, frozenset())
    unready.put(B, frozenset())
    assert (unready.at("eu"), unready.at("us")) == (frozenset(), frozenset())


def test_others_go_on_when_nobody_is_left_or_one_who_does_not_wait_for_himself() -> None:
    unready, released = Unready(), []
    unready.release = lambda: released.append(len(unready.at("eu")))
    for key in (A, B, C):
        unready.put(key, frozenset({"eu"}))
    assert released == []
    for key in (A, B, C, C):
        unready.put(key, frozenset())
    assert released == [1, 0]
