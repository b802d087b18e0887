"""The reader against the recorded answers of ``sigs.k8s.io/yaml`` v1.6.0, which kubectl reads with.

``traps.jsonl`` holds a text, what the Go program made of it (JSON, or ``error``), and, where we differ on
purpose, what we make of it. The texts are our own.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fleet.documents.read import value
from fleet.errors import DocumentError

_ROWS = [
    json.loads(line)
    for line in Path(__file__).with_name("traps.jsonl").read_text(encoding="utf-8").splitlines()
]


def _same(left: Any, right: Any) -> bool:
    """Equal, and of the same JSON type: Python holds True and 1 for equal."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(item, right[key]) for key, item in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return bool(left == right)


@pytest.mark.parametrize("row", _ROWS, ids=[ascii(row["yaml"])[:60] for row in _ROWS])
def test_a_text_reads_as_kubectl_reads_it_or_as_we_chose(row: dict[str, str]) -> None:
    expected = row.get("ours", row["kubectl"])
    if expected == "error":
        with pytest.raises(DocumentError):
            value(row["yaml"].encode(), path="trap.yaml")
    else:
        assert _same(value(row["yaml"].encode(), path="trap.yaml"), json.loads(expected))


def test_we_never_read_what_kubectl_refuses_but_for_an_escaped_slash() -> None:
    more = [row["yaml"] for row in _ROWS if row["kubectl"] == "error" and row.get("ours", "error") != "error"]
    assert more == ['a: "\\/"\n', '{"a": "\\/"}\n']


def test_what_we_refuse_and_kubectl_reads_is_refused_and_never_another_value() -> None:
    other = [
        row["yaml"] for row in _ROWS if row["kubectl"] != "error" and row.get("ours", "error") != "error"
    ]
    assert other == []
