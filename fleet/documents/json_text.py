"""JSON text as values, with the numbers that kubectl makes of them, and no key twice.

Contract: pure. Raises ``Refused`` with the line where the parser knows it. The standard library's decoder is
used since orjson and msgspec let the last of two equal keys win.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from fleet.documents import scalars
from fleet.documents.limits import DEEP, MANY, Budget, Refused

_SPACE: Final = re.compile(r"[ \t\r\n]*")
_OPENING: Final = re.compile(r"[{\[]")
_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")


class NotJson(Refused):
    """The text is not JSON at all; as YAML it may still read."""


def document(text: str, start: int, budget: Budget) -> tuple[Any, int, int] | None:
    """The value that begins at ``start`` or after blanks, its first line from 0, and where it ends.

    None where only blanks are left. Several values may follow each other, as kubectl reads them.
    """
    match = _SPACE.match(text, start)
    begin = match.end() if match else start
    if begin == len(text):
        return None
    line = text.count("\n", 0, begin)
    try:
        value, end = _DECODER.raw_decode(text, begin)
    except json.JSONDecodeError as error:
        raise NotJson("it is not valid JSON", text.count("\n", 0, error.pos)) from None
    except Refused as error:
        raise Refused(error.text, line) from None
    except RecursionError:
        raise Refused(DEEP.format(budget.depth), line) from None
    span = text[begin:end]
    _charge(value, span, budget, line)
    if _SURROGATE.search(span) and not _encodable(value):
        raise Refused("it holds half of a surrogate pair, which is no character", line)
    return value, line, end


def _charge(value: Any, span: str, budget: Budget, line: int) -> None:
    """Count nodes and depth; the punctuation bounds both from above, so most texts need no walk."""
    openings = len(_OPENING.findall(span))
    if openings > budget.depth:
        _walk(value, budget, line)
        return
    budget.nodes -= openings + span.count(",") + span.count(":") + 1
    if budget.nodes < 0:
        raise Refused(MANY, line)


def _walk(value: Any, budget: Budget, line: int) -> None:
    level = [value]
    depth = 0
    while level:
        below: list[Any] = []
        for item in level:
            if type(item) is dict:
                budget.nodes -= len(item)
                below.extend(item.values())
            elif type(item) is list:
                below.extend(item)
        budget.nodes -= len(level)
        if budget.nodes < 0:
            raise Refused(MANY, line)
        if any(type(item) in (dict, list) for item in level):
            depth += 1
            budget.check(depth, line)
        level = below


def _encodable(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise Refused("a key occurs twice in one mapping")
    return value


def _float(text: str) -> int | float:
    return scalars.integral(float(text))


def _constant(_: str) -> Any:
    raise Refused("a number must be finite")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_float=_float, parse_int=scalars.integer, parse_constant=_constant
)
