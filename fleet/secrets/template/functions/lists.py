"""Sprig's functions of lists and maps; those that change a map in place (``set``, ``unset``, ``merge``) are left out.

Maps are gone through in the order of their keys, where Go has none.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

from fleet.secrets.template import printing
from fleet.secrets.template.errors import Fault
from fleet.secrets.template.functions.signature import Function, Kind, charged, linear, listing
from fleet.secrets.template.limits import Budget
from fleet.secrets.template.values import Value, joined, raw, text_of, truth


def _strings(budget: Budget, value: Value) -> list[str]:
    """``toStrings``: what is no list is a list of one, and nil is left out."""
    if value is None:
        return []
    items = value if isinstance(value, list) else [value]
    budget.make_items(len(items))
    return [printing.text(one, budget) for one in items if one is not None]


def _to_strings(budget: Budget, value: Value) -> Value:
    items = _strings(budget, value)
    budget.make(sum(map(len, items)))
    return list(items)


def _join(budget: Budget, separator: str, value: Value) -> str:
    items = _strings(budget, value)
    budget.make(sum(map(len, items)) + len(separator) * len(items))
    return separator.join(items)


def _parts(separator: str, text: str) -> list[str]:
    return text.split(separator) if separator else list(text)


def _split_list(budget: Budget, separator: str, text: str) -> Value:
    budget.make_items(text.count(separator) + 1)
    return list(_parts(separator, text))


def _split(budget: Budget, separator: str, text: str) -> Value:
    for _ in ("parts", "keys"):
        budget.make_items(text.count(separator) + 1)
    return {f"_{index}": part for index, part in enumerate(_parts(separator, text))}


def _dict(budget: Budget, *items: Value) -> Value:
    budget.make_items(-(-len(items) // 2))
    made: dict[str, Value] = {}
    for index in range(0, len(items), 2):
        key = joined(printing.text(items[index], budget))
        made[key] = items[index + 1] if index + 1 < len(items) else ""
    return made


def _dig(*arguments: Value) -> Value:
    least = 3
    if len(arguments) < least:
        raise Fault("dig needs a key, a default and a map")
    *keys, default, found = arguments
    for key in keys:
        if not isinstance(found, dict) or not isinstance(key, str):
            raise Fault("dig goes through maps, by strings")
        if key not in found:
            return default
        found = found[key]
    return found


def _count(*items: Value) -> int:
    return len(items)


def _total(*collections: list[Value] | dict[str, Value]) -> int:
    return sum(map(len, collections))


def _keys(budget: Budget, *maps: dict[str, Value]) -> Value:
    budget.make_items(_total(*maps))
    for one in maps:
        budget.order(one)
    return [key for one in maps for key in sorted(one)]


def _values(budget: Budget, of: dict[str, Value]) -> Value:
    budget.make_items(len(of))
    budget.order(of)
    return [of[key] for key in sorted(of)]


def _omit(of: dict[str, Value], *keys: str) -> Value:
    unwanted = frozenset(keys)
    return {key: one for key, one in of.items() if key not in unwanted}


def _pluck(key: str, *maps: dict[str, Value]) -> Value:
    return [one[key] for one in maps if key in one]


def _sort_alpha(budget: Budget, value: Value) -> Value:
    items = _strings(budget, value)
    budget.make(sum(map(len, items)))
    return [text_of(one) for one in sorted(map(raw, items))]


def _identity(budget: Budget, value: Value) -> Hashable:
    """What Go's DeepEqual compares: types and values."""
    if isinstance(value, (list, dict)):
        budget.walk(value)
    else:
        budget.look(value)
    return _frozen(value)


def _frozen(value: Value) -> Hashable:
    if isinstance(value, list):
        return (list, *map(_frozen, value))
    if isinstance(value, dict):
        return (dict, *((key, _frozen(value[key])) for key in sorted(value)))
    return type(value), value


def _has(budget: Budget, needle: Value, items: Value) -> bool:
    if items is None:
        return False
    if not isinstance(items, list):
        raise Fault("has looks into lists")
    budget.make_items(len(items))  # each is given an identity
    wanted = _identity(budget, needle)
    return any(_identity(budget, one) == wanted for one in items)


def _without(budget: Budget, items: list[Value], *omitted: Value) -> Value:
    budget.make_items(len(items))
    unwanted = {_identity(budget, one) for one in omitted}
    return [one for one in items if _identity(budget, one) not in unwanted]


def _unique(budget: Budget, items: list[Value]) -> Value:
    budget.make_items(len(items))
    seen: set[Hashable] = set()
    made: list[Value] = []
    for one in items:
        identity = _identity(budget, one)
        if identity not in seen:
            seen.add(identity)
            made.append(one)
    return made


_MAP = Kind.MAP
_LIST = Kind.LIST

FUNCTIONS: Final[dict[str, Function]] = {
    "list": listing(_count, lambda *items: list(items), rest=Kind.ANY),
    "tuple": listing(_count, lambda *items: list(items), rest=Kind.ANY),
    "first": linear(lambda items: items[0] if items else None, _LIST),
    "last": linear(lambda items: items[-1] if items else None, _LIST),
    "rest": listing(len, lambda items: items[1:], _LIST),
    "initial": listing(len, lambda items: items[:-1], _LIST),
    "append": listing(lambda items, _: len(items) + 1, lambda items, item: [*items, item], _LIST, Kind.ANY),
    "prepend": listing(lambda items, _: len(items) + 1, lambda items, item: [item, *items], _LIST, Kind.ANY),
    "concat": listing(_total, lambda *lists: [item for one in lists for item in one], rest=_LIST),
    "reverse": listing(len, lambda items: items[::-1], _LIST),
    "compact": listing(len, lambda items: [one for one in items if truth(one)], _LIST),
    "uniq": charged(_unique, _LIST),
    "without": charged(_without, _LIST, rest=Kind.ANY),
    "has": charged(_has, Kind.ANY, Kind.ANY),
    "sortAlpha": charged(_sort_alpha, Kind.ANY),
    "toStrings": charged(_to_strings, Kind.ANY),
    "join": charged(_join, Kind.STRING, Kind.ANY),
    "split": charged(_split, Kind.STRING, Kind.STRING),
    "splitList": charged(_split_list, Kind.STRING, Kind.STRING),
    "dict": charged(_dict, rest=Kind.ANY),
    "get": linear(lambda of, key: of.get(key, ""), _MAP, Kind.STRING),
    "hasKey": linear(lambda of, key: key in of, _MAP, Kind.STRING),
    "keys": charged(_keys, rest=_MAP),
    "values": charged(_values, _MAP),
    "pluck": listing(_count, _pluck, Kind.STRING, rest=_MAP),
    "pick": listing(
        _count, lambda of, *keys: {key: of[key] for key in keys if key in of}, _MAP, rest=Kind.STRING
    ),
    "omit": listing(lambda of, *_: len(of), _omit, _MAP, rest=Kind.STRING),
    "dig": linear(_dig, rest=Kind.ANY),
    "deepEqual": charged(
        lambda budget, a, b: _identity(budget, a) == _identity(budget, b), Kind.ANY, Kind.ANY
    ),
}
