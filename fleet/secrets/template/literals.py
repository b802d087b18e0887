"""What is written as a constant: Go's strings, characters and numbers.

Contract: pure; each takes the token and its line. Raises ``Refusal`` for what Go's ``strconv`` would not read.
"""

from __future__ import annotations

import math
import re
from typing import Final

from fleet.secrets.template.errors import Refusal
from fleet.secrets.template.values import fits, joined, text_of

_ESCAPE: Final = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))", re.DOTALL
)
_PLAIN: Final = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\",
}  # fmt: skip
_SURROGATES: Final = range(0xD800, 0xE000)
_LAST: Final = 0x10FFFF
_LONGEST: Final = 80  # characters of a number; Go would read more, and nobody writes them
_OCTAL: Final = re.compile(r"[+-]?0[0-7_]+")
_BYTE: Final = 0xFF


def string(token: str, line: int) -> str:
    """``"text"`` with Go's escapes."""
    return joined(_unescaped(token[1:-1], '"', line))


def raw_string(token: str, line: int) -> str:  # noqa: ARG001 (all of a kind)
    """What stands between back quotes, without carriage returns."""
    return token[1:-1].replace("\r", "")


def character(token: str, line: int) -> int:
    """The number of the one character."""
    inner = token[1:-1]
    text = _unescaped(inner, "'", line)
    if len(text) != 1 or inner == "'":
        raise Refusal("a character constant holds one character", line)
    number = ord(text)
    return number & _BYTE if number in _SURROGATES else number


def number(token: str, line: int) -> int | float:
    """An int where it is written as one, else a float."""
    if len(token) > _LONGEST:
        raise Refusal("a number has too many digits", line)
    lowered = token.lower()
    based = lowered.lstrip("+-")[:2] in ("0x", "0o", "0b")
    value: int | float
    try:
        if based or not re.search("[.e]", lowered):
            value = int(token.replace("_", ""), 8) if _OCTAL.fullmatch(token) else int(token, 0)
        elif "_" in token:
            raise Refusal("a number is not well written", line)
        else:
            value = float(token)
    except ValueError:
        raise Refusal("a number is not well written", line) from None
    if not (fits(value) if isinstance(value, int) else math.isfinite(value)):
        raise Refusal("a number is too large", line)
    return value


def _unescaped(text: str, delimiter: str, line: int) -> str:
    def one(match: re.Match[str]) -> str:
        byte, short, long, octal, letter = match.groups()
        if byte or octal:
            value = int(byte, 16) if byte else int(octal, 8)
            if value > _BYTE:
                raise Refusal("an escape stands for no byte", line)
            return text_of(bytes([value]))
        if short or long:
            value = int(short or long, 16)
            if value > _LAST or value in _SURROGATES:
                raise Refusal("an escape stands for no character", line)
            return chr(value)
        if letter != delimiter and letter not in _PLAIN:
            raise Refusal("a backslash is followed by something that is no escape", line)
        return _PLAIN.get(letter, letter)

    return _ESCAPE.sub(one, text)
