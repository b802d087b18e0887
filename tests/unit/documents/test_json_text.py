"""JSON text as kubectl reads it, and what is refused."""

from __future__ import annotations

import pytest

from fleet.documents.json_text import NotJson, document
from fleet.documents.limits import Budget, Limits, Refused


def test_values_follow_each_other() -> None:
    text = ' {"a": 1}\n[2] '
    first = document(text, 0, Budget(Limits()))
    assert first == ({"a": 1}, 0, 9)
    second = document(text, 9, Budget(Limits()))
    assert second == ([2], 1, 13)
    assert document(text, 13, Budget(Limits())) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3.0", 3),
        ("1e3", 1000),
        ("0.5", 0.5),
        ("18446744073709551615", 18446744073709551615),
        ("18446744073709551616", 18446744073709552000),
        ("-0.0", 0),
        ('"\\ud83d\\ude00"', "\U0001f600"),
    ],
)
def test_numbers_are_those_that_kubectl_sends(text: str, value: object) -> None:
    found = document(text, 0, Budget(Limits()))
    assert found is not None
    assert found[0] == value
    assert type(found[0]) is type(value)


@pytest.mark.parametrize("text", ["{a: 1}", "'x'", "{", "[1,]", "\ufeff{}"])
def test_text_that_is_no_json_is_told_apart_from_json_that_is_refused(text: str) -> None:
    with pytest.raises(NotJson):
        document(text, 0, Budget(Limits()))


@pytest.mark.parametrize("text", ['{"a":1,"a":2}', "[Infinity]", "9" * 5000, '"\\ud83d"', "[" * 5000])
def test_what_kubectl_would_guess_at_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        document(text, 0, Budget(Limits()))
