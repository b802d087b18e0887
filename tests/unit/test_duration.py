"""Durations as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.duration import parse, write


@pytest.mark.parametrize(
    ("text", "seconds"), [("5s", 5), ("3m", 180), ("1h30m", 5400), ("1.5h", 5400), ("250ms", 0.25), ("0s", 0)]
)
def test_a_duration_is_read_as_seconds(text: str, seconds: float) -> None:
    assert parse(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "s", "-5s", "5 s", "5s\n", "1d", "5S"])
def test_other_forms_are_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(ValueError, match=r"^must be a duration"):
        parse(text)


@given(st.integers(min_value=0, max_value=90_000_000))
def test_what_is_written_reads_back(milliseconds: int) -> None:
    assert round(parse(write(milliseconds / 1000)) * 1000) == milliseconds
