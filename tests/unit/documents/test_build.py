"""One document built from libyaml's events: merges, aliases, keys, the budget."""

from __future__ import annotations

import pytest

from fleet.documents.build import Builder
from fleet.documents.limits import Budget, Limits, Refused


def _build(text: str, limits: Limits | None = None) -> object:
    found = Builder(Budget(limits or Limits())).document(text)
    return None if found is None else found[0]


def test_a_text_without_a_document_is_nothing() -> None:
    assert _build("# nothing\n") is None


def test_an_explicit_key_after_a_merge_wins_and_one_before_it_is_refused() -> None:
    assert _build("b: &b {x: 1, y-: 2}\nc:\n  <<: *b\n  x: 3\n") == {
        "b": {"x": 1, "y-": 2},
        "c": {"x": 3, "y-": 2},
    }
    with pytest.raises(Refused, match="put '<<' first"):
        _build("b: &b {x: 1}\nc:\n  x: 3\n  <<: *b\n")


def test_the_first_of_several_merged_mappings_wins() -> None:
    assert _build("c:\n  <<: [{x: 1}, {x: 2, z: 3}]\n") == {"c": {"x": 1, "z": 3}}


@pytest.mark.parametrize("merged", ["1", "null", "[1]", "[[{a: 1}]]", "*l"])
def test_only_mappings_merge(merged: str) -> None:
    with pytest.raises(Refused, match="needs a mapping"):
        _build(f"l: &l [{{a: 1}}]\nc:\n  <<: {merged}\n")


def test_a_quoted_merge_key_is_an_ordinary_key() -> None:
    assert _build("'<<': {a: 1}\n") == {"<<": {"a": 1}}


def test_a_key_may_be_overridden_once() -> None:
    with pytest.raises(Refused, match="twice") as refused:
        _build("c:\n  <<: {a: 1}\n  a: 2\n  a: 3\n")
    assert refused.value.line == 3


def test_an_anchor_on_a_key_stands_for_the_key_s_value() -> None:
    assert _build("&k 1: a\nb: *k\n") == {"1": "a", "b": 1}
    assert _build("&k 'y': a\nb: *k\n") == {"y": "a", "b": "y"}
    assert _build("a: &k key\n*k : v\n") == {"a": "key", "key": "v"}


@pytest.mark.parametrize("text", ["? [a]\n: 1\n", "? {a: 1}\n: 1\n", "a: &l [1]\n*l : 1\n"])
def test_keys_are_scalars(text: str) -> None:
    with pytest.raises(Refused, match="must"):
        _build(text)


def test_an_alias_costs_as_much_as_what_it_stands_for() -> None:
    text = "a: &a [1, 2, 3, 4]\nb: [*a, *a, *a]\n"
    assert _build(text, Limits(nodes=30)) is not None
    with pytest.raises(Refused, match="unfolds"):
        _build(text, Limits(nodes=25))


def test_documents_of_one_file_share_the_budget() -> None:
    builder = Builder(Budget(Limits(nodes=8)))
    assert builder.document("a: [1, 2]\n") is not None
    with pytest.raises(Refused, match="unfolds"):
        builder.document("a: [1, 2]\n")
