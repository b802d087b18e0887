"""Values out of what a store gave; JSON is compared with the template engine's, which is proven against Helm."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.secrets.stores import value
from fleet.secrets.template.encoding import to_json
from fleet.secrets.template.limits import Budget

SCALAR = (
    st.none()
    | st.booleans()
    | st.integers(-(2**62), 2**62)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
)
JSON = st.recursive(
    SCALAR,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
)
HELD: dict[str, Any] = {
    "a": "text",
    "a.b": "literal",
    "n": {"b": {"c": "deep"}, "x.y": "dotted", "list": ["zero", {"k": 1}], "*": "star"},
    "whole": 12345678901234567890,
    "half": 1.5,
    "one": 1.0,
    "huge": 1e22,
    "tiny": 1e-7,
    "yes": True,
    "none": None,
    "empty": "",
}


@pytest.mark.parametrize(
    ("property_", "wanted"),
    [
        ("a", b"text"), ("a.b", b"literal"), ("n.b.c", b"deep"), (r"n.x\.y", b"dotted"), ("n.list.0", b"zero"),
        ("n.list.1.k", b"1"), ("n.list", b'["zero",{"k":1}]'), ("n.b", b'{"c":"deep"}'), (r"n.\*", b"star"),
        ("whole", b"12345678901234567890"), ("half", b"1.5"), ("one", b"1"), ("huge", b"10000000000000000000000"),
        ("tiny", b"0.0000001"), ("yes", b"true"), ("none", b""), ("empty", b""),
    ],
)  # fmt: skip
def test_a_property_is_found_by_name_first_and_by_path_then(property_: str, wanted: bytes) -> None:
    assert value.pick(HELD, property_) == wanted


@pytest.mark.parametrize(
    "property_",
    ["b", "n.c", "n.list.2", "n.list.-1", "n.list.x", "a.x", "n.list.0.0", "n..b", "n.list.99999999999"],
)
def test_a_property_that_is_not_there_is_not_found(property_: str) -> None:
    with pytest.raises(value.NotFound):
        value.pick(HELD, property_)


@pytest.mark.parametrize(
    "property_",
    [
        "n.*",
        "n.l?st",
        "n.list.#",
        "n.list.#(k==1)",
        "n|b",
        "@this",
        "n.@keys",
        "!1",
        "{a,b}",
        "[a,b]",
        "n.b\\",
    ],
)
def test_what_gjson_reads_besides_is_told(property_: str) -> None:
    with pytest.raises(value.Unread):
        value.pick(HELD, property_)


def test_a_key_that_looks_like_a_query_is_a_key() -> None:
    assert value.pick({"a|b#*": "x"}, "a|b#*") == b"x"


def test_without_a_property_all_is_json() -> None:
    assert (
        value.pick({"b": "<&>", "a": [1, None, "\u2028"]}, "")
        == rb'{"a":[1,null,"\u2028"],"b":"\u003c\u0026\u003e"}'
    )


@given(JSON)
def test_json_is_written_as_go_writes_it(found: Any) -> None:
    assert value.text(found) == to_json(Budget(), found)


def test_half_a_character_becomes_the_replacement_character() -> None:
    assert value.octets("a\ud800") == "a\ufffd".encode()
    assert value.text({"k": "\udfff"}) == '{"k":"\ufffd"}'


def test_what_vault_says_of_a_path_becomes_texts() -> None:
    answer = {
        "current_version": 3,
        "created_time": "t",
        "versions": {"3": {}},
        "custom_metadata": {"owner": "x"},
    }
    assert value.metadata(answer) == {"current_version": "3", "created_time": "t", "owner": "x"}
    assert value.metadata({"custom_metadata": None}) == {}
