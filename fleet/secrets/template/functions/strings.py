"""Sprig's functions of strings, encodings and digests.

Lengths and positions count bytes, as Go's do. Case is changed a character at a time: one stays one.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Final
from urllib.parse import quote_plus

from fleet.secrets.template import encoding, printing
from fleet.secrets.template.errors import Fault
from fleet.secrets.template.functions.signature import Function, Kind, charged, linear
from fleet.secrets.template.limits import Budget
from fleet.secrets.template.values import Value, joined, raw, text_of

_SPACE: Final = (
    "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
)
_SPACES: Final = re.compile(f"[{_SPACE}]+")
_LINE_ENDS: Final = re.compile(r"[\r\n]+")
_BASE64: Final = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_BASE32: Final = re.compile(
    r"(?:[A-Z2-7]{8})*(?:[A-Z2-7]{2}={6}|[A-Z2-7]{4}={4}|[A-Z2-7]{5}={3}|[A-Z2-7]{7}=)?"
)


def _b64dec(text: str) -> str:
    """Sprig gives the error's text as the value; this is an error."""
    found = _BASE64.fullmatch(_LINE_ENDS.sub("", text))
    if not found:
        raise Fault("the text is not base64")
    return text_of(base64.b64decode(found[0]))


def _b32dec(text: str) -> str:
    found = _BASE32.fullmatch(_LINE_ENDS.sub("", text))
    if not found:
        raise Fault("the text is not base32")
    return text_of(base64.b32decode(found[0]))


def _cased(text: str, *, upper: bool) -> str:
    if text.isascii():
        return text.upper() if upper else text.lower()
    changed = ((one, one.upper() if upper else one.lower()) for one in text)
    return "".join(new if len(new) == 1 else old for old, new in changed)


def _title(text: str) -> str:
    out: list[str] = []
    begins = True
    for character in text:
        titled = character.title() if begins else character
        out.append(titled if len(titled) == 1 else character)
        ends = not (character.isalnum() or character == "_")
        begins = ends if character.isascii() else character in _SPACE
    return "".join(out)


def _quote(budget: Budget, *values: Value) -> str:
    parts = [printing.quoted(printing.text(one, budget), budget) for one in values if one is not None]
    return printing.spaced(parts, budget)


def _single_quote(budget: Budget, *values: Value) -> str:
    return printing.spaced([f"'{printing.text(one, budget)}'" for one in values if one is not None], budget)


def _cat(budget: Budget, *values: Value) -> str:
    return printing.spaced([printing.text(one, budget) for one in values if one is not None], budget)


def _trim_all(characters: str, text: str) -> str:
    """Python's own ``strip`` looks through all of the characters for each of the text, and nobody else runs meanwhile."""
    unwanted = frozenset(characters)
    start, end = 0, len(text)
    while start < end and text[start] in unwanted:
        start += 1
    while start < end and text[end - 1] in unwanted:
        end -= 1
    return text[start:end]


def _repeat(budget: Budget, count: int, text: str) -> str:
    if count < 0:
        raise Fault("a string is repeated less than no times")
    budget.make(count * len(text))
    return text * count if text else ""


def _indent(budget: Budget, spaces: int, text: str) -> str:
    if spaces < 0:
        raise Fault("a string is indented by less than nothing")
    budget.make(len(text) + spaces * (text.count("\n") + 1))
    pad = " " * spaces
    return pad + text.replace("\n", f"\n{pad}")


def _nindent(budget: Budget, spaces: int, text: str) -> str:
    return "\n" + _indent(budget, spaces, text)


def _replace(budget: Budget, old: str, new: str, text: str) -> str:
    count = text.count(old)
    budget.make(len(text) + count * max(0, len(new) - len(old)))
    return text.replace(old, new)


def _trunc(count: int, text: str) -> str:
    data = raw(text)
    if count < 0:
        return text_of(data[count:]) if len(data) + count > 0 else text
    return text_of(data[:count])


def _substr(start: int, end: int, text: str) -> str:
    data = raw(text)
    if start < 0:
        start = 0
        if not 0 <= end <= len(data):
            raise Fault("a position is outside of the string")
    elif end < 0 or end > len(data):
        end = len(data)
    if start > end:
        raise Fault("a position is outside of the string")
    return text_of(data[start:end])


def _urlquery(budget: Budget, *values: Value) -> str:
    text = printing.words(values, budget)
    budget.charge(3 * len(text))
    return quote_plus(raw(text), safe="")


def _sum(name: str) -> Function:
    return linear(lambda text: hashlib.new(name, raw(text), usedforsecurity=False).hexdigest(), Kind.STRING)


_TEXT = Kind.STRING

FUNCTIONS: Final[dict[str, Function]] = {
    "b64enc": linear(lambda text: base64.b64encode(raw(text)).decode(), _TEXT),
    "b64dec": linear(_b64dec, _TEXT),
    "b32enc": linear(lambda text: base64.b32encode(raw(text)).decode(), _TEXT),
    "b32dec": linear(_b32dec, _TEXT),
    "sha1sum": _sum("sha1"),
    "sha256sum": _sum("sha256"),
    "sha512sum": _sum("sha512"),
    "quote": charged(_quote, rest=Kind.ANY),
    "squote": charged(_single_quote, rest=Kind.ANY),
    "cat": charged(_cat, rest=Kind.ANY),
    "trim": linear(lambda text: text.strip(_SPACE), _TEXT),
    "trimAll": linear(_trim_all, _TEXT, _TEXT),
    "trimPrefix": linear(lambda prefix, text: text.removeprefix(prefix), _TEXT, _TEXT),
    "trimSuffix": linear(lambda suffix, text: text.removesuffix(suffix), _TEXT, _TEXT),
    "nospace": linear(lambda text: _SPACES.sub("", text), _TEXT),
    "upper": linear(lambda text: _cased(text, upper=True), _TEXT),
    "lower": linear(lambda text: _cased(text, upper=False), _TEXT),
    "title": linear(_title, _TEXT),
    "repeat": charged(_repeat, Kind.INT, _TEXT),
    "replace": charged(_replace, _TEXT, _TEXT, _TEXT),
    "contains": linear(lambda part, text: part in text, _TEXT, _TEXT),
    "hasPrefix": linear(lambda part, text: text.startswith(part), _TEXT, _TEXT),
    "hasSuffix": linear(lambda part, text: text.endswith(part), _TEXT, _TEXT),
    "indent": charged(_indent, Kind.INT, _TEXT),
    "nindent": charged(_nindent, Kind.INT, _TEXT),
    "trunc": linear(_trunc, Kind.INT, _TEXT),
    "substr": linear(_substr, Kind.INT, Kind.INT, _TEXT),
    "urlquery": charged(_urlquery, rest=Kind.ANY),
    "toString": charged(lambda budget, value: joined(printing.text(value, budget)), Kind.ANY),
    "toJson": charged(encoding.to_json, Kind.ANY),
    "toRawJson": charged(encoding.to_raw_json, Kind.ANY),
    "toPrettyJson": charged(encoding.to_pretty_json, Kind.ANY),
    "mustToJson": charged(encoding.to_json, Kind.ANY),
    "fromJson": charged(encoding.from_json, _TEXT),
    "mustFromJson": charged(encoding.from_json, _TEXT),
    "toYaml": charged(encoding.to_yaml, Kind.ANY),
    "fromYaml": charged(encoding.from_yaml, _TEXT),
}
