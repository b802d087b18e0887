r"""Which paths a glob names, as Argo CD's ``directory.include`` and ``directory.exclude`` do.

Contract: pure. The glob is matched against a file's whole path relative to the source's path.

- ``*`` and ``**`` match any characters, ``/`` too; ``?`` matches one, ``/`` too. So ``*.yaml`` names the
  files of all folders, and ``env/*`` all below ``env``.
- ``{a,b}`` gives alternatives, which may nest; ``[abc]``, ``[a-z]`` and ``[!a-z]`` match one character.
- ``\`` takes the next character as it stands.
- ``/**/`` also matches a single ``/``.

Argo CD uses gobwas/glob without separators. A broken glob is an error here; there it matches nothing.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_MOST_ALTERNATIVES: Final = 200
_DEEPEST: Final = 10
_STAR: Final = "*"

# A glob without braces: pieces of regular expression, and stars.
_Flat = tuple[str, ...]


class Glob:
    """A glob ready to match. Matching takes time in proportion to path and glob, whatever the glob."""

    def __init__(self, patterns: list[re.Pattern[str]]) -> None:
        self._patterns = patterns

    def matches(self, path: str) -> bool:
        """Whether the glob names the path."""
        return any(pattern.fullmatch(path) for pattern in self._patterns)


@lru_cache(maxsize=1024)
def compiled(glob: str) -> Glob:
    """The glob, ready to match. Raises ValueError, which says what is wrong and does not quote it."""
    flats, _ = _alternatives(glob.replace("/**/", "{/,/**/}"), 0, 0)
    return Glob([re.compile(_regex(flat), re.DOTALL) for flat in flats])


def _alternatives(glob: str, at: int, depth: int) -> tuple[list[_Flat], int]:
    """What stands from ``at`` to the end, or to the brace that closes this level, without braces."""
    if depth > _DEEPEST:
        raise ValueError(f"its braces nest more than {_DEEPEST} deep")
    done: list[_Flat] = []
    current: list[_Flat] = [()]
    while at < len(glob):
        char = glob[at]
        at += 1
        if depth and char == "}":
            return done + current, at
        if depth and char == ",":
            done += current
            current = [()]
            continue
        if char == "{":
            inner, at = _alternatives(glob, at, depth + 1)
        elif char == "[":
            piece, at = _class(glob, at)
            inner = [(piece,)]
        elif char == "\\":
            inner = [(re.escape(glob[at : at + 1]),)]
            at += 1
        else:
            inner = [(_STAR if char == "*" else "." if char == "?" else re.escape(char),)]
        current = [left + right for left in current for right in inner]
        if len(done) + len(current) > _MOST_ALTERNATIVES:
            raise ValueError(f"its braces give more than {_MOST_ALTERNATIVES} alternatives")
    if depth:
        raise ValueError("it opens a brace that it does not close")
    return current, at


def _class(glob: str, at: int) -> tuple[str, int]:
    negated = glob[at : at + 1] == "!"
    at += negated
    members: list[str] = []
    while at < len(glob) and glob[at] != "]":
        at += glob[at] == "\\"
        first = glob[at : at + 1]
        at += 1
        if glob[at : at + 1] == "-" and glob[at + 1 : at + 2] not in ("", "]"):
            last = glob[at + 1]
            at += 2
            if last < first:
                raise ValueError("it holds a range that runs backwards")
            members.append(f"{re.escape(first)}-{re.escape(last)}")
        else:
            members.append(re.escape(first))
    if at >= len(glob) or not members:
        raise ValueError("it opens a bracket that it does not close, or that holds nothing")
    return f"[{'^' if negated else ''}{''.join(members)}]", at + 1


def _regex(flat: _Flat) -> str:
    """One regular expression; what follows a star is matched where it first occurs, and never tried again."""
    pieces = [""]
    for item in flat:
        if item == _STAR:
            pieces.append("")
        else:
            pieces[-1] += item
    first, *rest = pieces
    if not rest:
        return first
    *middle, last = rest
    return first + "".join(f"(?>.*?{piece})" for piece in middle if piece) + ".*" + last
