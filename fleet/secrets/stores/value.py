"""One value of what a store gave: by its property, as the bytes that a Secret holds.

Contract: pure. A value that is no text becomes JSON as Go writes it (keys sorted, no spaces, ``<``, ``>`` and ``&``
escaped), nothing the empty text. A number of a store, and of JSON in a text, is as it is written there; a float, of which
nobody knows how it was written, its digits without exponent. Errors name the property as it
is written in Git, never what was found.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from fleet.secrets import number
from fleet.secrets.number import Number

_LONE: Final = re.compile("[\ud800-\udfff]")
_HTML: Final = re.compile("[<>&\u2028\u2029]")
_LARGE: Final = Decimal(10) ** 21
_SMALL: Final = Decimal(10) ** -6
_SYNTAX: Final = frozenset("*?#|")
_STARTS: Final = frozenset("@![{(\"'")
_DEEPEST: Final = 64
_DIGITS: Final = 9
_OF_VAULT: Final = ("created_time", "current_version", "delete_version_after")


class NotFound(LookupError):
    """There is nothing under the property."""


class Unread(ValueError):
    """The property is of a syntax that is not read; its text says which."""


class Unfit(ValueError):
    """What was found is not of the form that is needed; its text is one of our own, without content."""


def pick(held: Mapping[str, Any], property_: str) -> bytes:
    """The value of a property; all of it as JSON where the property is empty. Raises NotFound and Unread."""
    return octets(within(held, property_)) if property_ else text(held).encode()


def within(held: Mapping[str, Any], property_: str) -> Any:
    r"""What stands under a property, as it is. Raises NotFound and Unread.

    A key that is called so counts before a path ``a.b.0``, in which ``\.`` is a dot of a key.
    """
    return held[property_] if property_ in held else follow(held, property_)


def mapping(found: Any) -> Mapping[str, Any] | None:
    """A map, or the map that a text holds as JSON; None for all else."""
    if isinstance(found, str | bytes):
        try:
            found = number.loads(found)
        except ValueError:
            return None
    return found if isinstance(found, Mapping) else None


def metadata(held: Mapping[str, Any]) -> dict[str, str]:
    """What Vault says of a path, as texts: three fields of its own, and the custom metadata, which counts first."""
    found = {name: held[name] for name in _OF_VAULT if held.get(name) is not None}
    custom = held.get("custom_metadata")
    if isinstance(custom, Mapping):
        found.update(custom)
    return {str(key): octets(value).decode() for key, value in found.items()}


def components(path: str) -> tuple[str, ...]:
    """The keys of a path. Raises Unread for wildcards, queries and modifiers."""
    parts = [""]
    escaped = False
    for character in path:
        if escaped:
            parts[-1] += character
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == ".":
            parts.append("")
        elif character in _SYNTAX or (character in _STARTS and not parts[-1]):
            raise Unread(f"{character} is a syntax of gjson beyond keys, dots and places in a list")
        else:
            parts[-1] += character
    if escaped:
        raise Unread("it ends with a backslash")
    return tuple(parts)


def octets(value: Any) -> bytes:
    """A value as a Secret holds it."""
    match value:
        case bytes():
            return value
        case str():
            return _valid(value).encode()
        case Number():
            return value.text.encode()
        case None:
            return b""
        case bool():
            return b"true" if value else b"false"
        case int():
            return str(value).encode()
        case float() | Decimal():
            return _plain(Decimal(repr(value)) if isinstance(value, float) else value).encode()
        case _:
            return text(value).encode()


def text(value: Any, *, html: bool = True) -> str:
    """A value as JSON; ``html`` escapes what HTML would read. Raises ValueError without content."""
    made = _json(value, 0)
    return _HTML.sub(lambda found: f"\\u{ord(found[0]):04x}", made) if html else made


def follow(held: Any, path: str) -> Any:
    """What stands at the end of a path of keys and places in lists. Raises NotFound and Unread."""
    for part in components(path):
        if isinstance(held, Mapping) and part in held:
            held = held[part]
        elif isinstance(held, list | tuple) and _within(part, len(held)):
            held = held[int(part)]
        else:
            raise NotFound
    return held


def _within(part: str, length: int) -> bool:
    return part.isascii() and part.isdigit() and len(part) <= _DIGITS and int(part) < length


def _json(value: Any, depth: int) -> str:
    if depth > _DEEPEST:
        raise Unfit("it is nested too deep")
    match value:
        case bytes():
            return json.dumps(value.decode("utf-8", "replace"), ensure_ascii=False)
        case str():
            return json.dumps(_valid(value), ensure_ascii=False)
        case float():
            return _number(Decimal(repr(value)))
        case Decimal():
            return str(value)
        case Number():
            return value.text
        case Mapping():
            inner = (
                f"{_json(str(key), depth)}:{_json(value[key], depth + 1)}" for key in sorted(value, key=str)
            )
            return "{" + ",".join(inner) + "}"
        case list() | tuple():
            return "[" + ",".join(_json(one, depth + 1) for one in value) + "]"
        case bool() | int() | None:
            return json.dumps(value)
        case _:
            raise Unfit("it holds what is no JSON")


def _number(number: Decimal) -> str:
    """A float as Go's JSON has it: with an exponent where it is very large or very small."""
    if number and not _SMALL <= abs(number) < _LARGE:
        digits = format(number.normalize(), "e").lower()
        return re.sub(r"e([+-])0*(\d)", r"e\1\2", digits)
    return _plain(number)


def _plain(number: Decimal) -> str:
    digits = format(number, "f")
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def _valid(text: str) -> str:
    """Half of a surrogate pair is no character: Go puts the replacement character there."""
    return _LONE.sub("\ufffd", text)
