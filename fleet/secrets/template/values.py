"""The values that a template computes with, as Python's own types and no others.

Contract: pure. A Go string is bytes, of which most are UTF-8; here it is a ``str`` in which a byte that is no UTF-8
stands as its surrogate escape, and ``joined`` makes whole what became UTF-8 by being put together. An ``int`` is
Go's ``int``, an ``Int64`` its ``int64``: Go takes neither where it wants the other. Lists and maps are never
changed once made. None is nil.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Final, TypeAlias

from fleet.secrets.template.errors import Fault

Value: TypeAlias = "str | bool | int | float | list[Value] | dict[str, Value] | None"

_ESCAPED: Final = re.compile("[\ud800-\udfff]")
_SIGN: Final = 1 << 63
_WRAP: Final = 1 << 64
_DEEPEST: Final = 64


class Int64(int):
    """What arithmetic makes."""

    __slots__ = ()


def wrapped(number: int) -> Int64:
    """The number in 64 bits, as Go's arithmetic leaves it."""
    return Int64((number + _SIGN) % _WRAP - _SIGN)


def fits(number: int) -> bool:
    """Whether 64 bits hold the number."""
    return -_SIGN <= number < _SIGN


def raw(text: str) -> bytes:
    """The bytes that the string stands for."""
    return text.encode("utf-8", "surrogateescape")


def text_of(data: bytes) -> str:
    """The string that stands for these bytes."""
    return data.decode("utf-8", "surrogateescape")


def joined(text: str) -> str:
    """The same bytes, with every character that they hold as a character."""
    return text_of(raw(text)) if _ESCAPED.search(text) else text


def valid(text: str) -> str:
    """The string with a replacement character for every byte that is no UTF-8."""
    return _ESCAPED.sub("\ufffd", text)


def truth(value: Value) -> bool:
    """Go's truth: not the zero of its type, not empty."""
    return bool(value)


def kind(value: Value) -> str:
    """The word of Go's ``reflect.Kind``."""
    names: dict[type, str] = {
        str: "string", bool: "bool", int: "int", Int64: "int64", float: "float64", list: "slice", dict: "map",
        type(None): "invalid",
    }  # fmt: skip
    return names[type(value)]


def admitted(value: object, depth: int = 0) -> Value:
    """A caller's value as one of ours, copied; strings may be bytes. Raises ``Fault`` for anything else."""
    if depth > _DEEPEST:
        raise Fault("the values are nested too deep")
    if value is None or isinstance(value, bool):
        return value
    if type(value) is float and math.isfinite(value):
        return value
    if type(value) is int and fits(value):
        return value
    if isinstance(value, bytes):
        return text_of(value)
    if isinstance(value, str):
        return text_of(value.encode("utf-8", "surrogateescape"))
    if isinstance(value, Mapping):
        return {_key(key): admitted(one, depth + 1) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [admitted(one, depth + 1) for one in value]
    raise Fault("the values hold something that a template cannot compute with")


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise Fault("the values hold a key that is no string")
    return key
