"""A template's text as tokens.

Contract: pure. The rules are those of ``text/template/parse/lex.go``, white space trimming included. Raises
``Refusal`` with the line. Differs by choice: complex and hexadecimal floating-point numbers are not read.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from fleet.secrets.template.errors import Refusal


class Kind(Enum):
    """What a token is; the members in the order in which the patterns are tried."""

    TEXT = "text"
    OPEN = "{{"
    CLOSE = "}}"
    STRING = "string"
    RAW = "raw string"
    CHARACTER = "character"
    NUMBER = "number"
    VARIABLE = "variable"
    FIELD = "field"
    DOT = "."
    WORD = "word"
    MARK = "mark"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """``spaced`` says that white space comes before it, which separates operands."""

    kind: Kind
    text: str
    line: int
    spaced: bool = False


_SPACE: Final = " \t\r\n"
_LEFT: Final = re.compile(r"\{\{(?P<trim>-(?=[ \t\r\n]))?")
_COMMENT: Final = re.compile(r"[ \t\r\n]?/\*(?:(?!\*/).)*\*/(?P<trim>[ \t\r\n]-)?\}\}", re.DOTALL)
_COMMENT_OPENS: Final = re.compile(r"[ \t\r\n]?/\*")
_RIGHT: Final = re.compile(r"(?P<trim>[ \t\r\n]-)?\}\}")
_SPACES: Final = re.compile(r"[ \t\r\n]+(?!-\}\})")
# After a word, field or variable one of these must follow, so that `$x+2` and `a"b"` are no operands.
_ENDS: Final = r"(?=[ \t\r\n.,|:)(]|\}\}|\Z)"
_TOKEN: Final = re.compile(
    rf"""
    (?P<STRING>"(?:[^"\\\n]|\\[^\n])*")
  | (?P<RAW>`[^`]*`)
  | (?P<CHARACTER>'(?:[^'\\\n]|\\[^\n])*')
  | (?P<NUMBER>[+-]?(?:0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+
        |(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9_]+)?)(?![\w.]))
  | (?P<VARIABLE>\$\w*{_ENDS})
  | (?P<FIELD>\.[^\W0-9]\w*{_ENDS})
  | (?P<DOT>\.{_ENDS})
  | (?P<WORD>[^\W0-9]\w*{_ENDS})
  | (?P<MARK>:=|=|\||\(|\)|,)
    """,
    re.VERBOSE,
)


def tokens(text: str) -> Iterator[Token]:
    """All tokens of the text, ``END`` the last."""
    position = 0
    line = 1
    trims = False
    while position < len(text):
        left = _LEFT.search(text, position)
        end = left.start() if left else len(text)
        copied = text[position:end]
        after = line + copied.count("\n")
        if trims:
            copied = copied.lstrip(_SPACE)
        if left and left["trim"]:
            copied = copied.rstrip(_SPACE)
        if copied:
            yield Token(Kind.TEXT, copied, line)
        if not left:
            line = after
            break
        line = after
        position = left.end()
        if comment := _comment(text, position, line, trimmed=bool(left["trim"])):
            right = comment
        else:
            yield Token(Kind.OPEN, "{{", line)
            right = yield from _action(text, position, line)
            # The position of the closing delimiter tells the line, whatever strings stood before it.
            yield Token(Kind.CLOSE, "}}", line + text.count("\n", position, right.start()))
        line += text.count("\n", position, right.end())
        position = right.end()
        trims = bool(right["trim"])
    yield Token(Kind.END, "", line)


def _comment(text: str, position: int, line: int, *, trimmed: bool) -> re.Match[str] | None:
    opens = _COMMENT_OPENS.match(text, position)
    if not opens or (text[position] in _SPACE) != trimmed:
        return None
    found = _COMMENT.match(text, position)
    if not found:
        raise Refusal("a comment is not closed", line)
    return found


def _action(text: str, position: int, line: int) -> Generator[Token, None, re.Match[str]]:
    """The tokens up to the closing delimiter, whose match is returned."""
    spaced = False
    while not (right := _RIGHT.match(text, position)):
        if spaces := _SPACES.match(text, position):
            line += spaces[0].count("\n")
            position = spaces.end()
            spaced = True
            continue
        found = _TOKEN.match(text, position)
        if not found or not found.lastgroup:
            raise Refusal(
                "an action is not closed" if position >= len(text) else "a character does not belong here",
                line,
            )
        yield Token(Kind[found.lastgroup], found[0], line, spaced)
        line += found[0].count("\n")
        position = found.end()
        spaced = False
    return right
