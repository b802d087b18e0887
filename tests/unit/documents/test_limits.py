"""What an alias stands for is copied and charged."""

from __future__ import annotations

import pytest

from fleet.documents.limits import Budget, Limits, Refused


def test_a_copy_shares_nothing_and_is_charged() -> None:
    budget = Budget(Limits(nodes=10))
    original = {"a": [1, {"b": 2}]}
    copied = budget.copy(original, 1, 0)
    assert copied == original
    assert copied is not original
    assert 0 <= budget.nodes < 10


def test_a_copy_ends_at_nodes_and_depth() -> None:
    with pytest.raises(Refused, match="unfolds"):
        Budget(Limits(nodes=3)).copy([1, 2, 3, 4], 1, 0)
    with pytest.raises(Refused, match="nested"):
        Budget(Limits(depth=2)).copy([[[1]]], 1, 0)
