"""Sentences."""

from __future__ import annotations

from fleet.model import Fault, Hold, Holding, ObjectRef
from fleet.report import words

WEB = ObjectRef("apps", "Deployment", "hello", "web")


def test_lists_are_short() -> None:
    assert [words.listed(list("abcdefgh"[:n])) for n in (0, 1, 2, 3)] == ["", "a", "a and b", "a, b and c"]
    assert words.listed(list("abcdefgh")) == "a, b, c, d, e and 3 more"


def test_equal_texts_of_several_clusters_share_a_sentence_in_a_fixed_order() -> None:
    told = [("us-1", "no"), ("eu-1", "no"), ("@hub", "odd"), ("", "plain")]
    assert words.joined(told) == words.joined(reversed(told))
    assert words.joined(told) == "no (on eu-1 and us-1); odd (on the hub); plain"


def test_an_object_is_named_once() -> None:
    assert words.of_fault(Fault(WEB, "Invalid", "is wrong", "spec.x")) == (
        "Deployment.apps hello/web: spec.x: is wrong"
    )
    named = Fault(WEB, "Invalid", f"{WEB}: spec.x is wrong", "spec.x")
    assert words.of_fault(named) == named.text
    assert words.of_holding(Holding(Hold.HOOKS, f"{WEB} is a hook", (WEB,))) == f"{WEB} is a hook"


def test_cuts_keep_characters_whole_and_the_limit() -> None:
    assert words.cut("a" * 2000) == "a" * 999 + "…"
    cut = words.cut_bytes("ü" * 80, 100)
    assert len(cut.encode()) <= 100
    assert cut.endswith("ü~")


def test_reasons_are_words() -> None:
    assert [words.reason(text) for text in ("Invalid", "No such thing!", "9", "")] == [
        "Invalid",
        "Nosuchthing",
        "Error",
        "Error",
    ]
