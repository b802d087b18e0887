"""Values as text, as Go's ``fmt`` writes them.

Contract: pure; what is gone through is charged first. A nil is an error here, where Go writes ``<no value>`` or
``<nil>``: neither is what anybody wants in a Secret.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from fleet.secrets.template.errors import Fault
from fleet.secrets.template.limits import Budget
from fleet.secrets.template.values import Value, valid

_EXPONENT: Final = 6  # from here on Go's %v has one
_LOW: Final = -4
_QUOTED: Final = {
    '"': '\\"', "\\": "\\\\", "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t",
    "\v": "\\v",
}  # fmt: skip
_PLAIN: Final = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]*")
_ESCAPED_BYTES: Final = range(0xDC80, 0xDD00)
_SPACE: Final = 0x20
_DELETE: Final = 0x7F
_WIDE: Final = 0xFFFF


def text(value: Value, budget: Budget) -> str:
    """The value as ``%v`` writes it: ``map[a:1]``, ``[a b]``, ``1e+06``."""
    if isinstance(value, str):
        return value
    budget.walk(value)
    return _text(value)


def words(values: tuple[Value, ...], budget: Budget) -> str:
    """``fmt.Sprint``: a space between two operands of which neither is a string."""
    parts: list[str] = []
    for index, value in enumerate(values):
        if index and not isinstance(value, str) and not isinstance(values[index - 1], str):
            parts.append(" ")
        parts.append(text(value, budget))
    budget.make(sum(map(len, parts)))
    return "".join(parts)


def spaced(parts: list[str], budget: Budget) -> str:
    """The texts with a space between them."""
    budget.make(sum(map(len, parts)) + len(parts))
    return " ".join(parts)


def floating(number: float, *, exponent_from: int = _EXPONENT, exponent_below: int = _LOW) -> str:
    """The shortest digits that read back; with an exponent from a million on, and below 0.0001."""
    sign, digits, exponent = Decimal(repr(number)).normalize().as_tuple()
    if not isinstance(exponent, int):
        raise Fault("a number is not finite")
    power = len(digits) + exponent - 1
    minus = "-" if sign else ""
    if not any(digits):
        return f"{minus}0"
    if exponent_below <= power < exponent_from:
        return minus + format(Decimal((0, digits, exponent)), "f")
    head, tail = str(digits[0]), "".join(map(str, digits[1:]))
    return f"{minus}{head}{'.' if tail else ''}{tail}e{'-' if power < 0 else '+'}{abs(power):02d}"


def quoted(string: str, budget: Budget) -> str:
    """``%q``: a Go string in double quotes."""
    budget.charge(len(string))
    if _PLAIN.fullmatch(string):
        return f'"{string}"'
    made = '"' + "".join(map(_quoted, string)) + '"'
    budget.make(len(made))
    return made


def _text(value: Value) -> str:
    match value:
        case None:
            raise Fault("nothing (nil) cannot be written")
        case bool():
            return "true" if value else "false"
        case float():
            return floating(value)
        case list():
            return f"[{' '.join(map(_text, value))}]"
        case dict():
            return f"map[{' '.join(f'{key}:{_text(value[key])}' for key in sorted(value))}]"
        case _:
            return str(value)


def _quoted(character: str) -> str:
    if character in _QUOTED:
        return _QUOTED[character]
    number = ord(character)
    if number in _ESCAPED_BYTES:
        return f"\\x{number & 0xFF:02x}"
    if character.isprintable():
        return character
    if number < _SPACE or number == _DELETE:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number <= _WIDE else f"\\U{number:08x}"


def html(string: str) -> str:
    """The builtin ``html``."""
    for character, entity in (
        ("&", "&amp;"), ('"', "&#34;"), ("'", "&#39;"), ("<", "&lt;"), (">", "&gt;"), ("\0", "\ufffd"),
    ):  # fmt: skip
        string = string.replace(character, entity)
    return string


_SCRIPT: Final = {
    "\\": "\\\\", "'": "\\'", '"': '\\"', "<": "\\u003C", ">": "\\u003E", "&": "\\u0026", "=": "\\u003D",
}  # fmt: skip
_SCRIPT_SPECIAL: Final = re.compile(r"""[\\'"<>&=\x00-\x1f\x7f-\U0010ffff]""")


def script(string: str) -> str:
    """The builtin ``js``."""

    def one(match: re.Match[str]) -> str:
        character = match[0]
        if character in _SCRIPT:
            return _SCRIPT[character]
        if character.isprintable() or character == "\x7f" or valid(character) != character:
            return character
        return f"\\u{ord(character):04X}"

    return _SCRIPT_SPECIAL.sub(one, string)
