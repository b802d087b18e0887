"""Patterns of namespaces, against Python's own regular expressions where both read them."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.secrets.stores import pattern

ATOM = st.sampled_from(["a", "b", "-", ".", "[ab]", "[^a]", "[a-c0-9]", r"\.", r"\d", r"\w", r"\-", "[a-]"])
PIECE = st.tuples(ATOM, st.sampled_from(["", "*", "+", "?"])).map("".join)
BRANCH = st.tuples(
    st.sampled_from(["", "^"]), st.lists(PIECE, max_size=5).map("".join), st.sampled_from(["", "$"])
).map("".join)
PATTERN = st.lists(BRANCH, min_size=1, max_size=3).map("|".join)


@given(PATTERN, st.text("abc-.0", max_size=8))
def test_a_pattern_matches_what_a_regular_expression_matches(text: str, name: str) -> None:
    wanted = re.search(text.replace("$", r"\Z"), name) is not None
    assert pattern.read(text).matches(name) is wanted


@pytest.mark.parametrize(
    "text",
    [
        "(a)",
        "a{2}",
        "(a+)+$",
        "a**",
        "*",
        "a*?",
        "[",
        "[]",
        "[[:alpha:]]",
        "(?i)a",
        r"\b",
        "a^",
        "a$b",
        "\\",
        "[b-a]",
        "a" * 600,
        "ä",
    ],
)
def test_what_is_beyond_plain_patterns_is_told_without_being_repeated(text: str) -> None:
    with pytest.raises(ValueError, match=r"holds|longer") as refused:
        pattern.read(text)
    assert text == "*" or text not in str(refused.value) or len(text) < 2


def test_a_pattern_cannot_be_made_to_take_long() -> None:
    hostile = pattern.read("^" + "a*" * 250 + "b$")
    begin = time.perf_counter()
    assert not hostile.matches("a" * 63)
    assert time.perf_counter() - begin < 2
