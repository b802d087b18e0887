"""JSON with its numbers as they are written: ``1.50`` of a store is ``1.50`` in a Secret, not ``1.5``.

Contract: pure. A whole number that Python writes as it was written is an int, as before; any other number is a ``Number``.
How deep lists and maps may stand in each other is what Python's stack takes where it is called.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

_LONGEST: Final = 1000  # digits that are made an int: longer ones take time that grows with their square


@dataclass(frozen=True, slots=True)
class Number:
    """A number by its text."""

    text: str = field(repr=False)


class TooDeep(ValueError):
    """Lists and maps stand deeper in each other than can be gone through."""


def loads(content: bytes | str) -> Any:
    """Read JSON. Raises ValueError, whose text may hold content; ``NaN`` and ``Infinity`` are no JSON."""
    try:
        return json.loads(content, parse_float=Number, parse_int=_whole, parse_constant=_no_number)
    except RecursionError:
        raise TooDeep from None


def canonical(found: Any) -> bytes:
    """What is equal for equal content, to be digested: JSON in which a number is told from a text. Raises TooDeep."""
    try:
        return json.dumps(found, sort_keys=True, default=_told).encode()
    except RecursionError:
        raise TooDeep from None


def _whole(text: str) -> int | Number:
    if len(text) > _LONGEST or text == "-0":
        return Number(text)
    return int(text)


def _told(found: object) -> dict[str, str]:
    if isinstance(found, Number):
        return {"": found.text}
    raise TypeError


def _no_number(_text: str) -> NoReturn:
    raise ValueError
