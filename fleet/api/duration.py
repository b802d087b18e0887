"""A field that holds a duration: text on the wire, float seconds in the model."""

from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from fleet.api.rules import RULE
from fleet.duration import PATTERN, WORDS, parse


def _read(value: Any) -> float:
    if isinstance(value, str):
        try:
            return parse(value)
        except ValueError:
            pass
    raise PydanticCustomError(RULE, "{words}", {"words": WORDS})


Duration = Annotated[
    float,
    BeforeValidator(_read),
    WithJsonSchema({"type": "string", "pattern": PATTERN, "maxLength": 32}),
]
