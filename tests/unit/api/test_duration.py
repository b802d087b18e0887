"""A field that holds a duration."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from fleet.api.duration import Duration

ADAPTER: TypeAdapter[float] = TypeAdapter(Duration)


def test_text_becomes_seconds() -> None:
    assert ADAPTER.validate_python("1h30m") == 5400.0


@pytest.mark.parametrize("value", [5, 5.0, None, True, "5", "-5s", "1d", ["5s"]])
def test_anything_else_is_refused(value: object) -> None:
    with pytest.raises(ValidationError, match='must be a duration such as "30s"'):
        ADAPTER.validate_python(value)


def test_the_schema_is_one_of_a_string() -> None:
    assert ADAPTER.json_schema()["type"] == "string"
