"""Durations as people write them: ``5s``, ``3m``, ``1h30m``, ``1.5h``, ``250ms``; inside, float seconds.

The form is Go's without its sub-millisecond units, so that CEL's ``duration()`` reads what this reads.
"""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from fleet.api.rules import RULE

PATTERN = r"^([0-9]{1,5}(\.[0-9]{1,3})?(ms|s|m|h)){1,4}$"
_WHOLE = re.compile(PATTERN[:-1] + r"\Z")
_PART = re.compile(r"([0-9.]+)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_TEXT = 'must be a duration such as "30s", "5m" or "1h30m"'


def parse(text: str) -> float:
    """Seconds. Raises ValueError, which does not quote the text."""
    if not _WHOLE.match(text):
        raise ValueError(_TEXT)
    return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))


def write(seconds: float) -> str:
    """The shortest form that reads back as the same seconds, to the millisecond."""
    left = round(seconds * 1000)
    parts = []
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def _read(value: Any) -> float:
    if not isinstance(value, str):
        raise PydanticCustomError(RULE, "{words}", {"words": _TEXT})
    try:
        return parse(value)
    except ValueError:
        raise PydanticCustomError(RULE, "{words}", {"words": _TEXT}) from None


Duration = Annotated[
    float,
    BeforeValidator(_read),
    WithJsonSchema({"type": "string", "pattern": PATTERN, "maxLength": 32}),
]
