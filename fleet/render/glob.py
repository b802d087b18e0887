"""Argo CD's globs over file names: ``*`` and ``?`` within or across folders, ``{a,b}`` alternatives, ``[a-z]``.

As in Argo CD (gobwas/glob without separators), ``*`` also crosses ``/``; the whole relative path must match, and
where a pattern has no ``/`` it may match the file's own name instead.
"""

from __future__ import annotations

import re
from functools import lru_cache


@lru_cache(maxsize=512)
def compiled(pattern: str) -> re.Pattern[str]:
    """The glob as a regular expression; a class or brace that does not end stands for itself."""
    out: list[str] = []
    depth = 0
    at = 0
    while at < len(pattern):
        sign = pattern[at]
        at += 1
        if sign == "*":
            out.append(".*")
        elif sign == "?":
            out.append(".")
        elif sign == "{" and "}" in pattern[at:]:
            depth += 1
            out.append("(?:")
        elif sign == "}" and depth:
            depth -= 1
            out.append(")")
        elif sign == "," and depth:
            out.append("|")
        elif sign == "[" and "]" in pattern[at + 1 :]:
            end = pattern.index("]", at + 1)
            inside = pattern[at:end].replace("\\", "\\\\")
            out.append(f"[{'^' + inside[1:] if inside[:1] in ('!', '^') else inside}]")
            at = end + 1
        else:
            out.append(re.escape(sign))
    out.append(")" * depth)
    try:
        return re.compile("".join(out), re.DOTALL)
    except re.error:
        return re.compile(re.escape(pattern))


def matches(pattern: str, path: str) -> bool:
    """Whether the file at this relative path is meant."""
    found = compiled(pattern)
    return found.fullmatch(path) is not None or (
        "/" not in pattern and found.fullmatch(path.rpartition("/")[2]) is not None
    )
