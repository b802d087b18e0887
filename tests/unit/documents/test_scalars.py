"""What plain scalars mean."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.documents import scalars
from fleet.documents.limits import Refused


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("y", True),
        ("Off", False),
        ("~", None),
        ("0755", 493),
        ("08", 8),
        ("1_000", 1000),
        ("1234567e8", 123456700000000),
        ("22:22", "22:22"),
        ("2001-01-01", "2001-01-01"),
        ("1e400", "1e400"),
        ("18446744073709551615", 18446744073709551615),
        ("18446744073709551616", 18446744073709552000),
        ("1e21", 1e21),
        ("3.0", 3),
        ("0.5", 0.5),
        ("yEs", "yEs"),
        ("9" * 5000, "9" * 5000),
        ("0" * 80 + "7", 7),
    ],
)
def test_a_plain_scalar_means_what_kubectl_takes_it_for(text: str, meaning: object) -> None:
    assert scalars.plain(text) == meaning
    assert type(scalars.plain(text)) is type(meaning)


@pytest.mark.parametrize(
    ("text", "key"), [("y", "true"), ("0x10", "16"), ("n", "false"), ("a", "a"), ("-1", "-1")]
)
def test_truth_values_and_integers_become_strings_as_keys(text: str, key: str) -> None:
    assert scalars.key(text) == key


@pytest.mark.parametrize("text", ["~", "", "1.5", "1e3", "18446744073709551615", ".inf"])
def test_null_floats_and_too_large_integers_are_no_keys(text: str) -> None:
    with pytest.raises(Refused, match="quote it"):
        scalars.key(text)


@pytest.mark.parametrize("text", [".inf", "-.INF", ".nan"])
def test_a_number_must_be_finite(text: str) -> None:
    with pytest.raises(Refused, match="finite"):
        scalars.plain(text)


@given(st.text(alphabet="0123456789+-._eExXbBoOaAfFyYnN~TtrRuUlLsSiI:"))
def test_every_plain_scalar_has_a_value_that_json_can_hold(text: str) -> None:
    try:
        value = scalars.plain(text)
    except Refused:
        assert text.lower().lstrip("+-") in (".inf", ".nan")
    else:
        assert json.loads(json.dumps(value, allow_nan=False)) == value


@given(st.integers(min_value=-(1 << 70), max_value=1 << 70))
def test_a_decimal_integer_is_exact_up_to_64_bits(number: int) -> None:
    value = scalars.integer(str(number))
    if -scalars.INT64 <= number < scalars.UINT64:
        assert value == number
    else:
        assert float(value) == float(number)
