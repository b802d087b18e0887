"""Comparison, logic, ``len``, ``index``, ``slice`` and kinds: the builtins, and Sprig's defaults.

``and`` and ``or`` are not here: the evaluator does not evaluate all of their arguments.
"""

from __future__ import annotations

from typing import Final

from fleet.secrets.template import printing
from fleet.secrets.template.errors import Fault, KeyMissing
from fleet.secrets.template.functions.numbers import int_of
from fleet.secrets.template.functions.signature import Function, Kind, charged, linear
from fleet.secrets.template.limits import Budget
from fleet.secrets.template.printf import printf
from fleet.secrets.template.values import Value, joined, kind, raw, text_of, truth

_INTEGERS: Final = ("int", "int64")


def _basic(value: Value) -> str:
    word = kind(value)
    return "int" if word in _INTEGERS else word


def _one_equal(left: Value, right: Value) -> bool:
    if left is None or right is None:
        return left is right
    if _basic(left) != _basic(right):
        raise Fault("values of different kinds are compared")
    if isinstance(left, (list, dict)):
        raise Fault("lists and maps are not compared")
    return left == right


def _equal(first: Value, *others: Value) -> bool:
    if not others:
        raise Fault("there is nothing to compare with")
    return any(_one_equal(first, one) for one in others)


def _unequal(left: Value, right: Value) -> bool:
    return not _one_equal(left, right)


def _less(left: Value, right: Value) -> bool:
    if _basic(left) != _basic(right):
        raise Fault("values of different kinds are compared")
    match left, right:
        case str(), str():
            return raw(left) < raw(right)
        case (bool(), _) | (_, bool()):
            pass
        case (int() | float(), int() | float()):
            return left < right
    raise Fault("values of this kind have no order")


def _less_or_equal(left: Value, right: Value) -> bool:
    return _less(left, right) or left == right


def _greater(left: Value, right: Value) -> bool:
    return not _less_or_equal(left, right)


def _greater_or_equal(left: Value, right: Value) -> bool:
    return not _less(left, right)


def _length(value: Value) -> int:
    if isinstance(value, str):
        return len(raw(value))
    if isinstance(value, (list, dict)):
        return len(value)
    raise Fault("this kind of value has no length")


def _index(of: Value, *indexes: Value) -> Value:
    for position, index in enumerate(indexes, 1):
        if isinstance(of, dict) and isinstance(index, str):
            if index not in of:
                raise KeyMissing(position)
            of = of[index]
        elif isinstance(of, (str, list)) and isinstance(index, int) and not isinstance(index, bool):
            items = raw(of) if isinstance(of, str) else of
            if not 0 <= index < len(items):
                raise Fault("an index is out of range")
            of = items[index]
        else:
            raise Fault("this kind of value has no such index")
    if of is None and not indexes:
        raise Fault("nothing (nil) has no index")
    return of


def _slice(budget: Budget, of: Value, *indexes: Value) -> Value:
    """Go's for strings, and for lists Sprig's, which makes numbers of its indexes and nil of no items."""
    most = 2
    if not isinstance(of, (str, list)) or len(indexes) > most:
        raise Fault("this has no such part")
    if of == []:
        return None
    items = raw(of) if isinstance(of, str) else of
    start = int_of(indexes[0]) if indexes else 0
    end = int_of(indexes[1]) if len(indexes) > 1 else len(items)
    if not 0 <= start <= end <= len(items):
        raise Fault("an index is out of range")
    if isinstance(of, list):
        budget.make_items(end - start)
    part = items[start:end]
    return text_of(part) if isinstance(part, bytes) else part


def _default(fallback: Value, *given: Value) -> Value:
    return given[0] if given and truth(given[0]) else fallback


def _coalesce(*values: Value) -> Value:
    return next((one for one in values if truth(one)), None)


def _ternary(yes: Value, no: Value, which: bool) -> Value:  # noqa: FBT001 (the template's argument)
    return yes if which else no


def _type_of(value: Value) -> str:
    """The type's name, where it is the kind's; of lists and maps Go knows more types than this engine."""
    if value is None or isinstance(value, (list, dict)):
        raise Fault("typeOf is for strings, numbers and truth values; there is kindOf")
    return kind(value)


def _print(budget: Budget, *values: Value) -> str:
    return printing.words(values, budget)


def _println(budget: Budget, *values: Value) -> str:
    return printing.spaced([printing.text(one, budget) for one in values], budget) + "\n"


def _html(budget: Budget, *values: Value) -> str:
    text = printing.words(values, budget)
    budget.charge(len(text))
    return printing.html(text)


def _script(budget: Budget, *values: Value) -> str:
    text = printing.words(values, budget)
    budget.charge(len(text))
    return printing.script(joined(text))


_ANY = Kind.ANY

FUNCTIONS: Final[dict[str, Function]] = {
    "not": linear(lambda value: not truth(value), _ANY),
    "eq": linear(_equal, _ANY, rest=_ANY),
    "ne": linear(_unequal, _ANY, _ANY),
    "lt": linear(_less, _ANY, _ANY),
    "le": linear(_less_or_equal, _ANY, _ANY),
    "gt": linear(_greater, _ANY, _ANY),
    "ge": linear(_greater_or_equal, _ANY, _ANY),
    "len": linear(_length, _ANY),
    "index": linear(_index, _ANY, rest=_ANY),
    "slice": charged(_slice, _ANY, rest=_ANY),
    "print": charged(_print, rest=_ANY),
    "printf": charged(printf, Kind.STRING, rest=_ANY),
    "println": charged(_println, rest=_ANY),
    "html": charged(_html, rest=_ANY),
    "js": charged(_script, rest=_ANY),
    "default": linear(_default, _ANY, rest=_ANY),
    "empty": linear(lambda value: not truth(value), _ANY),
    "coalesce": linear(_coalesce, rest=_ANY),
    "all": linear(lambda *values: all(map(truth, values)), rest=_ANY),
    "any": linear(lambda *values: any(map(truth, values)), rest=_ANY),
    "ternary": linear(_ternary, _ANY, _ANY, Kind.BOOL),
    "kindOf": linear(kind, _ANY),
    "kindIs": linear(lambda word, value: kind(value) == word, Kind.STRING, _ANY),
    "typeOf": linear(_type_of, _ANY),
    "typeIs": linear(lambda word, value: _type_of(value) == word, Kind.STRING, _ANY),
}
