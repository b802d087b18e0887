"""Values as JSON and YAML, and back.

Contract: pure. JSON is written as Go's ``encoding/json`` does: keys sorted, ``<``, ``>`` and ``&`` escaped. What is
read has floats for all its numbers, as there. Text that does not read is an error; Sprig gives nil and goes on.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final, NoReturn

from fleet.documents import read, write
from fleet.documents.limits import Limits
from fleet.errors import DocumentError
from fleet.secrets.template import printing
from fleet.secrets.template.errors import Fault
from fleet.secrets.template.limits import DEPTH, OUTPUT, Budget
from fleet.secrets.template.values import Value, valid

_FIXED: Final = 21  # powers of ten below which Go's JSON writes a float without exponent
_SMALL: Final = -6
_WHOLE: Final = 1 << 63
# With them goes a byte that is no UTF-8, which Go writes as the escape of the replacement character.
_HTML: Final = re.compile("[<>&\u2028\u2029\ud800-\udfff]")
_LINES: Final = re.compile("[\u2028\u2029\ud800-\udfff]")
_SMALL_EXPONENT: Final = re.compile(r"e-0([0-9])$")
_LONE: Final = re.compile("[\ud800-\udfff]")
_LIMITS: Final = Limits(size=4 * OUTPUT, documents=2, nodes=100_000, depth=DEPTH)


def to_json(budget: Budget, value: Value) -> str:
    """Sprig's ``toJson``."""
    return _made(budget, value, _HTML, "")


def to_raw_json(budget: Budget, value: Value) -> str:
    """Sprig's ``toRawJson``: without the escapes for HTML."""
    return _made(budget, value, _LINES, "")


def to_pretty_json(budget: Budget, value: Value) -> str:
    """Sprig's ``toPrettyJson``: a line an item, by two spaces."""
    return _made(budget, value, _HTML, "\n")


def from_json(budget: Budget, text: str) -> Value:
    """Sprig's ``fromJson``."""
    try:
        found = json.loads(text, parse_int=float, parse_constant=_no_number)
    except (ValueError, RecursionError):
        found = _ABSENT
    if found is _ABSENT:
        raise Fault("the text is not valid JSON")
    return _read(budget, found)


def to_yaml(budget: Budget, value: Value) -> str:
    """``toYaml`` of Helm and ESO: keys sorted, no line end after the last line."""
    budget.walk(value)
    text = write.yaml(_plain(value))
    budget.make(len(text))
    return text.removesuffix("\n")


def from_yaml(budget: Budget, text: str) -> Value:
    """ESO's ``fromYaml``: a map."""
    found: Any = None
    try:
        found = read.value(valid(text).encode(), path="yaml", limits=_LIMITS)
    except DocumentError:
        found = None
    if not isinstance(found, dict):
        raise Fault("the text is not a YAML document that holds a map")
    return _read(budget, found)


_ABSENT: Final = object()


def _made(budget: Budget, value: Value, special: re.Pattern[str], line: str) -> str:
    budget.walk(value)
    text = special.sub(_escape, _json(value, line))
    budget.make(len(text))
    return text


def _escape(match: re.Match[str]) -> str:
    return "\\ufffd" if _LONE.match(match[0]) else f"\\u{ord(match[0]):04x}"


def _json(value: Value, line: str) -> str:
    """JSON; ``line`` is empty, or the line end and indentation at which the value stands."""
    inner = f"{line}  " if line else ""
    match value:
        case None:
            return "null"
        case str():
            return json.dumps(value, ensure_ascii=False)
        case float():
            return _number(value)
        case list():
            return _items("[]", [_json(one, inner) for one in value], line, inner)
        case dict():
            gap = ": " if line else ":"
            pairs = [f"{_json(key, '')}{gap}{_json(value[key], inner)}" for key in sorted(value)]
            return _items("{}", pairs, line, inner)
        case _:
            return str(value).lower()  # integers, and the words of truth values


def _items(brackets: str, items: list[str], line: str, inner: str) -> str:
    if not items:
        return brackets
    return f"{brackets[0]}{inner}{f',{inner}'.join(items)}{line}{brackets[1]}"


def _number(value: float) -> str:
    text = printing.floating(value, exponent_from=_FIXED, exponent_below=_SMALL)
    return _SMALL_EXPONENT.sub(r"e-\1", text)


def _no_number(_: str) -> NoReturn:
    raise ValueError


def _read(budget: Budget, found: Any) -> Value:
    """What a reader gave, as a value of ours, charged."""
    budget.walk(found)
    return _value(found)


def _value(found: Any) -> Value:
    match found:
        case str():
            return _LONE.sub("\ufffd", found)
        case list():
            return list(map(_value, found))
        case dict():
            return {_LONE.sub("\ufffd", key): _value(one) for key, one in found.items()}
        case bool() | None:
            return found
        case _:
            return _finite(float(found))


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise Fault("a number is too large")
    return number


def _plain(value: Value) -> Any:
    """For the writer of YAML: keys in order, floats without fraction as integers, as Go's JSON has them."""
    match value:
        case str():
            return valid(value)
        case list():
            return list(map(_plain, value))
        case dict():
            return {valid(key): _plain(value[key]) for key in sorted(value)}
        case bool() | None:
            return value
        case float():
            return int(value) if value.is_integer() and abs(value) < _WHOLE else value
        case _:
            return int(value)
