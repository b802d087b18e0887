"""Values nested too deep: told, and cut out of JSON text before a decoder reads it.

Contract: pure, and nothing here recurses. Decoders do, and give up after about a thousand levels; an API server
stores ten thousand, in whatever has no schema and in managedFields. One such object would make a whole list
unreadable. What is cut stays an empty map or list of its kind, so that the rest reads as it did.
"""

from __future__ import annotations

import re
from typing import Any, Final

MOST: Final = (
    200  # levels that are left: twice what is taken from Git, and less than any decoder or encoder takes
)

_TOKEN: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[{]|[\]}]')
_OPENING: Final = frozenset(b"[{")
_CLOSING: Final = frozenset(b"]}")


def cut(text: bytes) -> bytes:
    """The JSON text with every container below ``MOST`` others left empty. What is no JSON stays none."""
    kept: list[bytes] = []
    depth = start = 0
    for token in _TOKEN.finditer(text):
        sign = text[token.start()]
        if sign in _OPENING:
            depth += 1
            if depth == MOST + 1:
                kept.append(text[start : token.end()])
        elif sign in _CLOSING:
            if depth == MOST + 1:
                start = token.start()
            depth -= 1
    if depth <= MOST:
        kept.append(text[start:])
    return b"".join(kept)


def within(value: Any, most: int) -> bool:
    """Whether no container of the value stands deeper than ``most``, the outermost at 1."""
    level = [value]
    for _ in range(most):
        level = [
            item
            for each in level
            if isinstance(each, dict | list)
            for item in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return True
    return not any(isinstance(each, dict | list) for each in level)
