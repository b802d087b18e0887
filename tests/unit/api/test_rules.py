"""A rule is one thing in two languages."""

from __future__ import annotations

from typing import Annotated, ClassVar

import pytest
from pydantic import TypeAdapter, ValidationError

from fleet.api.rules import CEL, Rule, Ruled

EVEN = Rule("self % 2 == 0", "must be even", lambda value: value % 2 == 0)


class Pair(Ruled):
    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule("self.low <= self.high", "low must not be above high", lambda self: self.low <= self.high),
    )

    low: Annotated[int, EVEN]
    high: int


def test_python_judges_fields_and_objects() -> None:
    assert Pair(low=2, high=3).high == 3
    with pytest.raises(ValidationError, match="must be even"):
        Pair(low=1, high=3)
    with pytest.raises(ValidationError, match="low must not be above high"):
        Pair(low=4, high=3)


def test_the_schema_has_the_same_rules_in_cel() -> None:
    schema = TypeAdapter(Pair).json_schema()
    assert schema[CEL] == [{"rule": "self.low <= self.high", "message": "low must not be above high"}]
    assert schema["properties"]["low"][CEL] == [{"rule": "self % 2 == 0", "message": "must be even"}]
