"""Numbers of a store are the text that somebody wrote."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.secrets import number
from fleet.secrets.number import Number
from fleet.secrets.stores import value

NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,4})?", fullmatch=True)


@given(NUMBERS)
def test_a_number_comes_out_as_it_was_written_wherever_it_stands(text: str) -> None:
    found = number.loads(f'{{"n": {text}, "deep": {{"list": [{text}]}}, "json": "{{\\"n\\":{text}}}"}}')
    assert value.pick(found, "n").decode() == text
    assert value.pick(found, "deep.list.0").decode() == text
    assert value.pick(found, "deep").decode() == f'{{"list":[{text}]}}'
    inner = value.mapping(found["json"])
    assert inner is not None
    assert value.octets(inner["n"]).decode() == text


def test_one_of_many_digits_is_read_at_once_and_whole() -> None:
    text = "7" * 100_000
    assert value.octets(number.loads(text)).decode() == text


def test_numbers_and_texts_that_look_alike_are_told_apart() -> None:
    written = [
        '{"a": 1.50}',
        '{"a": 1.5}',
        '{"a": "1.50"}',
        '{"a": 15}',
        '{"a": 123456789012345678901234567890}',
    ]
    assert len({number.canonical(number.loads(one)) for one in written}) == len(written)
    assert number.canonical(number.loads('{"b": 1.0, "a": 2}')) == number.canonical(
        number.loads('{"a": 2, "b": 1.0}')
    )


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "{", "1.", "01"])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (any kind; its text is not told)
        number.loads(text)


def test_what_is_nested_too_deep_is_refused_like_what_is_no_json() -> None:
    with pytest.raises(number.TooDeep):
        number.loads("[" * 100_000 + "]" * 100_000)
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(number.TooDeep):
        number.canonical(deep)


@pytest.mark.parametrize("text", ['["\\ud800"]', f"[{'7' * 40}]", "[1e400]"])
def test_whatever_reads_can_be_digested(text: str) -> None:
    assert number.canonical(number.loads(text)) != number.canonical(number.loads("[1]"))


def test_no_representation_holds_a_number() -> None:
    assert "1.5" not in repr(Number("1.5"))
