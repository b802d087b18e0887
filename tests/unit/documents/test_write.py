"""YAML that reads back as the same value."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.documents.read import value
from fleet.documents.write import yaml
from fleet.model import Sync

_TEXT = st.text(
    alphabet=st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from("\n\t -:#'\"")
) | st.text(alphabet="0123456789+-._eExXyYnN~", max_size=8)
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.floats(-1e9, 1e9).map(lambda f: f + 0.0)
    | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(_JSON.filter(lambda item: item is not None))
def test_what_is_written_reads_back_as_the_same_value(tree: Any) -> None:
    assert value(yaml(tree).encode(), path="a.yaml") == tree


@pytest.mark.parametrize(
    "text",
    ["y", "on", "1e3", "1_000", "0o17", "1234567e8", "22:22", "2001-01-01", ".inf", "~", "", "<<", "="],
)
def test_a_string_that_looks_like_another_type_stays_a_string(text: str) -> None:
    assert value(yaml({text: text}).encode(), path="a.yaml") == {text: text}


def test_text_is_plain_where_it_can_be_and_a_block_where_it_has_lines() -> None:
    tree = {
        "name": "web",
        "replicas": 3,
        "on": "off",
        "script": "a\nb\n",
        "none": None,
        "long": "x " * 100 + "x",
    }
    assert yaml(tree) == (
        'name: web\nreplicas: 3\n"on": "off"\nscript: |\n  a\n  b\nnone: null\nlong: ' + "x " * 100 + "x\n"
    )


def test_keys_keep_their_order_and_shared_values_are_written_twice() -> None:
    shared = {"x": 1}
    assert yaml({"b": shared, "a": shared}) == "b:\n  x: 1\na:\n  x: 1\n"


def test_words_of_an_enum_are_strings() -> None:
    assert yaml({"sync": Sync.SYNCED}) == "sync: Synced\n"


def test_what_json_cannot_hold_is_refused() -> None:
    with pytest.raises(TypeError):
        yaml({"a": object()})
