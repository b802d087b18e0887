"""Depths are found and cut without recursion."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fleet.documents import deep


def nested(levels: int, opening: str = '{"a":', closing: str = "}", end: str = "1") -> bytes:
    return (opening * levels + end + closing * levels).encode()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"7",
        b'{"a": [1, {"b": "}]\\"{[\\\\"}], "c": {}}',
        b" " + nested(deep.MOST) + b"\n",
        nested(deep.MOST, "[", "]"),
        b'"' + b"{" * 1_000 + b'"',
        b'"' + b'\\"{' * 1_000 + b'"',
    ],
)
def test_a_text_that_is_not_too_deep_stays_as_it_is(text: bytes) -> None:
    assert deep.cut(text) == text


@pytest.mark.parametrize(("opening", "closing", "empty"), [('{"a":', "}", b"{}"), ("[", "]", b"[]")])
def test_what_stands_too_deep_is_left_empty(opening: str, closing: str, empty: bytes) -> None:
    wanted = nested(deep.MOST, opening, closing, empty.decode())
    for levels in (deep.MOST + 1, 10_000):
        assert deep.cut(nested(levels, opening, closing)) == wanted


def test_what_stands_beside_the_depths_is_kept() -> None:
    text = b'{"first": 1, "deep": ' + nested(5_000) + b', "list": [' + nested(3_000) + b'], "last": "}"}'
    read: dict[str, Any] = json.loads(deep.cut(text))
    assert list(read) == ["first", "deep", "list", "last"]
    assert (read["first"], read["last"]) == (1, "}")


@pytest.mark.parametrize(
    "text", [b"[" * 5_000, b"]" * 10, nested(5_000)[:-1], nested(5_000) + b"}", nested(300)[:-250], b'"{']
)
def test_what_is_no_json_does_not_become_json(text: bytes) -> None:
    with pytest.raises(ValueError, match="column"):
        json.loads(deep.cut(text))


def test_a_depth_is_counted_in_containers() -> None:
    assert deep.within(1, 0)
    assert deep.within({"a": [1, {}]}, 3)
    assert not deep.within({"a": [1, {}]}, 2)
    value: Any = 1
    for _ in range(50_000):
        value = [value] if _ % 2 else {"a": value}
    assert deep.within(value, 50_000)
    assert not deep.within(value, 49_999)
