"""What a plain (unquoted) YAML scalar means to ``sigs.k8s.io/yaml``, and so to kubectl and the API server.

Contract: pure. The rules are those of ``resolve.go`` of go-yaml v2 followed by Go's JSON encoder; a table in
the tests holds what the Go program answers. Different by choice: keys that are floats, which nobody means,
are refused.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Final

from fleet.documents.limits import Refused

Scalar = str | int | float | bool | None

_WORDS: Final[dict[str, Scalar]] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}
# The first characters of what could be more than a string; all others need no look at the rest.
_HINTS: Final = frozenset("0123456789+-.")

_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
# After a leading dot Go's ParseFloat sees the text as written: underscores only between digits.
_DOTTED: Final = re.compile(r"\.[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+(?:_[0-9]+)*)?")
_PREFIXED: Final = re.compile(r"(?i:0x[0-9a-f]+|0b[01]+|0o[0-7]+|0[0-7]*)")
_DECIMAL: Final = re.compile(r"[1-9][0-9]{0,19}")  # uint64 has 20 digits

INT64: Final = 1 << 63
UINT64: Final = 1 << 64
_FIXED: Final = 1e21  # below it Go's JSON encoder writes a float without exponent


def plain(text: str) -> Scalar:
    """The value of a plain scalar; a float without fraction is an integer, as Go writes it.

    Raises ``Refused`` for infinities and not-a-number.
    """
    value = _resolve(text)
    return integral(value) if type(value) is float else value


def key(text: str) -> str:
    """The key that a plain scalar stands for: booleans and integers become strings, as kubectl makes them.

    Raises ``Refused`` for null, floats and integers over 63 bits.
    """
    value = _resolve(text)
    if type(value) is str:
        return value
    if value is True:
        return "true"
    if value is False:
        return "false"
    if type(value) is int and -INT64 <= value < INT64:
        return str(value)
    what = "null" if value is None else "a number that is no 64-bit integer"
    raise Refused(f"a key must be a string, and this one reads as {what}: quote it")


def integral(value: float) -> int | float:
    """A float as Go's JSON encoder writes it: an integer of its shortest digits where it has no fraction."""
    if not math.isfinite(value):
        raise Refused("a number must be finite")
    if value.is_integer() and abs(value) < _FIXED:
        return int(Decimal(repr(value)))
    return value


def integer(digits: str) -> int | float:
    """A decimal integer of any length as kubectl holds it: exact up to 64 bits, else the nearest float."""
    if len(digits) <= _LONGEST:
        value = int(digits)
        if -INT64 <= value < UINT64:
            return value
    return integral(float(digits))


_LONGEST: Final = 21


def _resolve(text: str) -> Scalar:
    if text in _WORDS:
        return _WORDS[text]
    first = text[0]
    if first not in _HINTS:
        return text
    if first == ".":
        if _DOTTED.fullmatch(text):
            value = float(text)
            if math.isfinite(value):
                return value
        return text
    number = _number(text.replace("_", ""))
    return text if number is None else number


def _number(digits: str) -> int | float | None:
    """Go's ParseInt and ParseUint with base 0, then a float if it looks like one and does not overflow."""
    bare = digits[1:] if digits[:1] in ("-", "+") else digits
    signed = bare is not digits
    value: int | None = None
    if _PREFIXED.fullmatch(bare):
        base = {"x": 16, "b": 2, "o": 8}.get(bare[1:2].lower())
        value = int(bare[2:], base) if base else int(bare, 8)
    elif _DECIMAL.fullmatch(bare):
        value = int(bare)
    if value is not None:
        if digits[:1] == "-":
            value = -value
        if -INT64 <= value < INT64 or (not signed and value < UINT64):
            return value
    if _FLOAT.fullmatch(digits):
        number = float(digits)
        return number if math.isfinite(number) else None
    return None
