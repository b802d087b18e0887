r"""Patterns of namespace names: the plain part of Go's regular expressions, in time that grows with the name alone.

Contract: pure. Read are letters, digits, ``-`` and ``_``, ``.``, escaped marks, ``\d``, ``\w``, classes ``[a-z0-9]`` and
``[^a]``, ``*``, ``+``, ``?`` after one of these, ``^`` at the beginning, ``$`` at the end, and ``|`` between whole patterns.
As in Go, a pattern without ``^`` and ``$`` matches anywhere. Groups, counts and all else are a ValueError: they are
matched by people's patterns over people's names, and nothing here may backtrack.
"""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from typing import Final

LONGEST: Final = 512
_PLAIN: Final = frozenset(string.ascii_letters + string.digits + "-_")
_MARKS: Final = frozenset(".-_^$*+?()[]{}|\\/")
_SETS: Final = {
    "d": frozenset(string.digits),
    "w": frozenset(string.ascii_letters + string.digits + "_"),
}
_CLASS: Final = re.compile(r"\[(?P<not>\^?)(?P<body>(?:[A-Za-z0-9_.](?:-[A-Za-z0-9])?)*-?)\]")
_RANGE: Final = re.compile(r"(?P<first>[A-Za-z0-9_.-])(?:-(?P<last>[A-Za-z0-9]))?")
_ALL: Final = frozenset(map(chr, range(32, 127)))


@dataclass(frozen=True, slots=True)
class _Atom:
    """Characters that match once; ``skips`` where none may do, ``repeats`` where more may."""

    accepts: frozenset[str]
    skips: bool = False
    repeats: bool = False


@dataclass(frozen=True, slots=True)
class _Branch:
    atoms: tuple[_Atom, ...]
    begins: bool
    ends: bool


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern that was read."""

    branches: tuple[_Branch, ...]

    def matches(self, name: str) -> bool:
        """Whether it matches, in part where it is not anchored."""
        return any(_matches(branch, name) for branch in self.branches)


def read(text: str) -> Pattern:
    """Read a pattern. Raises ValueError, which does not repeat it."""
    if len(text) > LONGEST:
        raise ValueError(f"it is longer than {LONGEST} characters")
    return Pattern(tuple(_branch(one) for one in _alternatives(text)))


def _alternatives(text: str) -> list[str]:
    """The parts between ``|``; an escaped one parts nothing, and a class holds none."""
    parts, escaped = [""], False
    for character in text:
        if character == "|" and not escaped:
            parts.append("")
            continue
        parts[-1] += character
        escaped = character == "\\" and not escaped
    return parts


def _branch(text: str) -> _Branch:
    begins = text.startswith("^")
    ends = text.endswith("$") and not text.endswith("\\$")
    body = text[begins : len(text) - ends] if len(text) > begins else ""
    atoms: list[_Atom] = []
    at = 0
    while at < len(body):
        accepts, at = _accepted(body, at)
        mark = body[at] if at < len(body) and body[at] in "*+?" else ""
        atoms.append(_Atom(accepts, mark in ("*", "?"), mark in ("*", "+")))
        at += len(mark)
    return _Branch(tuple(atoms), begins, ends)


def _accepted(body: str, at: int) -> tuple[frozenset[str], int]:
    """The characters of the atom that begins there, and where it ends."""
    character = body[at]
    if character in _PLAIN:
        return frozenset({character}), at + 1
    if character == ".":
        return _ALL, at + 1
    if character == "\\" and at + 1 < len(body):
        escaped = body[at + 1]
        if escaped in _SETS:
            return _SETS[escaped], at + 2
        if escaped in _MARKS:
            return frozenset({escaped}), at + 2
    if character == "[" and (found := _CLASS.match(body, at)) and found["body"]:
        return _class(found), found.end()
    raise ValueError(
        "holds more than names, '.', classes, '*', '+', '?', '^', '$' and '|': groups and counts are not read"
    )


def _class(found: re.Match[str]) -> frozenset[str]:
    characters: set[str] = set()
    for one in _RANGE.finditer(found["body"]):
        first, last = one["first"], one["last"] or one["first"]
        if first > last:
            raise ValueError("holds a class that runs backwards")
        characters.update(map(chr, range(ord(first), ord(last) + 1)))
    return _ALL - characters if found["not"] else frozenset(characters)


def _matches(branch: _Branch, name: str) -> bool:
    """All places at once: a set of atoms that may come next, moved one character at a time."""
    end = len(branch.atoms)
    current = _reach(branch, {0})
    for character in name:
        if end in current and not branch.ends:
            return True
        moved = set()
        for number in current - {end}:
            atom = branch.atoms[number]
            if character in atom.accepts:
                moved.add(number + 1)
                if atom.repeats:
                    moved.add(number)
        current = _reach(branch, moved if branch.begins else moved | {0})
    return end in current


def _reach(branch: _Branch, places: set[int]) -> set[int]:
    """The places, and those behind atoms that may be skipped. An atom that repeats is left by having matched."""
    reached = set()
    for start in places:
        number = start
        reached.add(number)
        while number < len(branch.atoms) and branch.atoms[number].skips:
            number += 1
            reached.add(number)
    return reached
