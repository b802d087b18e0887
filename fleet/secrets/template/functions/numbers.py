"""Sprig's arithmetic, in 64 bits, and its loops over numbers.

A string that is no number counts as 0, as in Sprig.
"""

from __future__ import annotations

import math
import re
from typing import Final

from fleet.secrets.template.errors import Fault
from fleet.secrets.template.functions.signature import Function, Kind, charged, linear
from fleet.secrets.template.limits import Budget
from fleet.secrets.template.values import Int64, Value, fits, wrapped

_ZERO_DECIMAL: Final = re.compile(r"\.0+\Z")
# Go's base 0; underscores stand between digits, or behind the prefix of a base.
_INTEGER: Final = re.compile(
    r"[+-]?(?:0[xX](?:_?[0-9a-fA-F])+|0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0(?:_?[0-7])*|[1-9](?:_?[0-9])*)"
)
_OCTAL: Final = re.compile(r"[+-]?0[0-7_]+")
_FLOAT: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_LONGEST: Final = 80  # characters; an int64 has 64 digits at most


def int_of(value: Value) -> int:
    """The value as a whole number of 64 bits; 0 where it is none. Raises ``Fault`` for a float out of range."""
    match value:
        case str():
            return _parsed(value)
        case float():
            if not math.isfinite(value) or not fits(math.trunc(value)):
                raise Fault("a number is too large")
            return math.trunc(value)
        case int():
            return int(value)
        case _:
            return 0


def _parsed(text: str) -> int:
    text = _ZERO_DECIMAL.sub("", text)
    if len(text) > _LONGEST or not _INTEGER.fullmatch(text):
        return 0
    number = int(text.replace("_", ""), 8) if _OCTAL.fullmatch(text) else int(text, 0)
    return number if fits(number) else 0


def _int64(value: Value) -> Int64:
    return Int64(int_of(value))


def _float(value: Value) -> float:
    match value:
        case str():
            known = len(value) <= _LONGEST and _FLOAT.fullmatch(value)
            number = float(value) if known else 0.0
            return number if math.isfinite(number) else 0.0
        case int() | float():
            return float(value)
        case _:
            return 0.0


def _divided(left: Value, right: Value) -> Int64:
    dividend, divisor = int_of(left), _divisor(right)
    quotient = abs(dividend) // abs(divisor)
    return wrapped(quotient if (dividend < 0) == (divisor < 0) else -quotient)


def _modulo(left: Value, right: Value) -> Int64:
    dividend, divisor = int_of(left), _divisor(right)
    remainder = abs(dividend) % abs(divisor)
    return wrapped(-remainder if dividend < 0 else remainder)


def _divisor(value: Value) -> int:
    number = int_of(value)
    if not number:
        raise Fault("a number is divided by zero")
    return number


def _product(first: Value, *others: Value) -> Int64:
    product = _int64(first)
    for one in others:
        product = wrapped(product * int_of(one))
    return product


def _until(budget: Budget, count: int) -> Value:
    return _until_step(budget, 0, count, -1 if count < 0 else 1)


def _until_step(budget: Budget, start: int, stop: int, step: int) -> Value:
    if (stop < start and step >= 0) or (stop >= start and step <= 0):
        return []
    distance = abs(stop - start)
    budget.make_items(-(-distance // abs(step)))
    return list(range(start, stop, step))


def _whole(text: str) -> int:
    """``atoi``: decimal digits alone."""
    number = int(text) if re.fullmatch(r"[+-]?[0-9]{1,20}", text) else 0
    return number if fits(number) else 0


_ANY = Kind.ANY

FUNCTIONS: Final[dict[str, Function]] = {
    "int": linear(int_of, _ANY),
    "int64": linear(_int64, _ANY),
    "float64": linear(_float, _ANY),
    "atoi": linear(_whole, Kind.STRING),
    "add": linear(lambda *values: wrapped(sum(map(int_of, values))), rest=_ANY),
    "add1": linear(lambda value: wrapped(int_of(value) + 1), _ANY),
    "sub": linear(lambda left, right: wrapped(int_of(left) - int_of(right)), _ANY, _ANY),
    "mul": linear(_product, _ANY, rest=_ANY),
    "div": linear(_divided, _ANY, _ANY),
    "mod": linear(_modulo, _ANY, _ANY),
    "max": linear(lambda *values: Int64(max(map(int_of, values))), _ANY, rest=_ANY),
    "min": linear(lambda *values: Int64(min(map(int_of, values))), _ANY, rest=_ANY),
    "until": charged(_until, Kind.INT),
    "untilStep": charged(_until_step, Kind.INT, Kind.INT, Kind.INT),
}
