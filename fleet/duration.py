"""Durations as people write them: ``5s``, ``3m``, ``1h30m``, ``1.5h``, ``250ms``; inside, float seconds.

Contract: pure. The form is Go's without its sub-millisecond units, so that CEL's ``duration()`` reads what
this reads.
"""

from __future__ import annotations

import re
from typing import Final

PATTERN: Final = r"^([0-9]{1,5}(\.[0-9]{1,3})?(ms|s|m|h)){1,4}$"
WORDS: Final = 'must be a duration such as "30s", "5m" or "1h30m"'

_WHOLE: Final = re.compile(PATTERN[:-1] + r"\Z")
_PART: Final = re.compile(r"([0-9.]+)(ms|s|m|h)")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_UNITS: Final = (("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1))


def parse(text: str) -> float:
    """Seconds. Raises ValueError, which does not quote the text."""
    if not _WHOLE.match(text):
        raise ValueError(WORDS)
    return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))


def write(seconds: float) -> str:
    """The shortest form that reads back as the same seconds, to the millisecond."""
    left = round(seconds * 1000)
    parts = []
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
