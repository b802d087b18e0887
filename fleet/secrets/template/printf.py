"""``printf``: the verbs %s %d %q %v %t %x %X %f and %%, with width, precision and the flags - 0 +.

Contract: pure. Where Go writes ``%!d(string=...)`` for a verb that does not fit its value, this is an error that
names the verb. A width or precision is checked before anything is made.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from fleet.secrets.template import printing
from fleet.secrets.template.errors import Fault
from fleet.secrets.template.limits import Budget
from fleet.secrets.template.values import Value, joined, raw

_VERB: Final = re.compile(
    r"%(?P<flags>[-+0]*)(?P<width>[0-9]*)(?P<dot>\.(?P<precision>[0-9]*))?(?P<verb>.?)", re.DOTALL
)
_WIDEST: Final = 1000
_DIGITS: Final = 3  # of a width or precision that may be read at all, and one more
_PRECISION: Final = 6  # of %f


def printf(budget: Budget, form: str, *values: Value) -> str:
    """The values in the places of the verbs, of which there are as many."""
    budget.charge(len(form))
    parts: list[str] = []
    position = used = 0
    for match in _VERB.finditer(form):
        parts.append(form[position : match.start()])
        position = match.end()
        if match["verb"] == "%" and match[0] == "%%":
            parts.append("%")
            continue
        if used == len(values):
            raise Fault("printf has more verbs than values")
        parts.append(_written(match, values[used], budget))
        used += 1
    if used != len(values):
        raise Fault("printf has more values than verbs")
    parts.append(form[position:])
    budget.make(sum(map(len, parts)))
    return "".join(parts)


def _written(match: re.Match[str], value: Value, budget: Budget) -> str:
    verb, flags = match["verb"], match["flags"]
    width = _size(match["width"])
    precision = _size(match["precision"] or "") if match["dot"] else None
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if ("+" in flags or "0" in flags) and not number:
        raise Fault("printf has a flag that is for numbers alone")
    if isinstance(value, (list, dict)) and (width or precision is not None):
        raise Fault("printf gives a list or map a width")
    text = _verb(verb, value, precision, budget)
    if "+" in flags and not text.startswith("-"):
        text = f"+{text}"
    budget.make(max(width, len(text)))
    if "-" in flags:
        return text.ljust(width)
    return text.zfill(width) if "0" in flags else text.rjust(width)


def _size(digits: str) -> int:
    if len(digits) > _DIGITS + 1 or int(digits or 0) > _WIDEST:
        raise Fault(f"printf has a width or precision over {_WIDEST}")
    return int(digits or 0)


def _verb(verb: str, value: Value, precision: int | None, budget: Budget) -> str:
    match verb, value:
        case "s" | "v" | "q", str():
            text = value if precision is None else value[:precision]
            return printing.quoted(text, budget) if verb == "q" else text
        case "x" | "X", str() if precision is None:
            budget.make(2 * len(value))
            text = raw(joined(value)).hex()
            return text.upper() if verb == "X" else text
        case "v" | "t", bool() if precision is None:
            return printing.text(value, budget)
        case "d" | "v", int() if precision is None and not isinstance(value, bool):
            return str(value)
        case "x" | "X", int() if precision is None and not isinstance(value, bool):
            return format(value, verb)
        case "f", float():
            return format(Decimal(value), f".{_PRECISION if precision is None else precision}f")
        case "v", float() | list() | dict() if precision is None:
            return printing.text(value, budget)
        case ("s", list() | dict()) if precision is None and _strings(value):
            return printing.text(value, budget)
    raise Fault("printf has a verb that is not supported, or not for this kind of value")


def _strings(value: Value) -> bool:
    items = list(value.values()) if isinstance(value, dict) else value
    return isinstance(items, list) and all(isinstance(one, str) for one in items)
